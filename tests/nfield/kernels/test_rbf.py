"""Radial bases: values and mixtures against loops, finite differences, the double-precision twin, and interpolation."""

import itertools
import math

import pytest
import torch
from torch.library import opcheck

from nfield.kernels import rbf
from nfield.kernels.nearest import NearestCenters
from nfield.kernels.rbf import (
    RBF_KERNELS,
    RbfKernel,
    frequency_ladder,
    packed_symmetric,
    quadratic_form,
    rbf_mix,
    rbf_mix_reference,
    rbf_values,
    rbf_values_reference,
    transpose,
    transpose_reference,
)

KERNELS = list(RBF_KERNELS)
SINES = frequency_ladder(32, 0.125, 4096.0)


def random_shapes(kernel: RbfKernel, count: int, dims: int, generator: torch.Generator) -> torch.Tensor:
    numbers = kernel.numbers(dims)
    if numbers == dims * (dims + 1) // 2 and kernel.number not in (1, 2):
        root = torch.randn(count, dims, dims, generator=generator) * 3.0
        return packed_symmetric(root @ root.mT + torch.eye(dims))
    return torch.rand(count, numbers, generator=generator) * 2.0 + 0.5


def neighbourhood(dims: int, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    centers, points = torch.rand(40, dims, generator=generator), torch.rand(count, dims, generator=generator)
    return points, centers, NearestCenters(centers).query(points, 4)[0]


@pytest.mark.parametrize("dims", [2, 3])
def test_quadratic_form_of_packed_matrices_is_that_of_the_whole(dims: int, generator: torch.Generator):
    root, d = torch.randn(9, dims, dims, generator=generator), torch.randn(9, dims, generator=generator)
    whole = root @ root.mT
    assert torch.allclose(quadratic_form(d, packed_symmetric(whole)), torch.einsum("ni,nij,nj->n", d, whole, d))


def test_kernels_have_their_values_by_hand():
    d = torch.tensor([[[0.5, -0.25]]]).double()
    full = torch.tensor([[[4.0, 1.0, 8.0]]]).double()  # q = 4/4 + 2 * 1 * 0.5 * -0.25 + 8/16 = 1.25
    turned = torch.tensor([[[0.0, 1.0, 1.0, 0.0]]]).double()
    expected = {
        "inverse_quadratic": (full, 1.0 / 2.25),
        "inverse_multiquadric": (full, 1.0 / 1.5),
        "gaussian": (full, math.exp(-0.625)),
        "tent": (torch.tensor([[[1.0]]]).double(), 0.5 * 0.75),
        "rotated_tent": (turned, 0.75 * 0.5),
    }
    for name, (shape, value) in expected.items():
        assert float(RBF_KERNELS[name].value(d, shape)) == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize("name", [name for name in KERNELS if name != "gaussian"])
def test_kernel_is_a_half_at_its_width(name: str):
    kernel = RBF_KERNELS[name]
    shape = torch.tensor([[1.0]]) if name == "tent" else torch.eye(2).reshape(1, 4)
    shape = packed_symmetric(torch.eye(2)[None]) if kernel.numbers(2) == 3 else shape
    d = torch.tensor([[math.sqrt(kernel.half_square), 0.0]])
    assert float(kernel.value(d, shape)) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dims", [2, 3])
def test_gradients_of_the_twin_are_the_differences(dims: int, name: str, normalize: bool, generator: torch.Generator):
    kernel = RBF_KERNELS[name]
    points, centers, near = neighbourhood(dims, 4, generator)
    leaves = [points, centers, random_shapes(kernel, 40, dims, generator), torch.randn(40, 3, generator=generator)]
    sines = torch.tensor([0.5, 3.0, 20.0]).double()

    def mixed(*leaves: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        points, centers, shapes, features = leaves
        phi = rbf_values(points, centers, shapes, near, kernel=kernel, normalize=normalize)
        return rbf_mix(features, phi, near, sines), rbf_mix(features, phi, near)

    assert torch.autograd.gradcheck(mixed, [t.double().requires_grad_() for t in leaves], fast_mode=True)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dims", [2, 3])
def test_native_values_equal_the_twin(build: str, dims: int, name: str, normalize: bool, generator: torch.Generator):
    kernel = RBF_KERNELS[name]
    points, centers, near = neighbourhood(dims, 300, generator)
    shapes = random_shapes(kernel, 40, dims, generator)
    found = rbf_values(points, centers, shapes, near, kernel=kernel, normalize=normalize)
    tensors = (t.double() for t in (points, centers, shapes))
    exact = rbf_values_reference(*tensors, near, kernel=kernel, normalize=normalize)
    assert found.dtype == torch.float32
    assert torch.allclose(found.double(), exact, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("frequencies", [None, SINES])
@pytest.mark.parametrize("count", [0, 1, 7, 1000])
def test_native_mixture_and_gradient_equal_the_twin(
    build: str, count: int, frequencies: torch.Tensor | None, generator: torch.Generator
):
    near = torch.randint(50, (count, 5), generator=generator, dtype=torch.int32)  # kernel 50 is nobody's neighbour
    phi, features = torch.rand(count, 5, generator=generator), torch.randn(51, 32, generator=generator)
    weight, results = torch.randn(count, 32, generator=generator), []
    for dtype, mix in ((torch.float32, rbf_mix), (torch.float64, rbf_mix_reference)):
        w = features.to(dtype).requires_grad_()
        options = {} if dtype == torch.float32 else {"rounding": torch.float32}
        sines = None if frequencies is None else frequencies.to(dtype)
        mixed = mix(w, phi.to(dtype), near, sines, **options)
        (grad,) = torch.autograd.grad((mixed * weight).sum(), w)
        results.append((mixed.detach(), grad))
    for found, exact in zip(*results, strict=True):
        assert found.dtype == torch.float32
        assert torch.allclose(found.double(), exact, rtol=1e-5, atol=2e-5)


def test_sine_is_accurate_to_4096_radians(build: str):
    # One kernel of feature 1 whose value is 1: channel c is the sine of its frequency.
    phases = torch.cat([torch.linspace(0.0, 4096.0, 32000), torch.tensor([math.pi * k / 2 for k in range(32)])])
    for part in phases.split(32):
        one, first = torch.ones(1, 1), torch.zeros(1, 1, dtype=torch.int32)
        found = rbf_mix(torch.ones(1, 32), one, first, part)[0]
        assert float((found.double() - part.double().sin()).abs().max()) < 3e-7


def test_kept_lists_change_nothing(build: str, generator: torch.Generator):
    points, centers, near = neighbourhood(2, 5000, generator)
    features = torch.randn(len(centers), 16, generator=generator, requires_grad=True)
    phi, kept = torch.rand(len(points), 4, generator=generator), transpose(near, len(centers))
    twin = transpose_reference(near, len(centers))
    assert torch.equal(kept.start, twin.start)
    assert torch.equal(kept.places, twin.places)
    sums = [rbf_mix(features, phi, near, transposed=lists).square().sum() for lists in (None, kept)]
    first, second = (torch.autograd.grad(total, features)[0] for total in sums)
    assert torch.equal(first, second)


def test_feature_gradient_does_not_depend_on_threads(build: str, generator: torch.Generator):
    near = torch.randint(50, (4000, 4), generator=generator, dtype=torch.int32)
    phi = torch.rand(4000, 4, generator=generator)
    features = torch.randn(50, 32, generator=generator, requires_grad=True)
    gradients, threads = [], torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            gradients += torch.autograd.grad(rbf_mix(features, phi, near, SINES).square().sum(), features)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*gradients)


def test_tents_on_a_lattice_are_multilinear_interpolation(generator: torch.Generator):
    # Centres on the nodes of a grid and tents of one cell (NeuRBF, equation 1). The eight nearest nodes hold the four
    # corners of the cell; the tents of the others are 0 there.
    axis = torch.arange(6).double()
    nodes = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    grid = torch.randn(6, 6, 3, generator=generator).double()
    points = torch.rand(200, 2, generator=generator).double() * 4.98 + 0.01
    near, _ = NearestCenters(nodes).query(points, 8)
    shapes = torch.ones(36, 1).double()
    phi = rbf_values(points, nodes, shapes, near, kernel=RBF_KERNELS["tent"], normalize=False)
    mixed = rbf_mix(grid.reshape(36, 3), phi, near)
    low = points.floor().long()
    expected = torch.zeros(200, 3).double()
    for i, j in itertools.product((0, 1), repeat=2):
        step = torch.tensor([i, j])
        weight = (1.0 - (points - (low + step)).abs()).prod(-1, keepdim=True)
        expected += weight * grid[low[:, 0] + i, low[:, 1] + j]
    assert torch.allclose(mixed, expected, atol=1e-12)


def test_widths_without_whole_vectors_take_the_twin(generator: torch.Generator):
    near = torch.zeros(3, 2, dtype=torch.int32)
    features, phi = torch.randn(4, 5, generator=generator), torch.rand(3, 2, generator=generator)
    assert torch.equal(rbf_mix(features, phi, near), rbf_mix_reference(features, phi, near))


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # opcheck looks at it itself
def test_op_is_registered_as_torch_wants_it(native: None, generator: torch.Generator):
    _, centers, near = neighbourhood(2, 9, generator)
    lists = transpose(near, len(centers))
    features = torch.randn(len(centers), 16, generator=generator, requires_grad=True)
    phi = torch.rand(9, 4, generator=generator)
    opcheck(rbf._native_mix, (features, phi, near, SINES[:16].clone(), lists.start, lists.places))
    grad = torch.randn(9, 16, generator=generator)
    opcheck(rbf._native_backward, (phi, SINES[:16].clone(), lists.start, lists.places, grad))
