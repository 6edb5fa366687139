"""A whole backend in one file, as somebody would add one: log-density and colour are linear in the coordinates."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nfield.fields.base import BuildContext, Field, FieldConfig, Learning
from nfield.fields.domain import Domain
from nfield.types import Latent, Level


@dataclass(frozen=True)
class ToyConfig(FieldConfig):
    """Four numbers that are linear in the coordinates."""

    scale: float = 1.0
    """What they are multiplied by."""

    def learning(self) -> Learning:
        """One group, in steps of few samples."""
        return Learning({"slopes": 0.125}, samples=2048, first_samples=2048)

    def build(self, context: BuildContext) -> "ToyField":
        """A new field over the context's box."""
        return ToyField(self, context)


class ToyField(Field):
    """See `ToyConfig`."""

    def __init__(self, config: ToyConfig, context: BuildContext) -> None:
        super().__init__()
        self.feature_dim, self.levels = 4, frozenset({Level.DENSITY, Level.COLOR})
        self.log_density_range = (-10.0, 10.0)
        self.domain, self.scale = Domain(context.box), config.scale
        self.slopes = nn.Parameter(0.1 * torch.randn(4, 4, generator=context.generator))

    def encode(self, points: Float[Tensor, "n 3"]) -> Latent:
        """The four numbers."""
        unit, presence = self.domain(points)
        return Latent(self.scale * (torch.cat([unit, torch.ones_like(unit[:, :1])], -1) @ self.slopes), presence)

    def density_head(self, feature: Float[Tensor, "n f"]) -> Float[Tensor, "n"]:
        """The first."""
        return feature[:, 0]

    def color_head(self, feature: Float[Tensor, "n f"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """The others."""
        return feature[:, 1:].sigmoid()

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """All of it."""
        return {"slopes": [self.slopes]}
