"""Colours go by the words that they are drawn for."""

import colorsys

import numpy as np
import pytest

from avatars.crowd.colors import COLOR_WORDS, drawn_color
from avatars.people.picture import srgb

CENTERS = {
    "black": (20, 20, 20), "white": (240, 240, 240), "grey": (128, 128, 128), "red": (170, 25, 25),
    "orange": (225, 115, 30), "yellow": (225, 190, 50), "green": (40, 115, 60), "blue": (40, 75, 150),
    "purple": (95, 45, 120), "pink": (235, 150, 190), "brown": (95, 55, 35),
}  # fmt: skip


def encoded(color: tuple[float, float, float]) -> np.ndarray:
    """sRGB by the standard's formula, which the module inverts."""
    linear = np.array(color)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("word", COLOR_WORDS)
def test_a_drawn_colour_is_nearest_to_its_own_word(word: str):
    generator = np.random.default_rng(1)
    names, centers = list(CENTERS), np.array(list(CENTERS.values())) / 255.0
    near = 0
    for _ in range(40):
        drawn = encoded(drawn_color(word, generator))
        hue = [np.concatenate([c, 1.5 * np.array(_direction(c))]) for c in (drawn, *centers)]
        near += names[int(np.argmin([np.linalg.norm(hue[0] - other) for other in hue[1:]]))] == word
    assert near >= 32


def _direction(color: np.ndarray) -> tuple[float, float]:
    hue, saturation, value = colorsys.rgb_to_hsv(*color)
    return saturation * value * np.cos(2 * np.pi * hue), saturation * value * np.sin(2 * np.pi * hue)


def test_colours_differ_and_are_linear_rgb():
    generator = np.random.default_rng(0)
    drawn = np.array([drawn_color("white", generator) for _ in range(20)])
    assert len(np.unique(drawn, axis=0)) == 20
    assert (drawn > 0.6).all()
    assert (drawn < 1.0).all()
    assert (srgb(drawn) > 0.8).all()
