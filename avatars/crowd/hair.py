"""Hair styles, and the words for them and for their colours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from avatars.people.skin_paint import Color
from avatars.people.tailor import Cut
from avatars.people.tailor.hair import LongHairCut, ShortHairCut
from avatars.people.tailor.solids import bun, ponytail

Sewn = Callable[[int], tuple[Cut, ...]]


@dataclass(frozen=True)
class HairStyle:
    """A style.

    Attributes:
        words: What captions say of it, the first one its name; they stand before the colour's word and "hair".
        cuts: What it is made of, from a seed that ruffles it.
    """

    words: tuple[str, ...]
    cuts: Sewn


def _cap(depth: float, *solids: Cut) -> Sewn:
    return lambda seed: (ShortHairCut(depth, seed), *solids)


def _curtain(end: float, depth: float) -> Sewn:
    return lambda seed: (LongHairCut(end, depth, seed),)


STYLES: tuple[HairStyle, ...] = (
    HairStyle(("no",), lambda _: ()),
    *(HairStyle(("cropped",), _cap(depth)) for depth in (0.007, 0.010)),
    *(HairStyle(("short",), _cap(depth)) for depth in (0.016, 0.020, 0.025)),
    *(HairStyle(("thick short",), _cap(depth)) for depth in (0.034, 0.042)),
    *(HairStyle(("afro",), _cap(depth)) for depth in (0.058, 0.070)),
    *(HairStyle(("pinned up",), _cap(0.014, bun(size))) for size in (0.035, 0.045, 0.055)),
    *(HairStyle(("tied back",), _cap(0.014, ponytail(length))) for length in (0.16, 0.24, 0.32)),
    *(HairStyle(("chin-length", "bobbed"), _curtain(end, 0.016)) for end in (0.335, 0.310)),
    HairStyle(("chin-length", "bobbed"), _curtain(0.325, 0.026)),
    *(HairStyle(("shoulder-length",), _curtain(end, 0.016)) for end in (0.24, 0.21)),
    HairStyle(("shoulder-length",), _curtain(0.225, 0.026)),
    *(HairStyle(("long",), _curtain(end, 0.016)) for end in (0.11, 0.07)),
    HairStyle(("long",), _curtain(0.09, 0.026)),
    *(HairStyle(("very long",), _curtain(end, 0.018)) for end in (-0.02, -0.06)),
)
"""All of them."""

HELD_OUT: frozenset[int] = frozenset({4, 8, 11, 14, 17, 20, 23})
"""Styles that training never sees: each has a sibling of the same word that it does see."""

HAIR_COLORS: Mapping[str, Color] = {
    "black": (0.012, 0.010, 0.010),
    "brown": (0.060, 0.034, 0.021),
    "red": (0.20, 0.062, 0.022),
    "blond": (0.36, 0.23, 0.10),
    "grey": (0.24, 0.235, 0.23),
}
"""By word, linear RGB."""

SKINS: Mapping[str, Color] = {
    "pale": (0.70, 0.47, 0.37),
    "medium": (0.60, 0.36, 0.26),
    "tanned": (0.44, 0.25, 0.15),
    "brown": (0.24, 0.125, 0.075),
    "dark": (0.115, 0.060, 0.038),
}
"""By word, linear RGB."""


def varied(color: Color, generator: np.random.Generator, share: float = 0.2) -> Color:
    """A colour near another one."""
    light, tint = 1.0 + share * generator.uniform(-1.0, 1.0), 1.0 + 0.25 * share * generator.uniform(-1.0, 1.0, 3)
    red, green, blue = (min(channel * light * float(turn), 1.0) for channel, turn in zip(color, tint, strict=True))
    return red, green, blue
