"""Compositing: closed forms, gradients where alpha is 1 and presence 0, and each build against the twin."""

import math

import pytest
import torch
from torch.library import opcheck

from nfield.kernels import composite as module
from nfield.kernels.composite import composite, composite_reference, visible

Scene = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def scene(counts: list[int], generator: torch.Generator) -> Scene:
    """Random samples: colour, log-density, presence (0, 1 and between), walls and offsets."""
    size = sum(counts)
    presence = torch.rand(size, generator=generator)
    presence[::3], presence[1::7] = 1.0, 0.0
    t0 = torch.cat([torch.zeros(0), *(torch.arange(c) * 0.1 + 1.0 for c in counts)])
    log_density = torch.randn(size, generator=generator) * 3.0 + 1.0
    log_density[::11] = 10.0  # opaque: alpha is 1 in single precision
    offsets = torch.tensor([0, *counts]).cumsum(0)
    return torch.rand(size, 3, generator=generator), log_density, presence, t0, t0 + 0.1, offsets


def test_constant_density_has_the_opacity_of_beer_and_lambert(build: str):
    sigma, length, steps = 0.7, 2.5, 50
    t0 = torch.arange(steps) * (length / steps)
    color = torch.tensor([0.2, 0.5, 0.9]).expand(steps, 3)
    arguments = (torch.full((steps,), math.log(sigma)), torch.ones(steps), t0, t0 + length / steps)
    rgb, opacity, depth, weights = composite(color, *arguments, torch.tensor([0, steps]))
    expected = 1.0 - math.exp(-sigma * length)
    assert opacity.item() == pytest.approx(expected, rel=1e-5)
    assert rgb[0].tolist() == pytest.approx([0.2 * expected, 0.5 * expected, 0.9 * expected], rel=1e-5)
    mean = 1.0 / sigma - (length + 1.0 / sigma) * math.exp(-sigma * length)
    assert depth.item() == pytest.approx(mean, rel=1e-3)
    assert weights.sum().item() == pytest.approx(expected, rel=1e-5)


def test_two_layers_mix_as_on_paper(build: str):
    log_density = torch.tensor([math.log(math.log(4.0)), math.log(math.log(2.0))])  # alphas 3/4 and 1/2 over 1 m
    t0 = torch.tensor([1.0, 2.0])
    color = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    rgb, opacity, depth, weights = composite(color, log_density, torch.ones(2), t0, t0 + 1.0, torch.tensor([0, 2]))
    assert weights.tolist() == pytest.approx([0.75, 0.125])
    assert rgb[0].tolist() == pytest.approx([0.75, 0.0, 0.125])
    assert opacity.item() == pytest.approx(0.875)
    assert depth.item() == pytest.approx(0.75 * 1.5 + 0.125 * 2.5)


@pytest.mark.parametrize(("presence", "opacity"), [(0.0, 0.0), (0.25, 0.1875), (1.0, 0.75)])
def test_presence_multiplies_alpha(build: str, presence: float, opacity: float):
    log_density = torch.tensor([math.log(math.log(4.0))])
    zero = torch.zeros(1)
    out = composite(torch.ones(1, 3), log_density, torch.tensor([presence]), zero, zero + 1.0, torch.tensor([0, 1]))
    assert out[1].item() == pytest.approx(opacity)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_of_presence_are_right_where_matter_is_opaque(build: str, dtype: torch.dtype):
    # tau = 1000: alpha = presence. Opacity = 1 - (1 - p0)(1 - p1), so its slopes are 1 - p1 and 1 - p0.
    for values in ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)):
        presence = torch.tensor(values, dtype=dtype, requires_grad=True)
        t0 = torch.tensor([0.0, 1.0], dtype=dtype)
        log_density = torch.full((2,), math.log(1000.0), dtype=dtype)
        color = torch.ones(2, 3, dtype=dtype)
        opacity = composite(color, log_density, presence, t0, t0 + 1.0, torch.tensor([0, 2]))[1]
        opacity.sum().backward()
        assert presence.grad is not None
        assert presence.grad.tolist() == pytest.approx([1.0 - values[1], 1.0 - values[0]], abs=1e-6)


@pytest.mark.parametrize("counts", [[], [0], [1], [0, 5, 0, 127, 1, 300, 0], [3] * 600], ids=len)
def test_native_values_and_gradients_equal_the_twin(build: str, counts: list[int], generator: torch.Generator):
    color, log_density, presence, t0, t1, offsets = scene(counts, generator)
    results = []
    for dtype, function in ((torch.float32, composite), (torch.float64, composite_reference)):
        inputs = [v.clone().to(dtype).requires_grad_() for v in (color, log_density, presence)]
        outputs = function(*inputs, t0.to(dtype), t1.to(dtype), offsets)
        seed = torch.Generator().manual_seed(3)
        loss = torch.stack([(o * torch.randn(o.shape, generator=seed)).sum() for o in outputs]).sum()
        outputs = [o.detach() for o in outputs]
        results.append([*outputs, *torch.autograd.grad(loss, inputs)])
    for value, reference in zip(*results, strict=True):
        assert value.shape == reference.shape
        if reference.numel():
            assert (value - reference).abs().max() <= 1e-5 * reference.abs().max().clamp_min(1.0)


def test_part_of_the_outputs_may_be_used(build: str, generator: torch.Generator):
    color, log_density, presence, t0, t1, offsets = scene([4, 4], generator)
    log_density.requires_grad_()
    weights = composite(color, log_density, presence, t0, t1, offsets)[3]
    (grad,) = torch.autograd.grad(weights[1], log_density)
    assert not grad[4:].any()
    assert not grad[2:4].any()


def test_twin_gradients_are_the_differences(generator: torch.Generator):
    color, log_density, presence, t0, t1, offsets = (v.double() for v in scene([3, 0, 4], generator))
    inputs = [v.requires_grad_() for v in (color, log_density.clamp_max(2.0), presence)]
    offsets = offsets.long()
    assert torch.autograd.gradcheck(lambda *v: composite_reference(*v, t0, t1, offsets), inputs)


def test_visible_equals_a_loop(build: str, generator: torch.Generator):
    _, log_density, presence, t0, t1, offsets = scene([0, 40, 1, 60], generator)
    log_density = log_density - 2.0
    for threshold in (1e-3, 0.5, 1.0):
        expected = []
        for first, last in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            light = 1.0
            for s in range(first, last):
                expected.append(light >= threshold)
                light *= 1.0 - float(presence[s]) * (1.0 - math.exp(-math.exp(log_density[s]) * float(t1[s] - t0[s])))
        assert visible(log_density, presence, t0, t1, offsets, threshold=threshold).tolist() == expected
        doubles = (v.double() for v in (log_density, presence, t0, t1))
        assert visible(*doubles, offsets, threshold=threshold).tolist() == expected


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # opcheck looks at it itself
def test_op_is_registered_as_torch_wants_it(native: None, generator: torch.Generator):
    color, log_density, presence, t0, t1, offsets = scene([2, 0, 5], generator)
    plain = (color, log_density, presence, t0, t1, offsets)
    grads = [torch.randn(3, 3), torch.randn(3), torch.randn(3), torch.randn(7)]
    opcheck(module._native_backward, (*plain, grads))
    inputs = [v.clone().requires_grad_() for v in plain[:3]]
    opcheck(module._native_composite, (*inputs, t0, t1, offsets))
