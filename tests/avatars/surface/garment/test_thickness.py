import numpy as np
import pytest

from avatars.surface.garment.thickness import Membrane

_SPACING = 0.005


def _strip(width: int, *, source: float, least: float = 0.0, upright: float = 1.0, height: int = 30):
    inside = np.zeros((height, width + 6), dtype=bool)
    inside[:, 3:-3] = True
    shape = inside.shape
    free = np.full(shape, np.nan)
    return Membrane(inside, np.full(shape, source), np.full(shape, least), free, _SPACING, upright=upright)


def test_source_of_two_makes_an_endless_strip_a_circular_tube():
    half = _strip(40, source=2.0).half_thickness()
    place = (np.arange(40) + 0.5) * _SPACING
    circle = np.sqrt(0.1**2 - (place - 0.1) ** 2)
    assert np.abs(half[15, 3:-3] - circle).max() < 1e-3
    assert half.max() == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("aspect", [0.5, 0.7, 1.2])
def test_other_sources_make_ellipses(aspect: float):
    half = _strip(40, source=2.0 * aspect**2).half_thickness()
    assert half.max() == pytest.approx(0.1 * aspect, rel=0.01)


def test_thickness_agrees_with_a_dense_solution_of_the_five_point_stencil():
    inside = np.zeros((7, 9), dtype=bool)
    inside[1:6, 2:7] = True
    inside[3, 5:8] = True
    inside[1, 2] = False
    membrane = Membrane(inside, np.full((7, 9), 2.0), np.zeros((7, 9)), np.full((7, 9), np.nan), 1.0, upright=0.3)
    places = np.argwhere(inside)
    index = {tuple(place): number for number, place in enumerate(places.tolist())}
    matrix = np.zeros((len(places), len(places)))
    for number, (row, column) in enumerate(places.tolist()):
        for down, right, weight in ((1, 0, 0.3), (-1, 0, 0.3), (0, 1, 1.0), (0, -1, 1.0)):
            other = index.get((row + down, column + right))
            if other is not None:
                matrix[number, number] += weight
                matrix[number, other] -= weight
            elif 1 <= row + down <= 5:
                matrix[number, number] += 2.0 * weight
    expected = np.linalg.solve(matrix, np.full(len(places), 2.0))
    assert np.allclose(membrane.half_thickness()[inside] ** 2, expected, rtol=1e-6)


def test_obstacle_is_respected_and_touched_only_where_the_membrane_is_pressed():
    strip = _strip(40, source=2.0)
    least = np.zeros(strip.inside.shape)
    least[10:14, 10:20] = 0.13
    half = Membrane(strip.inside, strip.source, least, strip.fixed, _SPACING).half_thickness()
    assert (half[strip.inside] >= least[strip.inside] - 1e-6).all()
    assert half[12, 15] == pytest.approx(0.13, abs=5e-4)
    free = strip.half_thickness()
    assert (half >= free - 1e-6).all()


def test_what_lies_below_the_membrane_changes_nothing():
    strip = _strip(40, source=2.0)
    low = Membrane(strip.inside, strip.source, 0.9 * strip.half_thickness(), strip.fixed, _SPACING)
    assert np.allclose(low.half_thickness(), strip.half_thickness(), atol=1e-9)


def test_known_thickness_is_kept():
    strip = _strip(40, source=2.0)
    fixed = strip.fixed.copy()
    fixed[0, 3:-3] = 0.05
    half = Membrane(strip.inside, strip.source, strip.least, fixed, _SPACING).half_thickness()
    assert np.allclose(half[0, 3:-3], 0.05, atol=1e-4)


def test_closed_top_is_a_dome():
    strip = _strip(40, source=2.0, height=60)
    dome = Membrane(strip.inside, strip.source, strip.least, strip.fixed, _SPACING, closed_top=True).half_thickness()
    middle = dome[:, 23]
    assert middle[0] < 0.3 * middle[-1]
    assert (np.diff(middle) > -1e-9).all()


def test_nothing_inside_is_nothing_thick():
    nothing = np.zeros((4, 5))
    membrane = Membrane(nothing > 0, nothing, nothing, np.full((4, 5), np.nan), _SPACING)
    assert (membrane.half_thickness() == 0.0).all()
