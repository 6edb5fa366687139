"""One network for everything (NeRF, Mildenhall et al. 2020), with the decoders of PVD (section 1.3)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nfield.encodings.frequency import Frequency
from nfield.errors import OptionError
from nfield.fields.base import BuildContext, FieldConfig, Learning, backend, require_at_least
from nfield.fields.decoders import FEATURES, AlignedField, ColorNet, DensityNet, matrix
from nfield.kernels.mlp import mlp
from nfield.types import Latent

_QUIET = 0.1
"""Factor on the last layer's first weights: the box starts as even fog."""


@backend("mlp")
@dataclass(frozen=True)
class MlpConfig(FieldConfig):
    """A deep network on sines and cosines of the coordinates, and two small ones."""

    octaves: int = 10
    """Frequencies of the encoding; each is twice the one before."""
    depth: int = 5
    """Layers of the trunk."""
    width: int = 128
    """Width of the trunk's hidden layers."""
    skip: int = 0
    """Layer after which the encoding is fed in again; 0 for none."""
    encoded: int = 32
    """Length of what the trunk gives to the density network: that of a hash grid whose networks are to fit."""
    hidden: int = 64
    """Width of the two small networks' hidden layers."""
    color_sees_density: bool = True
    """Whether the colour network also takes the log-density, as that of the hash grid does, whose shape it then has."""
    log_density_range: tuple[float, float] = (-10.0, 10.0)
    """Log-densities (1/m) are clipped to this range."""

    def __post_init__(self) -> None:
        require_at_least(0, octaves=self.octaves)
        require_at_least(1, depth=self.depth, width=self.width, encoded=self.encoded, hidden=self.hidden)
        if not 0 <= self.skip < self.depth:
            raise OptionError(
                f"skip: is {self.skip}, expected less than depth, {self.depth}; give a layer that others follow, or 0"
            )

    @staticmethod
    def reference() -> "MlpConfig":
        """PVD's sizes: 443,548 parameters."""
        return MlpConfig(depth=8, width=256, skip=4, encoded=28, color_sees_density=False)

    def learning(self) -> Learning:
        """Each sample is expensive, so that a step has fewer of them."""
        return Learning({"network": 2e-3}, samples=1 << 14, first_samples=1 << 13)

    def build(self, context: BuildContext) -> "MlpField":
        """A new field over the context's box."""
        return MlpField(self, context)


class Trunk(nn.Module):
    """Linear layers with biases and ReLU between them; after one of them the inputs are fed in again.

    Args:
        inputs: Length of what the first layer takes.
        config: Depth, width, skip and outputs.
        generator: Draws the weights.
    """

    def __init__(self, inputs: int, config: MlpConfig, generator: torch.Generator | None) -> None:
        super().__init__()
        self.skip = config.skip
        taken = [inputs, *[config.width] * (config.depth - 1)]
        if self.skip:
            taken[self.skip] += inputs
        given = [*[config.width] * (config.depth - 1), config.encoded]
        self.matrices = nn.ParameterList([matrix(g, t, generator) for g, t in zip(given, taken, strict=True)])
        self.biases = nn.ParameterList([nn.Parameter(torch.zeros(g)) for g in given])
        with torch.no_grad():
            self.matrices[-1] *= _QUIET

    def forward(self, inputs: Float[Tensor, "n i"]) -> Float[Tensor, "n o"]:
        """What the last layer gives, without activation."""
        matrices, biases = list(self.matrices), list(self.biases)
        if not self.skip:
            return mlp(inputs, matrices, biases)
        half = mlp(inputs, matrices[: self.skip], biases[: self.skip]).relu()
        return mlp(torch.cat([half, inputs], -1), matrices[self.skip :], biases[self.skip :])


class MlpField(AlignedField):
    """Radiance field whose encoding is a deep network."""

    def __init__(self, config: MlpConfig, context: BuildContext) -> None:
        seen = FEATURES if config.color_sees_density else FEATURES - 1
        color_net = ColorNet(config.hidden, context.generator, features=seen)
        super().__init__(context.box, color_net, config.log_density_range)
        self.frequency = Frequency(config.octaves)
        self.trunk = Trunk(self.frequency.out_dim, config, context.generator)
        self.density_net = DensityNet(config.encoded, config.hidden, context.generator)

    def encode(self, points: Float[Tensor, "n 3"]) -> Latent:
        """Output of the density network; its first entry is the log-density."""
        unit, presence = self.domain(points)
        return Latent(self.density_net(self.trunk(self.frequency(unit))), presence)

    def decoders(self) -> dict[str, nn.Module]:
        """Both small networks."""
        return {"density": self.density_net, **super().decoders()}

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """All weights and biases."""
        return {"network": list(self.parameters())}
