"""Planes and lines: values against a loop, gradients against differences, each build against the twin."""

import math
from functools import partial

import pytest
import torch
from torch.library import opcheck

from nfield.kernels import planes as planes_module
from nfield.kernels.planes import vector_matrix, vector_matrix_reference
from tests.nfield.kernels.conftest import Difference

SIZES = (0, 1, 7, 8, 9, 65, 1000)


def factors(nodes: int, components: int, outputs: int, generator: torch.Generator) -> list[torch.Tensor]:
    """Planes, lines and a basis."""
    shapes = [(3, nodes, nodes, components), (3, nodes, components), (outputs, 3 * components)]
    return [torch.randn(shape, generator=generator) for shape in shapes]


def by_loop(point: list[float], planes: torch.Tensor, lines: torch.Tensor, basis: torch.Tensor) -> list[float]:
    nodes, components = planes.shape[1], planes.shape[3]
    places = []
    for value in point:
        cell = min(int(value * (nodes - 1)), nodes - 2)
        places.append((cell, value * (nodes - 1) - cell))
    products = []
    for mode, (first, second, across) in enumerate(((0, 1, 2), (0, 2, 1), (1, 2, 0))):
        for r in range(components):
            matrix = vector = 0.0
            (i, a), (j, b), (k, c) = places[first], places[second], places[across]
            for di in (0, 1):
                vector += (c if di else 1.0 - c) * float(lines[mode, k + di, r])
                for dj in (0, 1):
                    weight = (a if di else 1.0 - a) * (b if dj else 1.0 - b)
                    matrix += weight * float(planes[mode, i + di, j + dj, r])
            products.append(matrix * vector)
    return [sum(float(w) * p for w, p in zip(row, products, strict=True)) for row in basis]


def test_features_equal_the_formula_by_a_loop(generator: torch.Generator):
    tensors = [t.double() for t in factors(5, 2, 3, generator)]
    points = torch.cat([torch.rand(10, 3, generator=generator).double(), torch.tensor([[0.0] * 3, [1.0] * 3]).double()])
    expected = torch.tensor([by_loop(p.tolist(), *tensors) for p in points], dtype=torch.float64)
    assert torch.allclose(vector_matrix_reference(points, *tensors), expected, atol=1e-12)


def test_constant_factors_give_their_product_everywhere(generator: torch.Generator):
    planes, lines, basis = torch.full((3, 4, 4, 2), 2.0), torch.full((3, 4, 2), 3.0), torch.ones(1, 6)
    features = vector_matrix(torch.rand(50, 3, generator=generator), planes, lines, basis)
    assert torch.allclose(features, torch.full((50, 1), 36.0))


def test_twin_gradients_are_the_differences(generator: torch.Generator):
    points = (torch.rand(5, 3, generator=generator).double() * 0.9 + 0.05).requires_grad_()
    tensors = [t.double().requires_grad_() for t in factors(4, 2, 3, generator)]
    assert torch.autograd.gradcheck(vector_matrix_reference, (points, *tensors))


@pytest.mark.parametrize("count", SIZES)
def test_native_values_and_gradients_equal_the_twin(
    build: str, count: int, difference: Difference, generator: torch.Generator
):
    inputs = [torch.rand(count, 3, generator=generator), *factors(9, 16, 15, generator)]
    assert max(difference(vector_matrix, vector_matrix_reference, inputs)) < 1e-5


def test_in_fine_planes_only_the_rounding_of_the_coordinate_is_seen(
    build: str, difference: Difference, generator: torch.Generator
):
    inputs = [torch.rand(2000, 3, generator=generator), *factors(256, 4, 3, generator)]
    twin = partial(vector_matrix_reference, rounding=torch.float32)
    assert max(difference(vector_matrix, twin, inputs)) < 5e-6


@pytest.mark.parametrize(
    ("nodes", "components", "outputs"), [(2, 1, 1), (7, 3, 2), (9, 23, 1), (5, 48, 28), (33, 4, 16)]
)
def test_every_number_of_components_and_outputs_is_right(
    build: str, nodes: int, components: int, outputs: int, difference: Difference, generator: torch.Generator
):
    inputs = [torch.rand(200, 3, generator=generator), *factors(nodes, components, outputs, generator)]
    assert max(difference(vector_matrix, vector_matrix_reference, inputs)) < 1e-5


def test_points_outside_are_clamped_and_get_no_gradient(build: str, generator: torch.Generator):
    tensors = factors(5, 4, 2, generator)
    outside = torch.tensor([[-3.0, 0.4, 1.5], [2.0, 2.0, 2.0]], requires_grad=True)
    features = vector_matrix(outside, *tensors)
    (grad,) = torch.autograd.grad(features.sum(), outside)
    assert torch.allclose(features, vector_matrix_reference(outside.detach().clamp(0.0, 1.0), *tensors), atol=1e-5)
    assert torch.equal(grad != 0.0, torch.tensor([[False, True, False], [False, False, False]]))


def test_grids_without_a_cell_are_refused():
    with pytest.raises(ValueError, match="expected at least 2 each"):
        vector_matrix(torch.rand(2, 3), torch.ones(3, 1, 1, 4), torch.ones(3, 1, 4), torch.ones(1, 12))


def test_points_that_are_no_numbers_do_not_crash(build: str, generator: torch.Generator):
    points = torch.tensor([[math.nan, 0.5, 0.5], [math.inf, -math.inf, 0.1], [0.3, 0.3, 0.3]])
    tensors = [t.requires_grad_() for t in factors(5, 4, 2, generator)]
    features = vector_matrix(points, *tensors)
    features.sum().backward()
    assert torch.isfinite(features[2]).all()


def test_gradient_of_planes_does_not_depend_on_threads(build: str, generator: torch.Generator):
    tensors = [t.requires_grad_() for t in factors(17, 16, 3, generator)]
    unit = torch.rand(3000, 3, generator=generator)
    gradients, threads = [], torch.get_num_threads()
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            gradients.append(torch.autograd.grad(vector_matrix(unit, *tensors).square().sum(), tensors))
    finally:
        torch.set_num_threads(threads)
    for other in gradients[1:]:
        assert torch.equal(other[0], gradients[0][0])
        assert torch.allclose(other[1], gradients[0][1], rtol=1e-3, atol=1e-3)
        assert torch.allclose(other[2], gradients[0][2], rtol=1e-3, atol=1e-3)


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # opcheck looks at it itself
def test_op_is_registered_as_torch_wants_it(native: None, generator: torch.Generator):
    unit = torch.rand(7, 3, generator=generator, requires_grad=True)
    tensors = [t.requires_grad_() for t in factors(5, 4, 2, generator)]
    opcheck(planes_module._native, (unit, *tensors))
    grad = torch.randn(7, 2, generator=generator)
    opcheck(planes_module._native_backward, (unit.detach(), *[t.detach() for t in tensors], grad, True, True))
