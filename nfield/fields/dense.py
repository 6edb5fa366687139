"""Voxels with spherical harmonics as a radiance field (Plenoxels, Fridovich-Keil et al. 2022; PVD, section 1.5)."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from nfield.fields.base import Answer, BuildContext, Field, FieldConfig, Learning, backend, require_at_least
from nfield.fields.domain import Domain
from nfield.kernels.harmonics import spherical_harmonics
from nfield.kernels.trilinear import trilinear
from nfield.types import FieldOutput, Latent, Level

_FUNCTIONS = 9
"""Spherical harmonics of degrees 0 to 2."""
FEATURES = 1 + 3 * _FUNCTIONS
"""Numbers of a node: its log-density and the harmonics' coefficients of each colour."""
_INITIAL = 0.02
_DIRECTIONS = 32
"""Directions from which colours are asked to fit harmonics to."""
_NODES = 1 << 15
_DARKEST = 0.002
"""Colours nearer to 0 or 1 are taken for this far, because logits have no bound."""


@backend("dense")
@dataclass(frozen=True)
class DenseConfig(FieldConfig):
    """A dense grid of log-density and spherical harmonics, without any network."""

    resolution: int = 128
    """Nodes along an edge of the grid."""
    empty: float = 0.0
    """Log-density (1/m) where the grid is zero."""
    log_density_range: tuple[float, float] = (-10.0, 10.0)
    """Log-densities (1/m) are clipped to this range."""

    def __post_init__(self) -> None:
        require_at_least(2, resolution=self.resolution)

    @staticmethod
    def reference() -> "DenseConfig":
        """PVD's sizes: 58,720,256 parameters."""
        return DenseConfig(resolution=128)

    def learning(self) -> Learning:
        """The grid holds the answers themselves, which have far to go."""
        return Learning({"density": 2e-1, "color": 5e-2})

    def build(self, context: BuildContext) -> "DenseField":
        """A new field over the context's box."""
        return DenseField(self, context)


class DenseField(Field):
    """Radiance field that is interpolated between the nodes of a grid.

    Its feature, the log-density and 27 coefficients, means the same as no other field's: `levels` leaves it out.
    """

    def __init__(self, config: DenseConfig, context: BuildContext) -> None:
        super().__init__()
        self.feature_dim = FEATURES
        self.levels = frozenset({Level.DENSITY, Level.COLOR})
        self.log_density_range = config.log_density_range
        self.empty = config.empty
        self.domain = Domain(context.box)
        # Two tensors, so that a look for the density alone touches little memory.
        size = (config.resolution,) * 3
        self.log_densities = nn.Parameter(_INITIAL * torch.randn(*size, 1, generator=context.generator))
        self.coefficients = nn.Parameter(_INITIAL * torch.randn(*size, 3 * _FUNCTIONS, generator=context.generator))

    def encode(self, points: Float[Tensor, "n 3"]) -> Latent:
        """The log-density and 9 coefficients each of red, green and blue."""
        unit, presence = self.domain(points)
        log_density = trilinear(unit, self.log_densities) + self.empty
        return Latent(torch.cat([log_density, trilinear(unit, self.coefficients)], -1), presence)

    def encode_for_density(self, points: Float[Tensor, "n 3"]) -> Latent:
        """The log-density alone."""
        unit, presence = self.domain(points)
        return Latent(trilinear(unit, self.log_densities) + self.empty, presence)

    def density_head(self, feature: Float[Tensor, "n f"]) -> Float[Tensor, "n"]:
        """The feature's first entry."""
        return feature[:, 0]

    def color_head(self, feature: Float[Tensor, "n f"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """`sigmoid(sum_l k_l Y_l(d))` of the coefficients k of each colour."""
        return _color(feature[:, 1:], dirs)

    def fused(self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"]) -> FieldOutput:
        """The same without the feature: its gradient would be put together and taken apart again."""
        return self.with_appearance(points, dirs, None)

    def with_appearance(
        self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"], added: Float[Tensor, "n 27"] | None
    ) -> FieldOutput:
        """The answer where something is added to the coefficients of the colours."""
        unit, presence = self.domain(points)
        log_density = self.log_density(Latent(trilinear(unit, self.log_densities) + self.empty, presence))
        coefficients = trilinear(unit, self.coefficients)
        return FieldOutput(log_density, _color(coefficients if added is None else coefficients + added, dirs), presence)

    @torch.no_grad()
    def imitate(self, answer: Answer, *, floor: float) -> bool:
        """Writes the log-density at every node, and where something is the harmonics nearest to its colours there.

        Per node and colour they are the least squares fit to the logits of the colour from directions that are spread
        evenly over the sphere; one pseudo-inverse serves all nodes (PVD's student of this kind starts from nothing).
        """
        dirs = spread_directions(_DIRECTIONS).to(self.coefficients)
        fit = torch.linalg.pinv(spherical_harmonics(dirs)[:, :_FUNCTIONS])
        log_densities, coefficients = self.log_densities.view(-1, 1), self.coefficients.view(-1, 3, _FUNCTIONS)
        for part in torch.arange(len(log_densities), device=dirs.device).split(_NODES):
            points = self._nodes(part)
            log_density, _ = answer(points, dirs[:1].expand(len(part), 3))
            log_densities[part, 0] = log_density - self.empty
            solid = part[log_density > floor]
            if len(solid) == 0:
                continue
            seen = self._nodes(solid).repeat_interleave(_DIRECTIONS, 0)
            _, color = answer(seen, dirs.repeat(len(solid), 1))
            logits = color.clamp(_DARKEST, 1.0 - _DARKEST).logit().view(len(solid), _DIRECTIONS, 3)
            coefficients[solid] = (fit @ logits).transpose(1, 2)
        return True

    def _nodes(self, index: Int[Tensor, "n"]) -> Float[Tensor, "n 3"]:
        """World points of nodes, numbered with x fastest."""
        size = len(self.log_densities)
        place = torch.stack([index % size, index // size % size, index // size**2], -1) / (size - 1)
        return self.domain.box.world_from_unit(place.to(self.coefficients))

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The two grids, whose gradients are sparse."""
        return {"density": [self.log_densities], "color": [self.coefficients]}


def _color(coefficients: Float[Tensor, "n 27"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
    functions = spherical_harmonics(dirs)[:, None, :_FUNCTIONS]
    return (coefficients.view(-1, 3, _FUNCTIONS) * functions).sum(-1).sigmoid()


def spread_directions(count: int) -> Float[Tensor, "n 3"]:
    """Unit directions spread evenly over the sphere (Fibonacci's lattice)."""
    index = torch.arange(count) + 0.5
    height, azimuth = 1.0 - 2.0 * index / count, math.pi * (1.0 + math.sqrt(5.0)) * index
    across = (1.0 - height * height).sqrt()
    return torch.stack([across * azimuth.cos(), across * azimuth.sin(), height], -1)
