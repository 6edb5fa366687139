"""Diffuse colour and tinted reflections: the decoder of NRFF (Han and Xiang, CVPR 2023), which NeuRBF's release has.

A small network makes of a feature the logits of a diffuse colour, a tint, a normal, a bottleneck b and the shapes of
128 anisotropic spherical Gaussians with fixed axes. With the view reflected about the normal to w, each of them gives

    amplitude * max(0, w.o) * exp(-la (w.o_la)^2 - mu (w.o_mu)^2)

in two channels, and a second network makes the specular part of these numbers, b + sin(b m) and the view:
colour = sigmoid(diffuse + tint * specular). The release's axes repeat at both ends of the azimuth and meet at the
poles; here they are spread without repetition. Its loss on normals that look away from the viewer is left out.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

_POLAR, _AZIMUTHS = 8, 16
_CHANNELS = 2
_OF_LOBE = _CHANNELS + 2  # amplitudes, and sharpness along two tangents
WIDTHS = 16
"""What widths are multiples of."""
_LAYERS = 5
_FREQUENCIES = (0.3, 10.0)
_OCTAVES = 3
_COLORS = 3 * 3  # diffuse, tint, normal
_VIEW = 1 + 3 + 2 * 3 * _OCTAVES  # n.v, the view, its sines and cosines


class ReflectedColorNet(nn.Module):
    """Feature and direction to colour, by way of a normal.

    Args:
        hidden: Width of the hidden layers, a multiple of 16; the release has 256.
        generator: Draws the weights.
        features: How many of the feature's last entries it takes.
    """

    def __init__(self, hidden: int, generator: torch.Generator | None = None, *, features: int) -> None:
        super().__init__()
        self.features = features
        self.bottleneck, self.group = hidden // 2, hidden // WIDTHS
        made = _COLORS + self.bottleneck + _POLAR * self.group
        self.first = _network([features, hidden, hidden, made], generator)
        self.lobes = _layer(self.group, _AZIMUTHS * _OF_LOBE, generator)
        inputs = self.bottleneck + _CHANNELS * _POLAR * _AZIMUTHS + _VIEW
        self.second = _network([inputs, *[hidden] * _LAYERS, 3], generator)
        low, high = (math.log2(frequency) for frequency in _FREQUENCIES)
        self.register_buffer("ladder", torch.linspace(low, high, self.bottleneck).exp2(), persistent=False)
        self.register_buffer("axes", _axes(), persistent=False)

    def forward(self, feature: Float[Tensor, "n f"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Colour, sRGB in [0, 1], of features seen along unit directions."""
        made = self.first(feature[:, feature.shape[1] - self.features :])
        diffuse, tint, raw, bottleneck, lobes = made.split([3, 3, 3, self.bottleneck, _POLAR * self.group], dim=-1)
        normal = -F.normalize(raw, dim=-1)
        facing = (normal * dirs).sum(-1, keepdim=True)
        reflections = self._reflections(lobes, dirs - 2.0 * facing * normal)
        waves = bottleneck + torch.sin(bottleneck * self.get_buffer("ladder"))
        specular = self.second(torch.cat([waves, reflections, facing, dirs, _octaves(dirs)], -1))
        return torch.sigmoid(diffuse + tint * specular)

    def _reflections(self, lobes: Float[Tensor, "n g"], along: Float[Tensor, "n 3"]) -> Float[Tensor, "n 256"]:
        """The Gaussians in directions, all of the first channel first."""
        shapes = self.lobes(lobes.view(-1, _POLAR, self.group)).view(-1, _POLAR * _AZIMUTHS, _OF_LOBE)
        amplitudes, sharpness = shapes[..., :_CHANNELS], F.softplus(shapes[..., _CHANNELS:] - 1.0)
        onto, first, second = torch.einsum("nd,kad->kna", along, self.get_buffer("axes"))
        fall = torch.exp(-sharpness[..., 0] * first.square() - sharpness[..., 1] * second.square())
        return ((onto.clamp_min(0.0) * fall)[..., None] * amplitudes).movedim(-1, 1).flatten(1)


def _axes() -> Float[Tensor, "3 a 3"]:
    """The Gaussians' axes and both tangents of each, unit vectors."""
    polar = (torch.arange(_POLAR) + 0.5) * (math.pi / _POLAR)
    azimuth = torch.arange(_AZIMUTHS) * (2.0 * math.pi / _AZIMUTHS)
    p, a = (grid.flatten() for grid in torch.meshgrid(polar, azimuth, indexing="ij"))
    axis = torch.stack([p.sin() * a.cos(), p.sin() * a.sin(), p.cos()], -1)
    down = torch.stack([p.cos() * a.cos(), p.cos() * a.sin(), -p.sin()], -1)
    return torch.stack([axis, down, torch.stack([-a.sin(), a.cos(), torch.zeros_like(a)], -1)])


def _octaves(dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n o"]:
    """Sines and cosines of one, two and four times the direction."""
    angles = (dirs[:, None] * (2.0 ** torch.arange(_OCTAVES)).to(dirs)[:, None]).flatten(1)
    return torch.cat([angles.sin(), angles.cos()], -1)


def _network(widths: list[int], generator: torch.Generator | None) -> nn.Sequential:
    """Layers with GELU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [_layer(inputs, outputs, generator), nn.GELU()]
    return nn.Sequential(*layers[:-1])


def _layer(inputs: int, outputs: int, generator: torch.Generator | None) -> nn.Linear:
    """A layer with bias, uniform as torch draws them."""
    layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        for values in (layer.weight, layer.bias):
            values.uniform_(-(inputs**-0.5), inputs**-0.5, generator=generator)
    return layer
