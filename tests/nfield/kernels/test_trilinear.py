"""The dense grid: linear functions are met exactly, gradients against differences, each build against the twin."""

import math

import pytest
import torch
from torch.library import opcheck

from nfield.kernels import trilinear as trilinear_module
from nfield.kernels.trilinear import trilinear, trilinear_reference
from tests.nfield.kernels.conftest import Difference


def test_nodes_lie_at_both_ends_and_x_runs_fastest():
    grid = torch.arange(24.0).view(2, 3, 4, 1)  # z, y, x
    corners = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    assert trilinear_reference(corners, grid)[:, 0].tolist() == [0.0, 3.0, 8.0, 12.0, 23.0]


def test_a_linear_function_is_met_between_nodes(generator: torch.Generator):
    x, y, z = (torch.linspace(0.0, 1.0, nodes).double() for nodes in (6, 3, 4))
    grid = (2.0 * x + 3.0 * y[:, None] - z[:, None, None] + 1.0)[..., None]
    points = torch.rand(40, 3, generator=generator).double()
    expected = points @ torch.tensor([2.0, 3.0, -1.0]).double() + 1.0
    assert torch.allclose(trilinear_reference(points, grid)[:, 0], expected, atol=1e-12)


def test_twin_gradients_are_the_differences(generator: torch.Generator):
    points = (torch.rand(5, 3, generator=generator).double() * 0.9 + 0.05).requires_grad_()
    grid = torch.randn(3, 4, 2, 2, generator=generator).double().requires_grad_()
    assert torch.autograd.gradcheck(trilinear_reference, (points, grid))


@pytest.mark.parametrize("count", [0, 1, 9, 1000])
@pytest.mark.parametrize("channels", [1, 3, 8, 27, 28, 40])
def test_native_values_and_gradients_equal_the_twin(
    build: str, count: int, channels: int, difference: Difference, generator: torch.Generator
):
    inputs = [torch.rand(count, 3, generator=generator), torch.randn(5, 6, 7, channels, generator=generator)]
    assert max(difference(trilinear, trilinear_reference, inputs)) < 1e-5


def test_the_smallest_grid_is_right(build: str, difference: Difference, generator: torch.Generator):
    inputs = [torch.rand(50, 3, generator=generator), torch.randn(2, 2, 2, 4, generator=generator)]
    assert max(difference(trilinear, trilinear_reference, inputs)) < 1e-5


def test_points_outside_are_clamped_and_get_no_gradient(build: str, generator: torch.Generator):
    grid = torch.randn(5, 5, 5, 3, generator=generator)
    outside = torch.tensor([[-3.0, 0.4, 1.5], [2.0, 2.0, 2.0]], requires_grad=True)
    values = trilinear(outside, grid)
    (grad,) = torch.autograd.grad(values.sum(), outside)
    assert torch.allclose(values, trilinear_reference(outside.detach().clamp(0.0, 1.0), grid), atol=1e-6)
    assert torch.equal(grad != 0.0, torch.tensor([[False, True, False], [False, False, False]]))


def test_grids_without_a_cell_are_refused():
    with pytest.raises(ValueError, match="expected at least 2 each"):
        trilinear(torch.rand(2, 3), torch.ones(2, 1, 2, 4))


def test_points_that_are_no_numbers_do_not_crash(build: str, generator: torch.Generator):
    grid = torch.randn(5, 5, 5, 3, generator=generator).requires_grad_()
    points = torch.tensor([[math.nan, 0.5, 0.5], [math.inf, -math.inf, 0.1], [0.3, 0.3, 0.3]])
    values = trilinear(points, grid)
    values.sum().backward()
    assert torch.isfinite(values[2]).all()


def test_gradient_of_the_grid_does_not_depend_on_threads(build: str, generator: torch.Generator):
    grid = torch.randn(9, 9, 9, 5, generator=generator).requires_grad_()
    unit = torch.rand(3000, 3, generator=generator)
    gradients, threads = [], torch.get_num_threads()
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            gradients += torch.autograd.grad(trilinear(unit, grid).square().sum(), grid)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(gradients[0], other) for other in gradients[1:])


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # opcheck looks at it itself
def test_op_is_registered_as_torch_wants_it(native: None, generator: torch.Generator):
    unit = torch.rand(7, 3, generator=generator, requires_grad=True)
    grid = torch.randn(3, 3, 3, 2, generator=generator).requires_grad_()
    opcheck(trilinear_module._native, (unit, grid))
    grad = torch.randn(7, 2, generator=generator)
    opcheck(trilinear_module._native_backward, (unit.detach(), grid.detach(), grad, True))
