"""Nearest centres: against a loop, against brute force in double precision for every build, and what is refused."""

import math

import pytest
import torch

from nfield.errors import OptionError
from nfield.kernels import native_core
from nfield.kernels.nearest import NearestCenters, nearest_reference
from nfield.kernels.nearest_pyramid import NearestPyramid

TORCH = "torch"
"""No native core: grids of plain torch, as on a device."""


@pytest.fixture(params=[*native_core.BUILDS, TORCH])
def build(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes one build of the native core, or none, the one in use."""
    module = None if request.param == TORCH else native_core.load(request.param)
    if module is None and request.param != TORCH:
        pytest.skip(f"the {request.param} core was not compiled, or this processor cannot run it")
    monkeypatch.setattr(native_core, "core", lambda: module)
    return request.param


def spread_centers(dims: int, count: int, generator: torch.Generator) -> torch.Tensor:
    """Half of them crowded on a curve, some twice."""
    centers = torch.rand(count, dims, generator=generator)
    half = count // 2
    centers[:half, 0] = 0.3 + 0.01 * torch.sin(20.0 * centers[:half, 1])
    centers[half : half + count // 10] = centers[: count // 10]
    return centers


def test_twin_equals_a_loop(generator: torch.Generator):
    points, centers = torch.rand(5, 3, generator=generator), torch.rand(20, 3, generator=generator)
    numbers, square = nearest_reference(points, centers, 3)
    for point, row, distances in zip(points, numbers, square, strict=True):
        ranked = sorted((math.dist(point.tolist(), center.tolist()) ** 2, i) for i, center in enumerate(centers))
        assert row.tolist() == [i for _, i in ranked[:3]]
        assert distances.tolist() == pytest.approx([d for d, _ in ranked[:3]], rel=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("count", [1, 2, 9, 130, 3000])
def test_distances_equal_brute_force(build: str, dims: int, count: int, generator: torch.Generator):
    centers = spread_centers(dims, count, generator)
    index = NearestCenters(centers)
    near_curve = centers[torch.arange(60) % count] + 0.003 * torch.randn(60, dims, generator=generator)
    points = torch.cat([torch.rand(300, dims, generator=generator) * 3.0 - 1.0, near_curve, centers[:20]])
    for wanted in range(1, min(8, count) + 1):
        numbers, square = index.query(points, wanted)
        _, exact = nearest_reference(points.double(), centers.double(), wanted)
        assert torch.allclose(square.double(), exact, rtol=1e-5, atol=1e-9)
        again = (points[:, None] - centers[numbers.long()]).square().sum(-1)
        assert torch.allclose(again, square, rtol=1e-5, atol=1e-9)
        assert all(len(set(row)) == wanted for row in numbers.tolist())


@pytest.mark.parametrize("within", [0.0, 0.05, 0.4, 3.0, math.inf])
@pytest.mark.parametrize("spread", [0.2, 2.0])
def test_centers_beyond_the_distance_are_left_out(build: str, within: float, spread: float, generator: torch.Generator):
    centers = torch.rand(700, 3, generator=generator)
    points = 0.5 + spread * torch.randn(500, 3, generator=generator)
    points[:20] = centers[:20]
    number, square = NearestCenters(centers).query(points, 4, within=within)
    wanted, exact = nearest_reference(points, centers, 4)
    inside = exact <= within * within
    assert torch.equal(square.isfinite(), inside)
    assert torch.allclose(square[inside], exact[inside], rtol=1e-5, atol=1e-9)
    assert torch.equal(number[inside], wanted[inside])
    assert ((number >= 0) & (number < 700)).all()
    twin = nearest_reference(points, centers, 4, within=within)
    assert torch.equal(twin[1].isfinite(), inside)


@pytest.mark.parametrize("dims", [2, 3])
def test_grids_find_what_brute_force_finds(dims: int, generator: torch.Generator):
    centers = spread_centers(dims, 4000, generator)
    points = centers[torch.randint(4000, (500,), generator=generator)]
    points = points + 0.05 * torch.randn(500, dims, generator=generator) * torch.rand(500, 1, generator=generator)
    grids = NearestPyramid(centers)
    for count, within in ((1, math.inf), (4, math.inf), (8, 0.02), (4, 0.2)):
        found = grids.query(points, count, within=within)
        wanted = nearest_reference(points, centers, count, within=within)
        assert torch.equal(found[0], wanted[0])
        assert torch.equal(found[1], wanted[1])


def test_ties_go_to_the_lower_number(build: str):
    centers = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [1.0, 0.0]])
    numbers, square = NearestCenters(centers).query(torch.zeros(3, 2), 4)
    assert numbers.tolist() == [[0, 1, 2, 3]] * 3
    assert square.tolist() == [[1.0] * 4] * 3
    assert nearest_reference(torch.zeros(3, 2), centers, 4)[0].tolist() == numbers.tolist()


def test_answers_do_not_depend_on_the_order_of_queries(build: str, generator: torch.Generator):
    index = NearestCenters(spread_centers(3, 500, generator))
    points = torch.rand(2000, 3, generator=generator)
    along = points[points[:, 0].argsort()]
    order = torch.randperm(2000, generator=generator)
    numbers, square = index.query(along, 5)
    shuffled_numbers, shuffled_square = index.query(along[order], 5)
    assert torch.equal(shuffled_numbers, numbers[order])
    assert torch.equal(shuffled_square, square[order])


def test_centers_in_a_plane_of_space_and_far_away(build: str, generator: torch.Generator):
    centers = torch.rand(200, 3, generator=generator) * 2.0 + 60.0
    centers[:, 2] = 7.0
    points = torch.rand(100, 3, generator=generator) * 4.0 + 59.0
    points[0] = torch.tensor([-1e6, 0.0, 1e6])
    _, square = NearestCenters(centers).query(points, 4)
    _, exact = nearest_reference(points.double(), centers.double(), 4)
    assert torch.allclose(square.double(), exact, rtol=1e-4)


def test_centers_that_are_all_in_one_place(build: str):
    numbers, square = NearestCenters(torch.full((100, 3), 0.25)).query(torch.zeros(2, 3), 8)
    assert numbers.tolist() == [list(range(8))] * 2
    assert square[0].tolist() == pytest.approx([3 * 0.25**2] * 8)


def test_points_that_are_no_numbers_get_valid_numbers_of_centers(build: str, generator: torch.Generator):
    index = NearestCenters(torch.rand(50, 3, generator=generator))
    points = torch.tensor([[0.5, 0.5, 0.5], [math.nan, 0.5, 0.5], [math.inf, 0.0, 0.0], [0.5, 0.5, 0.5]])
    numbers, square = index.query(points, 4)
    assert ((numbers >= 0) & (numbers < 50)).all()
    assert torch.equal(numbers[0], numbers[3])
    assert not square[1].isfinite().any()


def test_no_queries_no_answers(build: str):
    numbers, square = NearestCenters(torch.zeros(3, 2)).query(torch.zeros(0, 2), 2)
    assert numbers.shape == square.shape == (0, 2)


def test_double_precision_takes_the_twin(generator: torch.Generator):
    centers, points = torch.rand(30, 2, generator=generator), torch.rand(7, 2, generator=generator).double()
    numbers, square = NearestCenters(centers).query(points, 3)
    assert square.dtype == torch.float64
    assert torch.equal(numbers, nearest_reference(points, centers.double(), 3)[0])


def test_index_works_without_the_native_core(monkeypatch: pytest.MonkeyPatch, generator: torch.Generator):
    monkeypatch.setattr(native_core, "core", lambda: None)
    centers = torch.rand(30, 2, generator=generator)
    assert NearestCenters(centers).query(centers, 1)[0][:, 0].tolist() == list(range(30))


@pytest.mark.parametrize("count", [0, 4, 9])
def test_more_neighbours_than_centers_are_refused(count: int):
    with pytest.raises(OptionError, match=rf"count: is {count}, expected 1 to 3 neighbours of 3 centres"):
        NearestCenters(torch.zeros(3, 2)).query(torch.zeros(1, 2), count)


def test_what_are_no_centers_is_refused():
    with pytest.raises(OptionError, match="expected at least one point"):
        NearestCenters(torch.zeros(0, 3))
    with pytest.raises(OptionError, match="not finite"):
        NearestCenters(torch.tensor([[math.nan, 0.0]]))
    with pytest.raises(OptionError, match="have 3 coordinates, expected 2"):
        NearestCenters(torch.zeros(1, 2)).query(torch.zeros(1, 3), 1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("within", [0.05, math.inf])
def test_gpu_grids_find_what_the_cpu_finds(within: float, generator: torch.Generator):
    centers = spread_centers(3, 5000, generator)
    points = centers[:2000] + 0.02 * torch.randn(2000, 3, generator=generator)
    found = NearestCenters(centers.cuda()).query(points.cuda(), 4, within=within)
    wanted = NearestCenters(centers).query(points, 4, within=within)
    assert torch.allclose(found[1].cpu(), wanted[1])
    near = wanted[1].isfinite()
    assert (found[0].cpu()[near] == wanted[0][near]).float().mean() > 0.999  # but for ties to the last bit
