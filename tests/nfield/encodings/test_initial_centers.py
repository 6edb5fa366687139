"""Weighted K-means and the shapes of its clusters: laws, closed forms, and what is refused."""

import itertools
import math

import pytest
import torch

from nfield.encodings.initial_centers import (
    ShapeRule,
    cluster_covariance,
    draw,
    ellipses,
    initial_centers,
    lattice,
    shapes_of,
    weighted_kmeans,
)
from nfield.errors import OptionError
from nfield.kernels.nearest import nearest_reference
from nfield.kernels.rbf import RBF_KERNELS

WIDE = ShapeRule(alpha=1.0, narrowest=1e-6, widest=1e6)


def objective(points: torch.Tensor, weights: torch.Tensor, centers: torch.Tensor) -> float:
    _, square = nearest_reference(points.double(), centers.double(), 1)
    return float((weights * square[:, 0]).sum())


@pytest.mark.parametrize("dims", [2, 3])
def test_the_objective_never_rises(dims: int, generator: torch.Generator):
    points = torch.rand(2000, dims, generator=generator)
    weights = torch.rand(2000, generator=generator) + 0.01
    centers = points[:40]
    values = [objective(points, weights, centers)]
    for _ in range(6):
        centers = weighted_kmeans(points, weights, centers, iterations=1)
        values.append(objective(points, weights, centers))
    assert all(later <= earlier * (1.0 + 1e-6) for earlier, later in itertools.pairwise(values))
    assert values[-1] < 0.8 * values[0]


def test_centers_move_to_the_weighted_mean():
    points, weights = torch.tensor([[0.0, 0.0], [1.0, 0.0], [10.0, 2.0]]), torch.tensor([1.0, 3.0, 5.0])
    moved = weighted_kmeans(points, weights, torch.tensor([[0.0, 0.0], [9.0, 0.0]]), iterations=1)
    assert torch.allclose(moved, torch.tensor([[0.75, 0.0], [10.0, 2.0]]))


def test_a_center_without_points_stays():
    points, far = torch.rand(50, 2), torch.tensor([[30.0, 30.0]])
    moved = weighted_kmeans(points, torch.ones(50), torch.cat([points[:1], far]))
    assert torch.equal(moved[1:], far)


def test_even_weights_on_a_lattice_give_even_areas(generator: torch.Generator):
    row, column = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    points = torch.stack([column, row], -1).reshape(-1, 2)
    centers = initial_centers(points, torch.ones(len(points)), 64, generator=generator)
    sizes = torch.bincount(nearest_reference(points, centers, 1)[0][:, 0].long(), minlength=64)
    assert sizes.min() > 36 / 3
    assert sizes.max() < 36 * 3


def test_drawing_follows_the_weights_and_never_repeats(generator: torch.Generator):
    weights = torch.cat([torch.full((1000,), 0.1), torch.full((1000,), 0.9), torch.zeros(1000)])
    drawn = draw(weights, 400, generator)
    assert len(set(drawn.tolist())) == 400
    assert (drawn < 2000).all()
    assert 0.05 < float((drawn < 1000).float().mean()) < 0.2


def test_a_lattice_is_regular_and_complete(generator: torch.Generator):
    points = torch.tensor([[0.0, 0.0], [4.0, 1.0]])
    centers = lattice(points, 37, generator)
    assert centers.shape == (37, 2)
    assert len(set(centers[:36, 0].tolist())) == 12
    assert len(set(centers[:36, 1].tolist())) == 3
    assert ((centers >= points[0]) & (centers <= points[1])).all()


@pytest.mark.parametrize("name", ["inverse_quadratic", "rotated_tent", "inverse_multiquadric", "gaussian"])
def test_a_kernel_is_as_wide_as_its_cluster_along_each_axis(name: str, generator: torch.Generator):
    kernel, turn = RBF_KERNELS[name], torch.tensor([[0.8, 0.6], [-0.6, 0.8]])
    covariance = (turn @ torch.diag(torch.tensor([0.04, 9.0])) @ turn.T).double()[None]
    shapes = shapes_of(covariance, kernel, WIDE)
    half, axes = ellipses(shapes, kernel, 2)
    assert half[0].tolist() == pytest.approx([0.2, 3.0], rel=1e-4)
    assert abs(float(axes[0, :, 1] @ turn[:, 1].double())) == pytest.approx(1.0, abs=1e-6)
    for width, axis in zip(half[0], axes[0].T, strict=True):
        value = kernel.value((width * axis).float()[None, None], shapes[:, None])
        assert float(value) == pytest.approx(math.exp(-0.5) if name == "gaussian" else 0.5, abs=1e-4)


def test_a_tent_has_one_width_from_the_trace():
    covariance = torch.diag(torch.tensor([3.0, 6.0])).double()[None]
    (shape,) = shapes_of(covariance, RBF_KERNELS["tent"], WIDE)
    assert float(shape) == pytest.approx(1.0 / (2.0 * 3.0))  # half of its height at the width, 3
    half, _ = ellipses(shape[None], RBF_KERNELS["tent"], 2)
    assert half[0].tolist() == pytest.approx([3.0, 3.0])


def test_points_on_a_line_give_a_kernel_along_it_at_the_largest_ratio():
    along = torch.linspace(-1.0, 1.0, 101)
    points = torch.stack([0.6 * along, 0.8 * along], -1)
    covariance = cluster_covariance(points, torch.ones(101), torch.zeros(1, 2))
    half, axes = ellipses(shapes_of(covariance, RBF_KERNELS["inverse_quadratic"], WIDE), RBF_KERNELS["gaussian"], 2)
    assert float(half[0, 1] / half[0, 0]) == pytest.approx(1000.0**0.5, rel=1e-3)
    assert abs(float(axes[0, :, 1] @ torch.tensor([0.6, 0.8]).double())) == pytest.approx(1.0, abs=1e-6)


def test_every_shape_in_space_is_positive_definite(generator: torch.Generator):
    points, weights = torch.rand(900, 3, generator=generator), torch.rand(900, generator=generator)
    covariance = cluster_covariance(points, weights, points[:300])  # clusters of three points or fewer
    rule = ShapeRule(alpha=0.3, narrowest=1e-3, widest=0.1)
    kernel = RBF_KERNELS["inverse_quadratic"]
    squares = torch.linalg.eigvalsh(kernel.matrix(shapes_of(covariance, kernel, rule).double(), 3))
    assert (squares > 0.0).all()
    widths = squares.rsqrt()
    assert float(widths.max()) <= 0.1 * 1.001
    assert float(widths.min()) >= 1e-3 * 0.999


@pytest.mark.parametrize("count", [0, 3])
def test_more_kernels_than_weighted_points_are_refused(count: int, generator: torch.Generator):
    with pytest.raises(OptionError, match=rf"count: is {count}, expected 1 to 2 kernels"):
        initial_centers(torch.rand(9, 2), torch.tensor([1.0, 2.0] + [0.0] * 7), count, generator=generator)
