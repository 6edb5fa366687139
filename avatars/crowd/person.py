"""A made-up person in two halves: a build (body, cuts), which takes a second to make, and dyes, of which it takes many.

Whoever is drawn is told by seeds alone. People of training and those held out differ in bodies, hair styles, seeds of
cloth and in which kinds of tops go with which bottoms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TypeVar

import numpy as np

from avatars.body import BodyModel
from avatars.crowd.colors import COLOR_WORDS, drawn_color
from avatars.crowd.garments import BAGS, BOTTOMS, CLOTHS, OUTERS, TOPS, Kind
from avatars.crowd.hair import HAIR_COLORS, HELD_OUT, SKINS, STYLES, HairStyle, varied
from avatars.people.cloth_paint import ShoePaint
from avatars.people.figure import Figure, Surface
from avatars.people.finish import Paint
from avatars.people.skin_paint import Color, EyePaint, HairPaint, SkinPaint
from avatars.people.tailor import Cut, Garment, wear
from avatars.people.tailor.shoes import ShoesCut

_T = TypeVar("_T")

_GREY_PAINT = ShoePaint()
"""What a build is sewn with before it is dyed."""

_OUTER, _BAG = 0.45, 0.25
"""Shares of people with something over their top, and with a bag."""

_HELD_OUT_EVERY = 5
"""Of the pairs of a top and a bottom, every so many is held out."""

_EYES = ((0.05, 0.025, 0.014), (0.13, 0.065, 0.03), (0.10, 0.17, 0.26), (0.08, 0.14, 0.07))


class Split(Enum):
    """Which half of humanity somebody is from; the value begins its seeds."""

    TRAINING = 1
    HELD_OUT = 2


Facts = Mapping[str, str]
"""What is true of somebody: "top color" is "red", "hair" is "long", and so on, by words of the tables."""


@dataclass(frozen=True)
class Build:
    """A body and what hangs on it, without colours.

    Attributes:
        shape: Shape coefficients.
        worn: Name of each place ("bottom", "top", "outer", "bag") that is worn, the innermost first, and its kind.
        cuts: Of these.
        hair: Style.
        hair_cuts: As drawn.
    """

    shape: tuple[float, ...]
    worn: tuple[tuple[str, Kind], ...]
    cuts: tuple[Cut, ...]
    hair: HairStyle
    hair_cuts: tuple[Cut, ...]

    @property
    def places(self) -> tuple[str, ...]:
        """Where each surface of the dressed body is: "skin" twice (skin and eyes), "shoes", what is worn, "hair"."""
        return ("skin", "skin", "shoes", *(place for place, _ in self.worn), *("hair" for _ in self.hair_cuts))

    def sewn(self, model: BodyModel) -> Figure:
        """The dressed body, in no colours yet: `Dye.surfaces` has them."""
        shoes = Garment(ShoesCut(), Surface("shoes", _GREY_PAINT))
        labels = {"bag": "outer"}
        worn = [
            Garment(cut, Surface(labels.get(place, place), _GREY_PAINT))
            for (place, _), cut in zip(self.worn, self.cuts, strict=True)
        ]
        hair = [Garment(cut, Surface("hair", _GREY_PAINT)) for cut in self.hair_cuts]
        return wear(model, (shoes, *worn, *hair), skin=SkinPaint(), eye=EyePaint())


@dataclass(frozen=True)
class Dye:
    """The colours of a build.

    Attributes:
        surfaces: For a figure of that build.
        facts: What captions may say of whoever wears it.
    """

    surfaces: tuple[Surface, ...]
    facts: Facts


def drawn_build(split: Split, number: int) -> Build:
    """The build of a number, the same each time."""
    generator = np.random.default_rng((split.value, 1, number))
    top, bottom = _drawn_pair(split, generator)
    worn = [("bottom", bottom), ("top", top)]
    if generator.random() < _OUTER:
        worn.append(("outer", _one_of(OUTERS, generator)))
    if generator.random() < _BAG:
        worn.append(("bag", _one_of(BAGS, generator)))
    allowed = [place for place in range(len(STYLES)) if (place in HELD_OUT) == (split is Split.HELD_OUT)]
    hair = STYLES[_one_of(allowed, generator)]
    seed = int(generator.integers(0, 10_000))
    return Build(
        _shape(generator),
        tuple(worn),
        tuple(kind.cut(generator) for _, kind in worn),
        hair,
        hair.cuts(seed),
    )


def drawn_dye(split: Split, build: Build, number: int) -> Dye:
    """The dye of a number on a build; on another build the same number has the same colours in the same places."""
    seeds = {
        place: np.random.default_rng((split.value, 2, number, index))
        for index, place in enumerate(("head", "shoes", "bottom", "top", "outer", "bag"))
    }
    skin, facts, tint = _head(build, seeds["head"])
    surfaces = [Surface("skin", skin), Surface("skin", EyePaint(_one_of(_EYES, seeds["head"])))]
    shoes = _one_of(COLOR_WORDS, seeds["shoes"])
    surfaces.append(Surface("shoes", _shoe(shoes, seeds["shoes"])))
    facts["shoes color"] = shoes
    for place, kind in build.worn:
        paint, told = _cloth(place, kind, seeds[place])
        surfaces.append(Surface("outer" if place == "bag" else place, paint))
        facts |= told
    surfaces += [Surface("hair", HairPaint(tint)) for _ in build.hair_cuts]
    return Dye(tuple(surfaces), MappingProxyType(facts))


def _drawn_pair(split: Split, generator: np.random.Generator) -> tuple[Kind, Kind]:
    """A top and a bottom that this half of humanity wears together."""
    while True:
        top, bottom = int(generator.integers(len(TOPS))), int(generator.integers(len(BOTTOMS)))
        if ((top * len(BOTTOMS) + bottom) % _HELD_OUT_EVERY == 3) == (split is Split.HELD_OUT):
            return TOPS[top], BOTTOMS[bottom]


def _one_of(choices: Sequence[_T], generator: np.random.Generator) -> _T:
    return choices[int(generator.integers(len(choices)))]


def _shape(generator: np.random.Generator) -> tuple[float, ...]:
    """Of an adult: the second coefficient is that of men and women."""
    shape = 0.55 * generator.standard_normal(10)
    shape[1] = generator.choice([-0.95, 0.95]) + 0.2 * generator.standard_normal()
    return tuple(float(value) for value in shape.clip(-1.8, 1.8))


def _head(build: Build, generator: np.random.Generator) -> tuple[SkinPaint, dict[str, str], Color]:
    """Skin, what there is to say about it and the hair, and the hair's colour."""
    skin, hair = _one_of(tuple(SKINS), generator), _one_of(tuple(HAIR_COLORS), generator)
    tone, tint = varied(SKINS[skin], generator), varied(HAIR_COLORS[hair], generator)
    facts = {"skin": skin, "hair": build.hair.words[0], "who": "woman" if build.shape[1] > 0 else "man"}
    return SkinPaint(tone, tint), facts | ({"hair color": hair} if build.hair_cuts else {}), tint


def _shoe(word: str, generator: np.random.Generator) -> ShoePaint:
    sole = _one_of(((0.62, 0.60, 0.56), (0.03, 0.03, 0.03), (0.10, 0.06, 0.03)), generator)
    color = drawn_color(word, generator)
    return ShoePaint(color, sole, color)


def _cloth(place: str, kind: Kind, generator: np.random.Generator) -> tuple[Paint, dict[str, str]]:
    """The paint of a garment, and what there is to say about it."""
    word, other = _one_of(COLOR_WORDS, generator), _one_of(COLOR_WORDS, generator)
    while other == word:
        other = _one_of(COLOR_WORDS, generator)
    color, second = drawn_color(word, generator), drawn_color(other, generator)
    name, seed = _one_of(kind.cloths, generator), int(generator.integers(0, 10_000))
    cloth = CLOTHS[name]
    facts = {place: kind.name, f"{place} color": word, f"{place} cloth": name}
    if cloth.two:
        facts[f"{place} second color"] = other
    return cloth.paint(color, second, seed), facts
