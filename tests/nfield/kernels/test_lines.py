"""Products of lines: values against a loop, gradients against differences, each build against the twin."""

import math
from functools import partial

import pytest
import torch
from torch.library import opcheck

from nfield.kernels import lines as lines_module
from nfield.kernels.lines import line_products, line_products_reference
from tests.nfield.kernels.conftest import Difference

SIZES = (0, 1, 7, 65, 1000)


def by_loop(point: list[float], lines: torch.Tensor) -> list[float]:
    nodes, components = lines.shape[1:]
    products = []
    for r in range(components):
        product = 1.0
        for axis, value in enumerate(point):
            cell = min(int(value * (nodes - 1)), nodes - 2)
            part = value * (nodes - 1) - cell
            product *= (1.0 - part) * float(lines[axis, cell, r]) + part * float(lines[axis, cell + 1, r])
        products.append(product)
    return products


def test_products_equal_the_formula_by_a_loop(generator: torch.Generator):
    lines = torch.randn(3, 5, 4, generator=generator).double()
    points = torch.cat([torch.rand(10, 3, generator=generator).double(), torch.tensor([[0.0] * 3, [1.0] * 3]).double()])
    expected = torch.tensor([by_loop(p.tolist(), lines) for p in points], dtype=torch.float64)
    assert torch.allclose(line_products_reference(points, lines), expected, atol=1e-12)


def test_constant_lines_give_their_product_everywhere(generator: torch.Generator):
    lines = torch.tensor([2.0, 3.0, 5.0])[:, None, None].expand(3, 4, 17)
    assert torch.allclose(line_products(torch.rand(50, 3, generator=generator), lines), torch.full((50, 17), 30.0))


def test_twin_gradients_are_the_differences(generator: torch.Generator):
    points = (torch.rand(5, 3, generator=generator).double() * 0.9 + 0.05).requires_grad_()
    lines = torch.randn(3, 4, 2, generator=generator).double().requires_grad_()
    assert torch.autograd.gradcheck(line_products_reference, (points, lines))


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize(("nodes", "components"), [(2, 1), (9, 23), (33, 48)])
def test_native_values_and_gradients_equal_the_twin(
    build: str, count: int, nodes: int, components: int, difference: Difference, generator: torch.Generator
):
    inputs = [torch.rand(count, 3, generator=generator), torch.randn(3, nodes, components, generator=generator)]
    assert max(difference(line_products, line_products_reference, inputs)) < 1e-5


def test_on_fine_lines_only_the_rounding_of_the_coordinate_is_seen(
    build: str, difference: Difference, generator: torch.Generator
):
    inputs = [torch.rand(2000, 3, generator=generator), torch.randn(3, 500, 8, generator=generator)]
    twin = partial(line_products_reference, rounding=torch.float32)
    assert max(difference(line_products, twin, inputs)) < 5e-6


def test_points_outside_are_clamped_and_get_no_gradient(build: str, generator: torch.Generator):
    lines = torch.randn(3, 5, 4, generator=generator)
    outside = torch.tensor([[-3.0, 0.4, 1.5], [2.0, 2.0, 2.0]], requires_grad=True)
    products = line_products(outside, lines)
    (grad,) = torch.autograd.grad(products.sum(), outside)
    assert torch.allclose(products, line_products_reference(outside.detach().clamp(0.0, 1.0), lines), atol=1e-5)
    assert torch.equal(grad != 0.0, torch.tensor([[False, True, False], [False, False, False]]))


def test_lines_without_a_cell_are_refused():
    with pytest.raises(ValueError, match="expected at least 2 each"):
        line_products(torch.rand(2, 3), torch.ones(3, 1, 4))


def test_points_that_are_no_numbers_do_not_crash(build: str, generator: torch.Generator):
    points = torch.tensor([[math.nan, 0.5, 0.5], [math.inf, -math.inf, 0.1], [0.3, 0.3, 0.3]])
    lines = torch.randn(3, 5, 4, generator=generator).requires_grad_()
    products = line_products(points, lines)
    products.sum().backward()
    assert torch.isfinite(products[2]).all()


def test_gradients_do_not_depend_on_threads(build: str, generator: torch.Generator):
    lines = torch.randn(3, 17, 40, generator=generator).requires_grad_()
    unit = torch.rand(3000, 3, generator=generator)
    gradients, threads = [], torch.get_num_threads()
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            gradients.append(torch.autograd.grad(line_products(unit, lines).square().sum(), lines)[0])
    finally:
        torch.set_num_threads(threads)
    for other in gradients[1:]:
        assert torch.equal(gradients[0], other)


@pytest.mark.usefixtures("native")
@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # opcheck looks at it itself
def test_op_is_registered_as_torch_wants_it(generator: torch.Generator):
    unit = torch.rand(20, 3, generator=generator, requires_grad=True)
    lines = torch.randn(3, 5, 4, generator=generator).requires_grad_()
    opcheck(lines_module._native, (unit, lines))
    opcheck(
        lines_module._native_backward, (unit.detach(), lines.detach(), torch.randn(20, 4, generator=generator), True)
    )
