"""Kinds of garments: the words for them, their cuts, the cloth that they are made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from avatars.people.cloth_paint import ClothPaint
from avatars.people.cloths import denim, emblazoned, felt, knitted, leather, lettered, pinstriped, plaid, plain, striped
from avatars.people.skin_paint import Color
from avatars.people.tailor import Cut
from avatars.people.tailor.loose import CoatCut, SkirtCut
from avatars.people.tailor.solids import backpack, shoulder_bag
from avatars.people.tailor.tight import ShirtCut, TrousersCut

Draw = Callable[[np.random.Generator], Cut]
Span = tuple[float, float]


@dataclass(frozen=True)
class Kind:
    """A kind of garment.

    Attributes:
        words: What captions call it; the first one is its name.
        cut: Draws one.
        cloths: Names in `CLOTHS` of what it is made of.
    """

    words: tuple[str, ...]
    cut: Draw
    cloths: tuple[str, ...] = ("plain",)

    @property
    def name(self) -> str:
        """The first of its words."""
        return self.words[0]


@dataclass(frozen=True)
class Cloth:
    """A kind of cloth.

    Attributes:
        words: Adjectives for it, or what comes after "with"; none where nobody would mention it.
        paint: From its colour, a second one and a seed.
        two: Whether the second colour shows.
        front: Whether only the front has it.
        even: Whether the second colour shows about as much as the first, so that either is its colour.
    """

    words: tuple[str, ...]
    paint: Callable[[Color, Color, int], ClothPaint]
    two: bool = False
    front: bool = False
    even: bool = False


def _shaded(color: Color, factor: float) -> Color:
    red, green, blue = color
    return red * factor, green * factor, blue * factor


def _worn(color: Color) -> Color:
    """Denim where it is worn."""
    red, green, blue = color
    return 0.5 * red + 0.12, 0.5 * green + 0.14, 0.5 * blue + 0.16


CLOTHS: Mapping[str, Cloth] = {
    "plain": Cloth((), lambda color, _, seed: plain(color, seed)),
    "striped": Cloth(
        ("striped",),
        lambda color, other, seed: striped(color, other, seed, period=_period(seed)),
        two=True,
        even=True,
    ),
    "checked": Cloth(
        ("checked", "plaid"), lambda color, other, seed: plaid(color, other, other, seed), two=True, even=True
    ),
    "lettered": Cloth(
        ("letters on the chest", "a printed text"), lambda color, other, seed: lettered(color, other, seed), True, True
    ),
    "emblazoned": Cloth(
        ("a round print on the chest", "an emblem"),
        lambda color, other, seed: emblazoned(color, other, _shaded(other, 0.3), seed),
        True,
        True,
    ),
    "knitted": Cloth(("knitted",), lambda color, _, seed: knitted(color, _shaded(color, 0.6), seed)),
    "denim": Cloth((), lambda color, _, seed: denim(color, _worn(color), seed)),
    "pinstriped": Cloth(("pinstriped",), lambda color, other, seed: pinstriped(color, other, seed), two=True),
    "wool": Cloth((), lambda color, _, seed: felt(color, seed)),
    "leather": Cloth(("leather",), lambda color, _, seed: leather(color, seed)),
}
"""By name."""


def _period(seed: int) -> float:
    return (0.03, 0.045, 0.06, 0.08)[seed % 4]


def _seed(generator: np.random.Generator) -> int:
    return int(generator.integers(0, 10_000))


def _shirt(
    sleeve: Span, hem: Span = (-0.28, -0.16), ease: Span = (0.010, 0.014), collar: Span = (0.074, 0.084)
) -> Draw:
    return lambda generator: ShirtCut(
        hem=generator.uniform(*hem),
        sleeve=generator.uniform(*sleeve),
        ease=generator.uniform(*ease),
        tighten=generator.uniform(0.02, 0.2),
        collar=generator.uniform(*collar),
        seed=_seed(generator),
    )


def _trousers(hem: Span, tighten: Span, ease: Span = (0.007, 0.011)) -> Draw:
    return lambda generator: TrousersCut(
        hem=generator.uniform(*hem),
        tighten=generator.uniform(*tighten),
        ease=generator.uniform(*ease),
        seed=_seed(generator),
    )


def _skirt(hem: Span, flare: Span) -> Draw:
    return lambda generator: SkirtCut(
        hem=generator.uniform(*hem),
        flare=generator.uniform(*flare),
        folds=generator.uniform(0.02, 0.045),
        count=int(generator.integers(7, 13)),
        seed=_seed(generator),
    )


def _coat(hem: Span, opening: Span, folds: float) -> Draw:
    return lambda generator: CoatCut(
        hem=generator.uniform(*hem),
        flare=generator.uniform(0.02, 0.11),
        folds=folds,
        opening=generator.uniform(*opening),
        seed=_seed(generator),
    )


_SHIRT_CLOTHS = ("plain", "plain", "striped", "checked", "lettered", "emblazoned")
_CLOSED, _OPEN = (0.0, 0.0), (0.06, 0.11)

TOPS: tuple[Kind, ...] = (
    Kind(("t-shirt", "tee"), _shirt((0.29, 0.37)), _SHIRT_CLOTHS),
    Kind(("long-sleeved shirt", "longsleeve"), _shirt((0.60, 0.67)), _SHIRT_CLOTHS),
    Kind(("sweater", "pullover", "jumper"), _shirt((0.63, 0.67), ease=(0.016, 0.022)), ("knitted", "knitted", "plain")),
    Kind(("tunic",), _shirt((0.30, 0.66), hem=(-0.46, -0.38), ease=(0.012, 0.016)), ("plain", "striped", "checked")),
)
"""What is worn above the waist."""

BOTTOMS: tuple[Kind, ...] = (
    Kind(("trousers", "pants"), _trousers((-1.10, -1.05), (-0.02, 0.08)), ("plain", "plain", "pinstriped")),
    Kind(("jeans",), _trousers((-1.10, -1.05), (0.02, 0.14)), ("denim",)),
    Kind(("shorts",), _trousers((-0.66, -0.52), (-0.10, 0.02), (0.009, 0.013))),
    Kind(("wide trousers", "wide pants"), _trousers((-1.10, -1.04), (-0.14, -0.06))),
    Kind(("skirt", "knee-length skirt"), _skirt((-0.74, -0.58), (0.05, 0.22)), ("plain", "plain", "checked")),
    Kind(("long skirt", "maxi skirt"), _skirt((-1.08, -0.94), (0.04, 0.14)), ("plain", "checked", "striped")),
)
"""What is worn below the waist."""

OUTERS: tuple[Kind, ...] = (
    Kind(("coat", "closed coat"), _coat((-0.86, -0.60), _CLOSED, 0.025), ("wool", "wool", "plain")),
    Kind(("open coat", "unbuttoned coat"), _coat((-0.86, -0.60), _OPEN, 0.025), ("wool", "plain", "checked")),
    Kind(("jacket", "closed jacket"), _coat((-0.46, -0.36), _CLOSED, 0.008), ("plain", "leather", "denim")),
    Kind(("open jacket", "unzipped jacket"), _coat((-0.46, -0.36), _OPEN, 0.008), ("plain", "leather", "denim")),
)
"""What is worn over that."""

BAGS: tuple[Kind, ...] = (
    Kind(("backpack", "rucksack"), lambda generator: backpack(generator.uniform(0.85, 1.15))),
    Kind(("shoulder bag", "handbag"), lambda generator: shoulder_bag(generator.uniform(0.85, 1.15))),
)
"""What is carried."""
