"""The eleven basic colour words (Berlin and Kay 1969), and colours that go by them."""

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from avatars.people.skin_paint import Color


@dataclass(frozen=True)
class _Range:
    """Hue in degrees, saturation and value in [0, 1] of the sRGB colours that a word names."""

    hue: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]


_RANGES: Mapping[str, _Range] = {
    "black": _Range((0.0, 360.0), (0.0, 0.25), (0.03, 0.16)),
    "white": _Range((0.0, 360.0), (0.0, 0.06), (0.88, 0.98)),
    "grey": _Range((0.0, 360.0), (0.0, 0.08), (0.36, 0.66)),
    "red": _Range((-8.0, 6.0), (0.72, 0.95), (0.48, 0.85)),
    "orange": _Range((18.0, 32.0), (0.75, 0.95), (0.80, 0.96)),
    "yellow": _Range((46.0, 58.0), (0.60, 0.95), (0.80, 0.97)),
    "green": _Range((95.0, 160.0), (0.40, 0.90), (0.25, 0.65)),
    "blue": _Range((205.0, 235.0), (0.50, 0.90), (0.30, 0.80)),
    "purple": _Range((265.0, 295.0), (0.35, 0.80), (0.30, 0.62)),
    "pink": _Range((325.0, 350.0), (0.25, 0.55), (0.85, 0.97)),
    "brown": _Range((15.0, 32.0), (0.45, 0.75), (0.25, 0.48)),
}
COLOR_WORDS: tuple[str, ...] = tuple(_RANGES)
"""What captions call colours."""


def drawn_color(word: str, generator: np.random.Generator) -> Color:
    """A random colour, linear RGB, that goes by a word.

    >>> red, green, blue = drawn_color("red", np.random.default_rng(0))
    >>> red > 3.0 * max(green, blue)
    True
    """
    known = _RANGES[word]
    hue, saturation, value = (generator.uniform(*span) for span in (known.hue, known.saturation, known.value))
    red, green, blue = (_linear(channel) for channel in colorsys.hsv_to_rgb(hue / 360.0 % 1.0, saturation, value))
    return red, green, blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
