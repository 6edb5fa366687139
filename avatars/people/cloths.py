"""Cloth of several kinds, each from a few colours and a seed."""

from avatars.people.cloth_paint import ClothPaint, Folds, Grain
from avatars.people.patterns import Emblem, LegLayout, LegSeam, Lettering, Pattern, Stripes, TorsoLayout, WornThighs
from avatars.people.skin_paint import Color

_AROUND, _ALONG = 1, 0


def plain(color: Color, seed: int, *patterns: Pattern, folds: float = 0.30) -> ClothPaint:
    """Cotton, with patterns on it."""
    grains = (Grain(0.0025, 0.07, seed), Grain(0.08, 0.06, seed + 1))
    return ClothPaint(color, patterns, grains, Folds((0.10, 0.035, 0.10), folds, seed + 2))


def striped(color: Color, stripe: Color, seed: int, *, period: float = 0.045) -> ClothPaint:
    """Stripes all around the body and the sleeves."""
    return plain(color, seed, Stripes(period, 0.42, stripe, TorsoLayout(), _AROUND))


def plaid(color: Color, first: Color, second: Color, seed: int, *, period: float = 0.07) -> ClothPaint:
    """Two crossing sets of stripes that let each other through."""
    layout = TorsoLayout()
    sets = (
        Stripes(period, 0.40, first, layout, _AROUND, 0.6),
        Stripes(period, 0.40, first, layout, _ALONG, 0.6),
        Stripes(0.5 * period, 0.09, second, layout, _AROUND, 0.8),
        Stripes(0.5 * period, 0.09, second, layout, _ALONG, 0.8),
    )
    return plain(color, seed, *sets)


def lettered(color: Color, ink: Color, seed: int) -> ClothPaint:
    """Two lines of made-up letters on the chest."""
    return plain(color, seed, Lettering((0.0, 0.085), 0.0062, (6, 5), ink, seed))


def emblazoned(color: Color, disc: Color, core: Color, seed: int) -> ClothPaint:
    """A disc within a ring on the chest."""
    return plain(color, seed, Emblem((0.0, 0.085), 0.060, disc), Emblem((0.0, 0.085), 0.040, core))


def denim(color: Color, worn: Color, seed: int) -> ClothPaint:
    """Twill, lighter on the thighs, with seams along the legs."""
    patterns = (WornThighs(worn), LegSeam((0.35, 0.17, 0.05)))
    grains = (Grain((0.0016, 0.02, 0.0016), 0.18, seed, tilted=True), Grain(0.05, 0.10, seed + 1, octaves=2))
    return ClothPaint(color, patterns, grains, Folds((0.12, 0.05, 0.12), 0.24, seed + 2))


def pinstriped(color: Color, stripe: Color, seed: int) -> ClothPaint:
    """Trousers with thin stripes along the legs."""
    return plain(color, seed, Stripes(0.03, 0.08, stripe, LegLayout(), _ALONG, 0.7), folds=0.2)


def knitted(color: Color, shade: Color, seed: int) -> ClothPaint:
    """Ribs along the body."""
    ribs = Stripes(0.009, 0.4, shade, TorsoLayout(), _ALONG, 0.55)
    grains = (Grain((0.004, 0.002, 0.004), 0.16, seed), Grain(0.06, 0.06, seed + 1))
    return ClothPaint(color, (ribs,), grains, Folds((0.14, 0.06, 0.14), 0.22, seed + 2), gloss=0.0)


def felt(color: Color, seed: int) -> ClothPaint:
    """Thick wool, speckled, with wide folds."""
    grains = (Grain(0.004, 0.16, seed, octaves=2), Grain(0.12, 0.06, seed + 1))
    return ClothPaint(color, (), grains, Folds((0.16, 0.10, 0.16), 0.16, seed + 2), gloss=0.0)


def leather(color: Color, seed: int) -> ClothPaint:
    """Smooth and shiny."""
    grains = (Grain(0.003, 0.05, seed), Grain(0.10, 0.10, seed + 1))
    return ClothPaint(color, (), grains, Folds((0.10, 0.04, 0.10), 0.22, seed + 2), gloss=0.35)
