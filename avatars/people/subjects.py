"""The people of the benchmark, made by the generator alone, and those of a wardrobe."""

from pathlib import Path

import numpy as np

from avatars.people.cloth_paint import ClothPaint, ShoePaint
from avatars.people.cloths import denim, emblazoned, felt, knitted, lettered, pinstriped, plaid, plain, striped
from avatars.people.figure import Surface
from avatars.people.skin_paint import Color, EyePaint, HairPaint, SkinPaint
from avatars.people.stances import STANCES
from avatars.people.subject import LIGHTS, Subject, Tailored
from avatars.people.tailor import Cut, Garment
from avatars.people.tailor.hair import LongHairCut, ShortHairCut
from avatars.people.tailor.loose import CoatCut, SkirtCut
from avatars.people.tailor.shoes import ShoesCut
from avatars.people.tailor.tight import ShirtCut, TrousersCut
from avatars.people.wardrobe import read_garment
from avatars.people.wardrobe_outfit import WardrobeOutfit
from nfield.errors import DataError

_PALE, _MEDIUM, _TAN, _BROWN, _DARK = (
    (0.70, 0.47, 0.37), (0.60, 0.36, 0.26), (0.44, 0.25, 0.15), (0.24, 0.125, 0.075), (0.115, 0.060, 0.038),
)  # fmt: skip
_BLACK_HAIR, _BROWN_HAIR, _RED_HAIR, _BLOND_HAIR, _GREY_HAIR = (
    (0.012, 0.010, 0.010), (0.060, 0.034, 0.021), (0.20, 0.062, 0.022), (0.36, 0.23, 0.10), (0.24, 0.235, 0.23),
)  # fmt: skip
_DARK_EYE, _BROWN_EYE, _BLUE_EYE = (0.05, 0.025, 0.014), (0.13, 0.065, 0.03), (0.10, 0.17, 0.26)

_WHITE, _CREAM, _BLACK, _NAVY = (0.72, 0.71, 0.68), (0.62, 0.55, 0.44), (0.018, 0.018, 0.02), (0.02, 0.03, 0.075)
_RED, _GREEN, _TEAL, _RUST = (0.42, 0.045, 0.04), (0.06, 0.20, 0.09), (0.035, 0.17, 0.20), (0.48, 0.13, 0.055)
_OCHRE, _PINK, _GREY, _CAMEL = (0.48, 0.28, 0.06), (0.60, 0.26, 0.30), (0.20, 0.21, 0.22), (0.40, 0.25, 0.12)
_VIOLET, _SKY = (0.13, 0.06, 0.22), (0.26, 0.42, 0.60)

_DENIM, _DENIM_WORN = (0.040, 0.068, 0.135), (0.14, 0.20, 0.31)
_BROWN_SHOE = ShoePaint((0.13, 0.065, 0.03), (0.05, 0.04, 0.03), (0.10, 0.05, 0.03))
_WHITE_SHOE = ShoePaint((0.62, 0.61, 0.58), (0.68, 0.67, 0.65), (0.40, 0.40, 0.42))
_BLACK_SHOE = ShoePaint((0.02, 0.02, 0.02), (0.03, 0.03, 0.03), (0.05, 0.05, 0.05))
_RED_SHOE = ShoePaint((0.30, 0.06, 0.04), (0.62, 0.60, 0.56), (0.60, 0.57, 0.52))

_MAN = (0.3, -1.0, -0.3, 0.4, 0.2, -0.1, 0.0, 0.0, 0.0, 0.0)
_TALL_MAN = (1.2, -0.9, -0.2, -0.4, 0.5, 0.2, 0.0, 0.0, 0.0, 0.0)
_STOUT_MAN = (0.1, -0.6, 1.3, 0.5, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0)
_WOMAN = (-0.4, 1.0, -0.5, -0.2, -0.4, 0.0, 0.0, 0.0, 0.0, 0.0)
_TALL_WOMAN = (0.5, 0.8, -0.9, -0.5, -0.3, 0.2, 0.0, 0.0, 0.0, 0.0)
_STOUT_WOMAN = (-0.5, 1.3, 0.8, 0.2, -0.2, 0.0, 0.0, 0.0, 0.0, 0.0)

_LONG_SLEEVE = 0.665


def _wear(label: str, cut: Cut, paint: ClothPaint | ShoePaint | HairPaint) -> Garment:
    return Garment(cut, Surface(label, paint))


def _person(skin: Color, hair: Color, eye: Color, haircut: Cut, *garments: Garment) -> Tailored:
    worn = (*garments, _wear("hair", haircut, HairPaint(hair)))
    return Tailored(worn, SkinPaint(skin, hair), EyePaint(eye))


def _shoes(paint: ShoePaint) -> Garment:
    return _wear("shoes", ShoesCut(), paint)


SUBJECTS: tuple[Subject, ...] = (
    Subject(
        "emblem", 1, _MAN,
        _person(
            _MEDIUM, _BROWN_HAIR, _BROWN_EYE, ShortHairCut(seed=1), _shoes(_RED_SHOE),
            _wear("bottom", TrousersCut(tighten=0.08, seed=1), denim(_DENIM, _DENIM_WORN, 41)),
            _wear("top", ShirtCut(seed=1), emblazoned(_RED, _CREAM, _NAVY, 31)),
        ),
        "relaxed", 14.0, "soft key",
    ),
    Subject(
        "lettering", 2, _WOMAN,
        _person(
            _PALE, _BLACK_HAIR, _DARK_EYE, LongHairCut(end=0.335, seed=2), _shoes(_WHITE_SHOE),
            _wear("bottom", TrousersCut(tighten=-0.06, ease=0.011, hem=-1.075, seed=2), plain(_OCHRE, 102)),
            _wear("top", ShirtCut(hem=-0.20, sleeve=0.31, seed=2), lettered(_WHITE, _BLACK, 112)),
        ),
        "weight-left", 8.0, "flat",
    ),
    Subject(
        "stripes", 3, _TALL_MAN,
        _person(
            _PALE, _BLOND_HAIR, _BLUE_EYE, ShortHairCut(depth=0.028, seed=3), _shoes(_BROWN_SHOE),
            _wear("bottom", TrousersCut(tighten=0.04, seed=3), plain(_NAVY, 203)),
            _wear("top", ShirtCut(sleeve=_LONG_SLEEVE, seed=3), striped(_WHITE, _NAVY, 213)),
        ),
        "open", 24.0, "soft key",
    ),
    Subject(
        "plaid", 4, _STOUT_MAN,
        _person(
            _BROWN, _BLACK_HAIR, _DARK_EYE, ShortHairCut(depth=0.014, seed=4), _shoes(_BROWN_SHOE),
            _wear("bottom", TrousersCut(tighten=0.02, seed=4), denim((0.02, 0.022, 0.03), (0.06, 0.065, 0.08), 304)),
            _wear("top", ShirtCut(sleeve=_LONG_SLEEVE, ease=0.014, seed=4), plaid(_RED, _BLACK, _OCHRE, 314)),
        ),
        "upright", 18.0, "flat",
    ),
    Subject(
        "shorts", 5, _MAN,
        _person(
            _DARK, _BLACK_HAIR, _DARK_EYE, ShortHairCut(depth=0.012, seed=5), _shoes(_WHITE_SHOE),
            _wear("bottom", TrousersCut(hem=-0.63, tighten=-0.08, ease=0.012, seed=5), plain(_CAMEL, 405)),
            _wear("top", ShirtCut(sleeve=0.33, seed=5), plain(_GREEN, 415)),
        ),
        "step", 30.0, "soft key",
    ),
    Subject(
        "knee-skirt", 6, _WOMAN,
        _person(
            _TAN, _BROWN_HAIR, _BROWN_EYE, LongHairCut(end=0.09, seed=6), _shoes(_BLACK_SHOE),
            _wear("bottom", SkirtCut(hem=-0.70, flare=0.16, folds=0.035, seed=6), plain(_VIOLET, 506)),
            _wear("top", ShirtCut(hem=-0.115, sleeve=0.36, tighten=0.2, seed=6), plain(_PINK, 516)),
        ),
        "relaxed", 11.0, "flat",
    ),
    Subject(
        "long-skirt", 7, _TALL_WOMAN,
        _person(
            _MEDIUM, _RED_HAIR, _BLUE_EYE, LongHairCut(end=0.325, depth=0.022, seed=7), _shoes(_BROWN_SHOE),
            _wear(
                "bottom", SkirtCut(hem=-1.06, flare=0.10, folds=0.04, count=11, seed=7),
                plaid(_GREEN, _NAVY, _CREAM, 607),
            ),
            _wear("top", ShirtCut(hem=-0.115, sleeve=_LONG_SLEEVE, seed=7), knitted(_CREAM, (0.42, 0.36, 0.28), 617)),
        ),
        "weight-left", 20.0, "soft key",
    ),
    Subject(
        "closed-coat", 8, _TALL_MAN,
        _person(
            _TAN, _GREY_HAIR, _BROWN_EYE, ShortHairCut(depth=0.020, seed=8), _shoes(_BLACK_SHOE),
            _wear("bottom", TrousersCut(tighten=0.05, seed=8), pinstriped(_GREY, _CREAM, 708)),
            _wear("outer", CoatCut(hem=-0.74, seed=8), felt(_CAMEL, 718)),
        ),
        "upright", 27.0, "soft key",
    ),
    Subject(
        "open-coat", 9, _TALL_WOMAN,
        _person(
            _PALE, _BLOND_HAIR, _BLUE_EYE, LongHairCut(end=0.33, seed=9), _shoes(_BROWN_SHOE),
            _wear("bottom", TrousersCut(tighten=0.10, seed=9), denim(_DENIM, _DENIM_WORN, 809)),
            _wear("top", ShirtCut(hem=-0.20, seed=9), striped(_WHITE, _RED, 819, period=0.035)),
            _wear("outer", CoatCut(hem=-0.78, opening=0.085, flare=0.10, seed=9), felt(_TEAL, 829)),
        ),
        "open", 12.0, "flat",
    ),
    Subject(
        "long-hair", 10, _WOMAN,
        _person(
            _BROWN, _BLACK_HAIR, _DARK_EYE, LongHairCut(end=0.06, depth=0.021, seed=10), _shoes(_RED_SHOE),
            _wear("bottom", TrousersCut(tighten=0.12, seed=10), denim((0.10, 0.14, 0.20), (0.24, 0.30, 0.38), 910)),
            _wear("top", ShirtCut(hem=-0.18, sleeve=0.30, seed=10), plain(_OCHRE, 920)),
        ),
        "gesture", 16.0, "soft key",
    ),
    Subject(
        "jacket", 11, _STOUT_MAN,
        _person(
            _MEDIUM, _BROWN_HAIR, _BLUE_EYE, ShortHairCut(depth=0.024, seed=11), _shoes(_BLACK_SHOE),
            _wear("bottom", TrousersCut(tighten=0.0, seed=11), plain(_GREY, 1011)),
            _wear("top", ShirtCut(seed=11), lettered(_SKY, _NAVY, 1021)),
            _wear("outer", CoatCut(hem=-0.42, opening=0.10, flare=0.03, folds=0.008, seed=11), felt(_NAVY, 1031)),
        ),
        "step", 6.0, "flat",
    ),
    Subject(
        "knitwear", 12, _STOUT_WOMAN,
        _person(
            _DARK, _BLACK_HAIR, _DARK_EYE, ShortHairCut(depth=0.034, seed=12), _shoes(_WHITE_SHOE),
            _wear("bottom", TrousersCut(tighten=-0.02, ease=0.011, hem=-1.075, seed=12), plain(_BLACK, 1112)),
            _wear(
                "top", ShirtCut(sleeve=_LONG_SLEEVE, ease=0.018, tighten=0.02, seed=12),
                knitted(_RUST, (0.30, 0.07, 0.03), 1122),
            ),
        ),
        "gesture", 33.0, "soft key",
    ),
)  # fmt: skip
"""Made by the generator alone. The loose ones: both skirts, the coats, the jacket and long hair."""

_TOPS = (
    lambda seed: striped(_WHITE, _NAVY, seed),
    lambda seed: emblazoned(_TEAL, _CREAM, _RUST, seed),
    lambda seed: plaid(_RED, _BLACK, _OCHRE, seed),
    lambda seed: plain(_GREEN, seed),
    lambda seed: lettered(_CREAM, _BLACK, seed),
)
_BOTTOMS = (
    lambda seed: denim(_DENIM, _DENIM_WORN, seed),
    lambda seed: plain(_CAMEL, seed),
    lambda seed: plain(_GREY, seed),
)
_WARDROBE_EXPECTED = (
    "expected clothes/ with at least one suit and one pair of shoes (names that begin with 'shoes'), and hair/, "
    "one folder a garment, as makehuman-assets has them"
)


def wardrobe_subjects(folder: Path) -> tuple[Subject, ...]:
    """People in the suits of a wardrobe, one for each suit, with shoes and hair of it in turn.

    Args:
        folder: Holds `clothes/` (suits, and shoes whose names begin with "shoes") and `hair/`.

    Raises:
        DataError: Where something is missing or a garment cannot be read; the message names what and says what was
            expected.
    """
    clothes, hairs = _names(folder / "clothes"), _names(folder / "hair")
    shoes = [name for name in clothes if name.startswith("shoes")]
    suits = [name for name in clothes if not name.startswith("shoes")]
    missing = [what for what, found in (("suits", suits), ("shoes", shoes), ("hair", hairs)) if not found]
    if missing:
        raise DataError(f"{folder}: no {' and no '.join(missing)} found; {_WARDROBE_EXPECTED}")
    _require_readable(folder, clothes, hairs)
    return tuple(
        _wardrobe_subject(folder, index, suit, shoes[index % len(shoes)], hairs[index % len(hairs)])
        for index, suit in enumerate(suits)
    )


def _names(folder: Path) -> list[str]:
    """The garments in a folder, sorted."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; {_WARDROBE_EXPECTED}")
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _require_readable(folder: Path, clothes: list[str], hairs: list[str]) -> None:
    """Read everything once, so that a damaged garment is named before hours of work."""
    faults = []
    for piece in (*(folder / "clothes" / name for name in clothes), *(folder / "hair" / name for name in hairs)):
        try:
            read_garment(piece)
        except DataError as error:
            faults.append(str(error))
    if faults:
        raise DataError(f"{len(faults)} of the wardrobe's garments cannot be read:\n" + "\n".join(faults))


def _wardrobe_subject(folder: Path, index: int, suit: str, shoes: str, hair: str) -> Subject:
    seed = 2000 + 50 * index
    generator = np.random.default_rng(seed)
    skin = (_PALE, _MEDIUM, _TAN, _BROWN, _DARK)[index % 5]
    tone = (_BROWN_HAIR, _BLACK_HAIR, _BLOND_HAIR, _RED_HAIR, _GREY_HAIR)[(index * 2) % 5]
    top, bottom = _TOPS[index % len(_TOPS)](seed), _BOTTOMS[index % len(_BOTTOMS)](seed + 10)
    head = (SkinPaint(skin, tone), EyePaint((_BROWN_EYE, _BLUE_EYE, _DARK_EYE)[index % 3]), HairPaint(tone))
    shoe = (_BROWN_SHOE, _WHITE_SHOE, _BLACK_SHOE)[index % 3]
    return Subject(
        f"{suit}+{shoes}+{hair}",
        seed,
        (_WOMAN, _TALL_WOMAN)[index % 2] if suit.startswith("female") else (_MAN, _TALL_MAN)[index % 2],
        WardrobeOutfit(folder, suit, shoes, hair, top, bottom, shoe, head),
        list(STANCES)[index % len(STANCES)],
        float(generator.integers(0, 36)),
        LIGHTS[index % 2],
    )
