"""The decoder with reflections: the release's size, its Gaussians in closed form, gradients, the field around it."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from nfield.errors import OptionError
from nfield.fields import BuildContext, VmConfig
from nfield.fields.decoders import FEATURES
from nfield.fields.reflected import ReflectedColorNet
from nfield.types import Box


def directions(generator: torch.Generator, count: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)


def test_it_is_as_large_as_that_of_the_release():
    net = ReflectedColorNet(256, features=212)  # 84 + 96 products of planes and 32 numbers of radial bases
    assert sum(p.numel() for p in net.parameters()) == 557_644


def test_axes_and_their_tangents_are_frames_spread_over_the_sphere():
    axes = ReflectedColorNet(32, features=16).get_buffer("axes").double()
    products = torch.einsum("kad,lad->akl", axes, axes)
    torch.testing.assert_close(products, torch.eye(3).double().expand(128, 3, 3), atol=1e-6, rtol=0)
    assert float(torch.pdist(axes[0]).min()) > 0.05
    assert float(axes[0].mean(0).norm()) < 1e-6


def test_a_lobe_is_the_anisotropic_gaussian_that_its_numbers_say(generator: torch.Generator):
    net = ReflectedColorNet(32, features=16)
    along, lobes = directions(generator, 40), torch.randn(40, 8 * 2, generator=generator)
    with torch.no_grad():
        found = net._reflections(lobes, along)
        polar, azimuth = 5, 11
        numbers = net.lobes(lobes[:, 2 * polar : 2 * polar + 2]).view(40, 16, 4)[:, azimuth]
    p, a = (polar + 0.5) * math.pi / 8, azimuth * math.pi / 8
    axis = torch.tensor([math.sin(p) * math.cos(a), math.sin(p) * math.sin(a), math.cos(p)])
    down = torch.tensor([math.cos(p) * math.cos(a), math.cos(p) * math.sin(a), -math.sin(p)])
    beside = torch.tensor([-math.sin(a), math.cos(a), 0.0])
    la, mu = torch.nn.functional.softplus(numbers[:, 2:] - 1.0).unbind(-1)
    shape = (along @ axis).clamp_min(0.0) * torch.exp(-la * (along @ down) ** 2 - mu * (along @ beside) ** 2)
    for channel in (0, 1):
        expected = numbers[:, channel] * shape
        torch.testing.assert_close(found[:, 128 * channel + 16 * polar + azimuth], expected, atol=1e-6, rtol=1e-5)


def test_gradients(generator: torch.Generator):
    net = ReflectedColorNet(16, generator, features=5).double()
    feature = torch.randn(3, 6, generator=generator).double().requires_grad_()
    assert gradcheck(net, (feature, directions(generator, 3).double()))


def test_a_field_with_it_sees_directions(generator: torch.Generator):
    config = VmConfig(resolution=8, density_components=2, appearance_components=3, hidden=32, decoder="reflected")
    field = config.build(BuildContext(Box(-torch.ones(3), torch.ones(3)), generator))
    points, dirs = torch.rand(50, 3, generator=generator) - 0.5, directions(generator, 50)
    out, turned = field(points, dirs), field(points, -dirs)
    assert bool(((out.color > 0) & (out.color < 1)).all())
    assert not torch.allclose(out.color, turned.color)
    out.color.sum().backward()
    assert all(p.grad is not None for p in field.param_groups()["network"])
    seen = {id(p) for group in field.param_groups().values() for p in group}
    assert seen == {id(p) for p in field.parameters()}
    assert isinstance(field.color_net, ReflectedColorNet)
    assert field.color_net.features == FEATURES


def test_a_width_that_cannot_be_divided_is_refused():
    with pytest.raises(OptionError, match="hidden: is 40, expected a multiple of 16"):
        VmConfig(hidden=40, decoder="reflected")
