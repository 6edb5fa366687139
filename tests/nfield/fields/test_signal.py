"""Signals on the plane: the formula, gradients against differences, sizes, and equal totals."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import linear

from nfield.encodings.rbf import BasesConfig
from nfield.fields.signal import BY_SIZE, SIGNALS, Canvas, HashSignalConfig, RbfSignalConfig, Signal, picture_sines

CANVAS = Canvas((20, 30), 3)
RBF = RbfSignalConfig(BasesConfig(12, features=16, frequencies=(0.125, 64.0)), finest_resolution=20, hidden=16)


def placed(config: RbfSignalConfig, generator: torch.Generator) -> Signal:
    signal = config.build(CANVAS, generator)
    points = torch.rand(80, 2, generator=generator) * CANVAS.extent
    assert signal.bases is not None
    signal.bases.initialise(points[: config.bases.count], points, torch.ones(80), narrowest=1e-3)
    with torch.no_grad():
        for parameter in signal.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return signal


def test_answers_are_those_of_the_formula(generator: torch.Generator):
    signal, unit = placed(RBF, generator), torch.rand(50, 2, generator=generator)
    assert signal.bases is not None
    encoded = torch.cat([signal.grid(unit), signal.bases(unit)], -1) + signal.shift
    weights, biases = list(signal.net.matrices), list(signal.net.biases)
    first = linear(encoded, weights[0], biases[0])
    first = first + torch.sin(first * signal.net.get_buffer("frequencies"))
    expected = linear(linear(first, weights[1], biases[1]).relu(), weights[2], biases[2])
    assert torch.allclose(signal(unit), expected, atol=2e-3)  # at frequency 1000 phases are rounded to 1e-4
    assert torch.equal(signal.at(signal.fix(unit)), signal(unit))


def test_gradients_are_the_differences(generator: torch.Generator):
    gentle = replace(RBF, sines=(1.0, 4.0), bases=replace(RBF.bases, frequencies=(0.5, 4.0)), hidden=8)
    signal = placed(gentle, generator).double()
    unit = (torch.rand(4, 2, generator=generator).double() * 0.8 + 0.1).requires_grad_()
    leaves = {name: p.detach().clone().requires_grad_() for name, p in signal.named_parameters()}

    def answer(unit: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(signal, dict(zip(leaves, values, strict=True)), (unit,))

    assert torch.autograd.gradcheck(answer, (unit, *leaves.values()), fast_mode=True)


@pytest.mark.parametrize("name", SIGNALS)
def test_every_parameter_is_in_one_group_and_gets_a_gradient(name: str, generator: torch.Generator):
    signal = placed(RBF, generator) if name == "rbf" else SIGNALS[name]().build(CANVAS, generator)
    signal(torch.rand(5000, 2, generator=generator)).square().sum().backward()
    grouped = [parameter for group in signal.param_groups().values() for parameter in group]
    assert sorted(map(id, grouped)) == sorted(map(id, signal.parameters()))
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in grouped)


@pytest.mark.parametrize("size", [(256, 256), (120, 90), (512, 768)])
def test_the_hybrid_is_as_large_as_the_hash_grid(size: tuple[int, int]):
    canvas = Canvas(size, 3)
    reference = HashSignalConfig().build(canvas).counts()[1]
    config = RbfSignalConfig().sized(canvas, most=10**9)
    trained, total = config.build(canvas).counts()
    assert 0 <= reference - total < 37  # less than one kernel
    assert total - trained == config.bases.count * 5


def test_the_number_of_kernels_can_be_given_and_is_capped():
    given = RbfSignalConfig(BasesConfig(50))
    assert given.sized(CANVAS, most=1000).bases.count == 50
    assert given.sized(CANVAS, most=7).bases.count == 7


def test_pixel_centers_are_in_the_middle_of_pixels():
    middle = Canvas((2, 4), 1).pixel_centers(torch.tensor([0, 3, 4]))
    assert middle.tolist() == [[0.125, 0.25], [0.875, 0.25], [0.125, 0.75]]


def test_large_pictures_get_gentler_sines():
    assert picture_sines(Canvas((2048, 2048), 3), BY_SIZE) == (1.0, 1000.0)
    assert picture_sines(Canvas((2049, 2048), 3), BY_SIZE) == (10.0, 100.0)
    assert picture_sines(CANVAS, (2.0, 3.0)) == (2.0, 3.0)
    assert picture_sines(CANVAS, None) is None
