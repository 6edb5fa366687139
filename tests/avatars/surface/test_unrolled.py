import numpy as np
import pytest

from avatars.surface.unrolled import (
    CELL,
    Grid,
    reflect_columns,
    reflect_rows,
    ring_blur,
    smooth_mask,
    there_and_back,
)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def _run_from(ring: np.ndarray, start: int, step: int) -> list[int]:
    """The columns of the run that ends at `start`, from its end inwards, around the ring."""
    columns, at = [], start
    while ring[at] and len(columns) < len(ring):
        columns.append(at)
        at = (at + step) % len(ring)
    return columns


def _reflected(values: np.ndarray, ring: np.ndarray, blend: float) -> np.ndarray:
    """One ring continued, cell by cell: each gap's cells walk along the runs at its two ends, there and back."""
    width, result = len(ring), values.copy()
    for cell in np.flatnonzero(~ring).tolist():
        before = next(k for k in range(1, width) if ring[(cell - k) % width])
        after = next(k for k in range(1, width) if ring[(cell + k) % width])
        left, right = (
            _run_from(ring, (cell - before) % width, -1),
            _run_from(ring, (cell + after) % width, 1),
        )
        sources = [(run + run[::-1])[(away - 1) % (2 * len(run))] for run, away in ((left, before), (right, after))]
        share = min(1.0, max(0.0, 0.5 + (before - after) / (2.0 * blend)))
        result[cell] = values[sources[0]] * (1.0 - share) + values[sources[1]] * share
    return result


def _ring(width: int, *runs: tuple[int, int]) -> np.ndarray:
    ring = np.zeros(width, bool)
    for first, last in runs:
        ring[np.arange(first, last) % width] = True
    return ring


_RINGS = [
    _ring(40, (5, 17)),
    _ring(40, (32, 49)),  # The run goes on at the other border.
    _ring(40, (3, 12), (20, 35)),
    _ring(40, (0, 39)),
    _ring(40, (1, 40)),
    _ring(40, (0, 9), (31, 40)),
]


@pytest.mark.parametrize("ring", _RINGS)
@pytest.mark.parametrize("blend", [0.5, 10.0])
def test_rows_are_continued_as_by_walking_along_the_runs(ring: np.ndarray, blend: float, random: np.random.Generator):
    image = random.random((3, 40, 2))
    result, known = reflect_rows(image, np.stack([ring] * 3), blend=blend)
    assert known.all()
    for row in range(3):
        np.testing.assert_allclose(result[row], _reflected(image[row], ring, blend), atol=1e-12)


def test_each_ring_is_continued_from_itself_alone(random: np.random.Generator):
    image, allowed = random.random((6, 40, 3)), np.stack(_RINGS)
    whole, _ = reflect_rows(image, allowed)
    for row in range(6):
        alone, _ = reflect_rows(image[row : row + 1], allowed[row : row + 1])
        np.testing.assert_array_equal(whole[row], alone[0])


def test_allowed_cells_stay_and_rows_without_a_run_stay_empty(random: np.random.Generator):
    image = random.random((3, 40, 1))
    allowed = np.stack([_ring(40, (3, 20)), _ring(40, (3, 10)), _ring(40)])
    result, known = reflect_rows(image, allowed)
    np.testing.assert_array_equal(result[allowed], image[allowed])
    assert known[0].all()
    assert not known[1:].any()  # A run of 7 cells is shorter than the least, 8.


def test_a_short_run_beside_a_long_one_is_written_over():
    image = np.ones((1, 40, 1))
    image[0, 30:33] = 9.0
    result, known = reflect_rows(image, _ring(40, (3, 20), (30, 33))[None])
    assert known.all()
    assert (result == 1.0).all()


def test_nothing_allowed_gives_nothing_and_all_allowed_changes_nothing(random: np.random.Generator):
    image = random.random((4, 24, 3))
    for allowed in (np.zeros((4, 24), bool), np.ones((4, 24), bool)):
        result, known = reflect_rows(image, allowed)
        np.testing.assert_array_equal(result, image)
        np.testing.assert_array_equal(known, allowed)


def test_a_stripe_stays_straight(random: np.random.Generator):
    """Rows of one colour each, seen in runs that differ from row to row."""
    color = random.random((30, 1, 3))
    allowed = np.zeros((30, 64), bool)
    for row in range(30):
        first = int(random.integers(64))
        allowed[row, np.arange(first, first + 20) % 64] = True
    image = np.where(allowed[..., None], color, 0.0)
    result, known = reflect_rows(image, allowed)
    assert known.all()
    np.testing.assert_allclose(result, np.broadcast_to(color, result.shape), atol=1e-12)


def test_no_border_shows_in_a_pattern(random: np.random.Generator):
    """Where the photo ends, and where continuations meet, neighbours differ no more than the pattern's own do."""
    wave = 0.5 + 0.4 * np.sin(np.arange(128) * 2.0 * np.pi / 16.0)
    image, ring = np.broadcast_to(wave[None, :, None], (2, 128, 1)).copy(), _ring(128, (33, 97))
    result, _ = reflect_rows(image, np.stack([ring] * 2))
    step = np.abs(np.diff(np.concatenate([result, result[:, :1]], 1), axis=1)).max()
    assert step <= np.abs(np.diff(wave)).max() * 1.3
    assert np.ptp(result[0, :30]) > 0.5  # The pattern is there behind as well.


def test_offsets_go_there_and_back():
    walk = [there_and_back(np.array([d]), np.array([4]))[0] for d in range(1, 18)]
    assert walk == [0, 1, 2, 3, 3, 2, 1, 0, 0, 1, 2, 3, 3, 2, 1, 0, 0]
    assert there_and_back(np.arange(1, 5), np.ones(4, int)).tolist() == [0, 0, 0, 0]


def test_offsets_stay_in_their_run_and_step_by_one(random: np.random.Generator):
    period = random.integers(1, 30, 200)
    distance = random.integers(1, 500, 200)
    offset = there_and_back(distance, period)
    assert (offset >= 0).all()
    assert (offset < period).all()
    assert (np.abs(there_and_back(distance + 1, period) - offset) <= 1).all()


def _rows(known: np.ndarray, reach: int) -> list[int | None]:
    """Which row each shows: its mirror image in the nearest known row's outer edge, or that edge itself."""
    rows: list[int | None] = []
    for row in range(len(known)):
        edges = [e for e in np.flatnonzero(known).tolist() if abs(e - row) <= reach]
        edge = min(edges, key=lambda e: (abs(e - row), e), default=None)
        if edge is None or known[row]:
            rows.append(row if known[row] else None)
            continue
        mirrored = 2 * edge - row + (1 if edge < row else -1)
        rows.append(mirrored if 0 <= mirrored < len(known) and known[mirrored] else edge)
    return rows


@pytest.mark.parametrize("reach", [1, 4, 100])
def test_unseen_rows_are_reflections_of_those_beside_them(reach: int, random: np.random.Generator):
    image = random.random((30, 5, 3))
    known = np.zeros(30, bool)
    known[4:11], known[20], known[24:27] = True, True, True
    result, filled = reflect_columns(image, known, reach)
    for row, source in enumerate(_rows(known, reach)):
        assert filled[row] == (source is not None)
        np.testing.assert_array_equal(result[row], image[row if source is None else source])


def test_without_a_known_row_nothing_is_reflected(random: np.random.Generator):
    image = random.random((6, 4, 3))
    result, filled = reflect_columns(image, np.zeros(6, bool), 9)
    np.testing.assert_array_equal(result, image)
    assert not filled.any()


def _smooth(length: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return np.stack([0.5 + 0.3 * np.cos(angle), 0.5 + 0.2 * np.sin(angle + 9.0 * length)], -1)


def test_what_is_splatted_is_sampled_again(random: np.random.Generator):
    """A smooth function around a limb, known at enough random points."""
    length, angle = 0.06 * random.random(20000), (2.0 * random.random(20000) - 1.0) * np.pi
    grid = Grid.over(length, 96)
    row, column = grid.place(length, angle)
    image, weight = grid.splat(row, column, _smooth(length, angle), np.ones(20000))
    assert np.abs(weight - 1.0).max() < 1e-9
    assert np.abs(grid.sample(image, row, column) - _smooth(length, angle)).max() < 0.02


def test_splatted_constants_are_exact_wherever_there_are_points(random: np.random.Generator):
    length, angle = 0.05 * random.random(300), (random.random(300) - 0.5) * np.pi
    grid = Grid.over(length, 64)
    row, column = grid.place(length, angle)
    image, weight = grid.splat(row, column, np.full((300, 1), 0.7), np.full(300, 0.25))
    known = weight > 0.0
    assert 0.1 < known.mean() < 0.9  # About half of the ring has points.
    np.testing.assert_allclose(image[known], 0.7)
    np.testing.assert_allclose(weight[known], 0.25)
    assert (image[~known] == 0.0).all()


def test_points_of_more_weight_count_more():
    grid = Grid(0.0, (9, 9))
    image, weight = grid.splat(np.full(2, 4.5), np.full(2, 4.5), np.array([[0.0], [1.0]]), np.array([1.0, 3.0]))
    assert image[4, 4, 0] == pytest.approx(0.75)
    assert weight[4, 4] == pytest.approx(2.0)


def test_grids_hold_all_their_points_and_cells_have_their_size(random: np.random.Generator):
    length, angle = 0.3 + 0.2 * random.random(500), (2.0 * random.random(500) - 1.0) * np.pi
    grid = Grid.over(length, 50)
    row, column = grid.place(length, angle)
    assert row.min() >= 0.5
    assert row.max() < grid.shape[0]
    assert column.min() >= 0.0
    assert column.max() <= 50.0
    np.testing.assert_allclose(np.ptp(row) * CELL, np.ptp(length))


def test_the_front_is_the_middle_column_and_the_back_is_the_border():
    grid = Grid(0.0, (4, 80))
    _, column = grid.place(np.zeros(5), np.array([0.0, np.pi / 2.0, -np.pi / 2.0, np.pi - 1e-9, -np.pi + 1e-9]))
    np.testing.assert_allclose(column, [40.0, 60.0, 20.0, 80.0, 0.0], atol=1e-6)


def test_values_are_continuous_across_the_back(random: np.random.Generator):
    grid, image = Grid(0.0, (6, 40)), random.random((6, 40, 3))
    row = np.full(2, 3.5)
    one, other = grid.sample(image, row, np.array([1e-6, 40.0 - 1e-6]))
    np.testing.assert_allclose(one, other, atol=1e-4)
    middles = grid.sample(image, np.full(40, 2.5), np.arange(40) + 0.5)
    np.testing.assert_allclose(middles, image[2])


def test_a_wave_around_a_ring_is_sampled_as_it_is():
    """Between the cells, too, and where the ring closes: waves of eight cells keep their contrast."""
    middle = np.arange(40) + 0.5
    image = np.broadcast_to(np.cos(2.0 * np.pi * middle / 8.0)[None, :, None], (6, 40, 1))
    column = np.linspace(0.0, 40.0, 201)
    values = Grid(0.0, (6, 40)).sample(image, np.full(201, 3.5), column)[:, 0]
    np.testing.assert_allclose(values, np.cos(2.0 * np.pi * column / 8.0), atol=0.01)


def test_splatted_stitches_keep_their_contrast(random: np.random.Generator):
    """Points twice as dense as cells that show stripes of five cells: four fifths of the contrast are left."""
    grid = Grid(0.0, (60, 80))
    row, column = 60.0 * random.random(20000), 80.0 * random.random(20000)
    stripes = 0.5 + 0.5 * np.cos(2.0 * np.pi * column / 5.0)
    image, _ = grid.splat(row, column, stripes[:, None], np.ones(20000))
    again = grid.sample(image, row, column)[:, 0]
    share = np.linalg.lstsq((stripes - 0.5)[:, None], again - 0.5, rcond=None)[0][0]
    assert 0.8 < share < 1.05


def test_blurring_goes_around_the_ring_and_stops_at_the_ends(random: np.random.Generator):
    plane = random.random((12, 20))
    turned = np.roll(ring_blur(plane, (1.0, 2.0)), 7, axis=1)
    np.testing.assert_allclose(ring_blur(np.roll(plane, 7, axis=1), (1.0, 2.0)), turned)
    np.testing.assert_allclose(ring_blur(np.full((12, 20), 0.4), 3.0), 0.4)
    np.testing.assert_allclose(ring_blur(plane, 1.5).mean(0).sum(), ring_blur(plane, (1.5, 0.01)).mean(0).sum())


def test_a_smoothed_mask_lies_inside_and_keeps_what_is_wide():
    mask = np.zeros((60, 80), bool)
    mask[:, 20:60] = True
    mask[30, 10:20] = True  # A thin spur.
    smooth = smooth_mask(mask)
    assert (smooth <= mask).all()
    assert smooth[:, 25:55].all()
    assert not smooth[30, 10:19].any()
