"""Multilayer perceptrons: a loop over points, the twin in double precision, each build."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.library import opcheck

from nfield.kernels import mlp as mlp_module
from nfield.kernels.mlp import mlp, mlp_reference

SHAPES = {
    "one layer": [5, 3],
    "colour": [32, 64, 64, 3],
    "odd widths": [7, 19, 1, 6, 33],
    "wide": [63, 256, 256, 28],
}


def network(
    widths: list[int], generator: torch.Generator, *, biased: bool, dtype: torch.dtype = torch.float32
) -> tuple[list[Tensor], list[Tensor] | None]:
    pairs = list(itertools.pairwise(widths))
    matrices = [torch.randn(o, i, generator=generator, dtype=dtype) / math.sqrt(i) for i, o in pairs]
    biases = [torch.randn(o, generator=generator, dtype=dtype) for _, o in pairs] if biased else None
    return matrices, biases


def answers(
    run: Callable[..., Tensor], inputs: Tensor, parts: list[Tensor], layers: int, sines: Tensor | None
) -> list[Tensor]:
    """Outputs and all gradients, for fixed slopes."""
    leaves = [t.detach().clone().requires_grad_() for t in (inputs, *parts)]
    matrices, biases = leaves[1 : 1 + layers], leaves[1 + layers :] or None
    out = run(leaves[0], matrices, biases, frequencies=sines)
    slopes = 1.0 + torch.cos(torch.arange(out.numel(), dtype=out.dtype)).view_as(out)
    return [out.detach(), *torch.autograd.grad(out, leaves, slopes)]


@pytest.mark.parametrize("points", [0, 1, 127, 300])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("sines", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_native_equals_the_twin_in_double_precision(
    build: str, shape: str, sines: bool, biased: bool, points: int, generator: torch.Generator
):
    widths = SHAPES[shape]
    matrices, biases = network(widths, generator, biased=biased)
    inputs = torch.randn(points, widths[0], generator=generator)
    frequencies = torch.logspace(0.0, 2.0, widths[1]) if sines else None
    parts = [*matrices, *(biases or [])]
    found = answers(mlp, inputs, parts, len(matrices), frequencies)
    doubled = None if frequencies is None else frequencies.double()
    exact = answers(mlp_reference, inputs.double(), [p.double() for p in parts], len(matrices), doubled)
    for value, expected in zip(found, exact, strict=True):
        scale = float(expected.abs().max()) if expected.numel() else 1.0
        # A sum that lies on a bend of ReLU may fall to its other side, so gradients are compared as a whole.
        assert float((value - expected).norm()) <= 2e-5 * max(scale, 1e-6) * max(expected.numel(), 1) ** 0.5


def layer_sum(matrix: Tensor, bias: Tensor, unit: int, inputs: list[float]) -> float:
    return float(bias[unit]) + sum(float(w) * x for w, x in zip(matrix[unit], inputs, strict=True))


def test_twin_is_a_loop_over_layers(generator: torch.Generator):
    matrices, biases = network([2, 3, 3, 1], generator, biased=True, dtype=torch.float64)
    assert biases is not None
    frequencies = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64)
    inputs = torch.randn(4, 2, generator=generator, dtype=torch.float64)
    out = mlp_reference(inputs, matrices, biases, frequencies=frequencies)
    for point, value in zip(inputs, out, strict=True):
        first = [layer_sum(matrices[0], biases[0], unit, point.tolist()) for unit in range(3)]
        first = [h + math.sin(h * f) for h, f in zip(first, frequencies.tolist(), strict=True)]
        second = [max(layer_sum(matrices[1], biases[1], unit, first), 0.0) for unit in range(3)]
        assert float(value) == pytest.approx(layer_sum(matrices[2], biases[2], 0, second), rel=1e-12)


@pytest.mark.parametrize("sines", [False, True])
def test_gradients_of_the_twin_are_the_differences(sines: bool, generator: torch.Generator):
    matrices, biases = network([3, 5, 4, 2], generator, biased=True, dtype=torch.float64)
    assert biases is not None
    frequencies = torch.linspace(1.0, 6.0, 5, dtype=torch.float64) if sines else None
    inputs = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    leaves = [t.requires_grad_() for t in (inputs, *matrices, *biases)]

    def run(points: Tensor, *parts: Tensor) -> Tensor:
        return mlp_reference(points, parts[:3], parts[3:], frequencies=frequencies)

    assert torch.autograd.gradcheck(run, tuple(leaves))


def test_sines_hold_at_large_arguments(build: str):
    identity, frequencies = torch.eye(1), torch.ones(1)
    inputs = torch.linspace(-4096.0, 4096.0, 20011)[:, None]
    found = mlp(inputs, [identity, identity], frequencies=frequencies)
    exact = inputs.double() + torch.sin(inputs.double())
    # Beyond 2048 the sum h + sin(h) itself is rounded to 2.4e-4.
    assert float((found - exact).abs().max()) < 2.5e-4
    near = inputs.abs() < 200.0
    assert float((found - exact)[near].abs().max()) < 1e-5


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # opcheck looks at it itself
def test_op_is_registered_as_torch_wants(native: None, generator: torch.Generator):
    weights = torch.randn(5 * 3 + 3, generator=generator).requires_grad_()
    inputs = torch.randn(9, 5, generator=generator).requires_grad_()
    arguments = (inputs, weights, [5, 3], True, torch.zeros(0))
    opcheck(mlp_module._native_mlp, arguments)
    plain = [t.detach() if isinstance(t, Tensor) else t for t in arguments]
    opcheck(mlp_module._native_backward, (*plain, torch.randn(9, 3, generator=generator), True))
