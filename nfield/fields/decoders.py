"""The two small networks of instant-ngp, in one shape for all backends, so that one field can inherit another's."""

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nfield.encodings.factors import Factors
from nfield.fields.base import Field
from nfield.fields.domain import Domain
from nfield.fields.reflected import ReflectedColorNet
from nfield.kernels.harmonics import HARMONICS
from nfield.kernels.radiance import FEATURES, color_network, density_network
from nfield.types import Box, Latent, Level

__all__ = ["FEATURES", "AlignedField", "ColorNet", "DensityNet", "FactoredField", "matrix"]


class DensityNet(nn.Module):
    """Encoding to feature, one hidden layer, no biases; the feature's first entry is the log-density.

    Args:
        inputs: Length of the encoding.
        hidden: Width of the hidden layer.
        generator: Draws the weights.
    """

    def __init__(self, inputs: int, hidden: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.first = matrix(hidden, inputs, generator)
        self.last = matrix(FEATURES, hidden, generator)

    def forward(self, encoded: Float[Tensor, "n c"]) -> Float[Tensor, "n 16"]:
        """The feature of encoded points."""
        return density_network(encoded, [self.first, self.last])


class ColorNet(nn.Module):
    """Feature and direction to colour, two hidden layers, no biases.

    Args:
        hidden: Width of the hidden layers.
        generator: Draws the weights.
        features: How many of the feature's last entries it takes: all, or all but the log-density as in PVD.
    """

    def __init__(self, hidden: int, generator: torch.Generator | None = None, *, features: int = FEATURES) -> None:
        super().__init__()
        self.features = features
        self.first = matrix(hidden, features + HARMONICS, generator)
        self.middle = matrix(hidden, hidden, generator)
        self.last = matrix(3, hidden, generator)

    def forward(self, feature: Float[Tensor, "n 16"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Colour, sRGB in [0, 1], of features seen along unit directions."""
        return color_network(feature[:, FEATURES - self.features :], dirs, [self.first, self.middle, self.last])


class AlignedField(Field):
    """A field with the volume-aligned feature and the colour network of PVD (section 2.1); backends encode.

    Args:
        box: World box outside of which the field is empty.
        color_net: Makes colours of features.
        log_density_range: Log-densities are clipped to it.
    """

    def __init__(
        self, box: Box, color_net: ColorNet | ReflectedColorNet, log_density_range: tuple[float, float]
    ) -> None:
        super().__init__()
        self.feature_dim = FEATURES
        self.levels = frozenset(Level)
        self.log_density_range = log_density_range
        self.domain = Domain(box)
        self.color_net = color_net

    @final
    def density_head(self, feature: Float[Tensor, "n f"]) -> Float[Tensor, "n"]:
        """The feature's first entry."""
        return feature[:, 0]

    @final
    def color_head(self, feature: Float[Tensor, "n f"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Colour network on the feature and the harmonics of the direction."""
        return self.color_net(feature, dirs)

    def decoders(self) -> dict[str, nn.Module]:
        """The colour network; a backend with a density network adds it."""
        return {"color": self.color_net}


class FactoredField(AlignedField):
    """A field whose log-density is a sum of products of factors, and whose appearance is mixed of others (TensoRF).

    Args:
        box: World box outside of which the field is empty.
        color_net: Makes colours of features.
        log_density_range: Log-densities are clipped to it.
        empty: Log-density, 1/m, where all factors are zero.
        density: Of points in [0, 1]^3, one number.
        appearance: The feature's other entries.
        group: Name of the factors' group of parameters.
    """

    def __init__(
        self,
        box: Box,
        color_net: ColorNet | ReflectedColorNet,
        log_density_range: tuple[float, float],
        *,
        empty: float,
        density: Factors,
        appearance: Factors,
        group: str,
    ) -> None:
        super().__init__(box, color_net, log_density_range)
        self.empty, self.density_factors, self.appearance, self._group = empty, density, appearance, group

    @final
    def encode(self, points: Float[Tensor, "n 3"]) -> Latent:
        """The log-density and 15 numbers of appearance."""
        unit, presence = self.domain(points)
        return Latent(torch.cat([self.density_factors(unit) + self.empty, self.appearance(unit)], -1), presence)

    @final
    def encode_for_density(self, points: Float[Tensor, "n 3"]) -> Latent:
        """The log-density alone: a fraction of the lookups."""
        unit, presence = self.domain(points)
        return Latent(self.density_factors(unit) + self.empty, presence)

    @final
    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The factors, whose gradients are sparse, and the networks with the basis."""
        network = [p for name, p in self.named_parameters() if name.startswith("color_net") or name.endswith("basis")]
        return {self._group: [*self.density_factors.factors(), *self.appearance.factors()], "network": network}

    @final
    def sparse(self) -> list[nn.Parameter]:
        """The factors of the density."""
        return self.density_factors.factors()


def matrix(rows: int, columns: int, generator: torch.Generator | None) -> nn.Parameter:
    """Weights of a layer without bias, uniform with He's bound for ReLU."""
    bound = math.sqrt(6.0 / columns)
    return nn.Parameter((torch.rand(rows, columns, generator=generator) * 2.0 - 1.0) * bound)
