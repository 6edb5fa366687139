"""Cloths from a few colours and a seed: the periods and colours of their patterns, and light that adds up."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from avatars.body import BodyModel
from avatars.people.cloth_paint import ClothPaint
from avatars.people.cloths import denim, emblazoned, felt, knitted, lettered, pinstriped, plaid, plain, striped
from avatars.people.figure import Figure, Surface, eyes_of, with_mesh
from avatars.people.finish import MARKS, Eyes, mix
from avatars.people.lighting import Light, shade
from nfield.kernels.rasterize import rasterize

_WHITE, _RED, _BLUE = (0.7, 0.7, 0.7), (0.6, 0.05, 0.05), (0.05, 0.05, 0.5)
_EYES = Eyes(np.array([[0.03, 0.455, 0.1], [-0.03, 0.455, 0.1]]), 0.015)


def _woven(paint: ClothPaint, points: np.ndarray) -> np.ndarray:
    """The colours of a paint without its grain."""
    return replace(paint, grains=()).finish(points, np.zeros((len(points), len(MARKS) + 1)), _EYES).albedo


def _down(low: float, high: float, count: int, *, angle: float = 0.0, z: float = 0.01) -> np.ndarray:
    """A line down the trunk at an angle around its axis."""
    x, forward = 0.15 * np.sin(angle), z + 0.15 * np.cos(angle)
    return np.stack([np.full(count, x), np.linspace(low, high, count), np.full(count, forward)], 1)


def _around(height: float, angles: np.ndarray) -> np.ndarray:
    return np.stack([0.15 * np.sin(angles), np.full(len(angles), height), 0.01 + 0.15 * np.cos(angles)], 1)


def _mixed(*layers: tuple[tuple[float, float, float], float]) -> np.ndarray:
    """White cloth under layers of colour, each of an opacity."""
    color = np.array([_WHITE])
    for layer, opacity in layers:
        color = mix(color, np.array(layer), np.array([opacity]))
    return color[0]


@pytest.mark.parametrize(
    ("paint", "period"),
    [
        (striped(_WHITE, _RED, 1), 0.045),
        (striped(_WHITE, _RED, 1, period=0.02), 0.02),
        (plaid(_WHITE, _RED, _BLUE, 1), 0.07),
    ],
    ids=["stripes", "narrow stripes", "plaid"],
)
def test_patterns_repeat_along_the_body_after_their_period_and_not_before(paint: ClothPaint, period: float):
    line = _down(-0.2, -0.1, 400, angle=0.2)
    first = _woven(paint, line)
    np.testing.assert_allclose(_woven(paint, line + np.array([0.0, period, 0.0])), first, atol=1e-9)
    assert np.abs(_woven(paint, line + np.array([0.0, 0.5 * period, 0.0])) - first).max() > 0.1


def test_plaid_has_the_colours_of_its_crossing_stripes():
    """Wide red stripes at 0.6 cover 0.4 of each way, thin blue ones at 0.8 lie twice in each period."""
    heights = np.linspace(-0.14, 0.0, 281)
    angles = np.linspace(-0.8, 0.8, 301)
    points = np.concatenate([_around(height, angles) for height in heights])
    found = _woven(plaid(_WHITE, _RED, _BLUE, 1), points)
    expected = {
        (red, blue): _mixed(*[(_RED, 0.6)] * red, *[(_BLUE, 0.8)] * blue) for red in range(3) for blue in range(3)
    }
    distance = np.stack([np.linalg.norm(found - color, axis=1) for color in expected.values()], 1)
    assert (distance.min(1) < 1e-6).mean() > 0.7  # The rest lies on the soft edges of stripes.
    counts = dict(zip(expected, np.bincount(distance.argmin(1), minlength=9) / len(found), strict=True))
    for red, share in enumerate((0.36, 0.48, 0.16)):
        assert sum(counts[red, blue] for blue in range(3)) == pytest.approx(share, abs=0.05)


def test_pinstripes_run_along_the_leg_an_even_distance_apart():
    """Around a leg of 9 cm radius: 18 stripes of 3 cm fit in 54 of its 56.5 cm."""
    paint = pinstriped(_WHITE, _RED, 1)
    angles = np.linspace(-np.pi, np.pi, 9001)[:-1]
    ring = np.stack([0.1 + 0.09 * np.sin(angles), np.full(9000, -0.7), 0.09 * np.cos(angles)], 1)
    striped_there = _woven(paint, ring)[:, 1] < 0.5
    starts = angles[np.flatnonzero(~striped_there[:-1] & striped_there[1:])]
    assert len(starts) in (18, 19)
    np.testing.assert_allclose(np.diff(starts) * 0.09, 0.03, atol=2e-4)
    np.testing.assert_allclose(_woven(paint, ring - [0.0, 0.3, 0.0]), _woven(paint, ring))
    assert _woven(paint, ring)[:, 1].min() == pytest.approx(_mixed((_RED, 0.7))[1], abs=1e-6)


def test_knitted_ribs_are_9_millimetres_apart_and_let_the_wool_through():
    paint = knitted(_WHITE, _RED, 1)
    angles = np.linspace(-1.0, 1.0, 6401)
    color = _woven(paint, _around(0.0, angles))[:, 1]
    starts = angles[np.flatnonzero((color[:-1] > 0.45) & (color[1:] <= 0.45))]
    np.testing.assert_allclose(np.diff(starts) * 0.16, 0.009, atol=1e-4)
    assert color.min() == pytest.approx(_mixed((_RED, 0.55))[1], abs=1e-6)
    assert color.max() == pytest.approx(0.7)


def test_an_emblem_is_a_disc_in_a_ring_in_the_middle_of_the_chest():
    paint = emblazoned(_WHITE, _RED, _BLUE, 1)
    for turn in np.linspace(0.0, 2.0 * np.pi, 12):
        away = np.array([0.0, 0.035, 0.045, 0.055, 0.065])
        points = np.stack([away * np.cos(turn), 0.085 + away * np.sin(turn), np.full(5, 0.12)], 1)
        np.testing.assert_allclose(_woven(paint, points), [_BLUE, _BLUE, _RED, _RED, _WHITE], atol=1e-9)


def test_letters_are_made_of_squares_in_two_lines():
    """Eleven letters of 4 by 5 cells of 6.2 mm: constant within a cell, and at least a stroke each way in a letter."""
    paint, cell = lettered(_WHITE, _RED, 5), 0.0062
    rows, columns = np.indices((14, 30))
    middle = np.stack([(15 - columns - 0.5) * cell, 0.085 + (7 - rows - 0.5) * cell, np.full(rows.shape, 0.12)], -1)
    ink = [
        _woven(paint, (middle + np.array([right, up, 0.0])).reshape(-1, 3))[:, 1].reshape(14, 30) < 0.3
        for right, up in ((0.0, 0.0), (0.4 * cell, -0.4 * cell), (-0.4 * cell, 0.4 * cell))
    ]
    assert (ink[0] == ink[1]).all()
    assert (ink[0] == ink[2]).all()
    for line, letters in ((0, 6), (1, 5)):
        first = (30 - 5 * letters) // 2
        for letter in range(letters):
            glyph = ink[0][7 * line + 1 : 7 * line + 6, first + 5 * letter : first + 5 * letter + 4]
            assert glyph.all(0).any()
            assert glyph.all(1).any()
    assert not ink[0][[0, 6, 7, 13]].any()


def test_denim_is_worn_on_the_fronts_of_both_thighs_alike():
    paint = denim(_BLUE, _WHITE, 1)
    front, back = np.array([[0.105, -0.55, 0.09]]), np.array([[0.105, -0.55, -0.09]])
    np.testing.assert_allclose(_woven(paint, front)[0], mix(np.array([_BLUE]), np.array(_WHITE), np.array([0.65]))[0])
    np.testing.assert_allclose(_woven(paint, back)[0], _BLUE)
    legs = np.random.default_rng(0).uniform([0.03, -1.0, -0.1], [0.2, -0.3, 0.1], (300, 3))
    np.testing.assert_allclose(_woven(paint, legs), _woven(paint, legs * [-1.0, 1.0, 1.0]))


@pytest.mark.parametrize("kind", [plain, felt], ids=["plain", "felt"])
def test_seeds_change_the_grain_and_not_the_colour(kind: Callable[..., ClothPaint]):
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (4000, 3))
    marks = np.zeros((4000, len(MARKS) + 1))
    first, again, other = (kind(_WHITE, seed).finish(points, marks, _EYES) for seed in (3, 3, 30))
    np.testing.assert_array_equal(first.albedo, again.albedo)
    np.testing.assert_array_equal(first.bump, again.bump)
    assert np.abs(first.albedo - other.albedo).max() > 0.02
    np.testing.assert_allclose([p.albedo.mean() for p in (first, other)], 0.7, rtol=0.02)


@pytest.fixture
def lamp_lit(model: BodyModel) -> Figure:
    """A glossy square before the camera."""
    points = np.array([[-0.6, -0.6, 2.0], [0.6, -0.6, 2.0], [0.6, 0.6, 2.0], [-0.6, 0.6, 2.0]])
    mesh = with_mesh(
        model,
        template=torch.from_numpy(points).float(),
        weights=torch.eye(24)[torch.zeros(4, dtype=torch.long)],
        shape_dirs=torch.zeros(4, 3, 10),
        pose_dirs=torch.zeros(207, 4, 3),
        faces=np.array([[0, 2, 1], [0, 3, 2]]),
    )
    surfaces = (Surface("top", ClothPaint((0.5, 0.3, 0.2), gloss=0.4)),)
    marks = np.zeros((4, len(MARKS) + 1), dtype=np.float32)
    return Figure(mesh, surfaces, np.zeros(2, dtype=int), marks, eyes_of(model))


def _lit(figure: Figure, light: Light) -> np.ndarray:
    matrix = torch.tensor([[60.0, 0.0, 24.0], [0.0, 60.0, 24.0], [0.0, 0.0, 1.0]])
    raster = rasterize(figure.model.template, figure.model.faces, matrix, (48, 48))
    return shade(figure, figure.model.template, raster, focal=60.0, light=light)


def test_light_adds_up(lamp_lit: Figure):
    """A lamp's light grows with its strength, but for the highlight; the sky's and the ground's with their colours."""
    lamp = Light((-0.5, -0.7, 0.2), shadow_edge=200)
    once, twice, thrice = (_lit(lamp_lit, replace(lamp, key=key)) for key in (1.0, 2.0, 3.0))
    np.testing.assert_allclose(thrice - twice, twice - once, atol=1e-9)
    assert (twice - once).min() > 0.0
    dark = replace(lamp, sky=(0.0, 0.0, 0.0), ground=(0.0, 0.0, 0.0))
    without = _lit(lamp_lit, replace(dark, key=2.0))
    even = _lit(lamp_lit, replace(lamp, key=0.0))
    np.testing.assert_allclose(without + even, twice, atol=1e-9)


def test_the_lamps_colour_is_that_of_the_light_that_comes_from_it(lamp_lit: Figure):
    lamp = Light((-0.5, -0.7, 0.2), shadow_edge=200)
    steps = [
        _lit(lamp_lit, replace(lamp, key=2.0, tint=tint)) - _lit(lamp_lit, replace(lamp, key=1.0, tint=tint))
        for tint in ((1.0, 1.0, 1.0), (1.0, 0.5, 0.0))
    ]
    np.testing.assert_allclose(steps[1], steps[0] * [1.0, 0.5, 0.0], atol=1e-9)


def test_a_wall_sees_half_sky_and_half_ground(lamp_lit: Figure):
    light = Light((0.0, 0.0, 0.0), key=0.0, sky=(1.0, 0.0, 0.4), ground=(0.0, 1.0, 0.4))
    color = _lit(lamp_lit, light).reshape(-1, 3)
    middle = color[len(color) // 2 + 18]
    np.testing.assert_allclose(middle / middle[2], [0.5 * 0.5 / 0.08, 0.3 * 0.5 / 0.08, 1.0], rtol=1e-6)
