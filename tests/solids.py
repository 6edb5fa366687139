"""Fields whose images are known in closed form."""

import math

import torch
from torch import Tensor, nn

from nfield.fields import Field
from nfield.types import Latent, Level


class Ball(Field):
    """A ball of even density; its colour is that of its middle's position, or turns with the direction.

    Args:
        density: 1/m.
        radius: Metres.
        center: Metres.
    """

    def __init__(
        self, density: float, *, radius: float = 1.0, center: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ) -> None:
        super().__init__()
        self.feature_dim, self.levels, self.log_density_range = 3, frozenset(Level), (-20.0, 20.0)
        self.strength = nn.Parameter(torch.tensor(math.log(density)))
        self.radius, self.center = radius, torch.tensor(center)

    def encode(self, points: Tensor) -> Latent:
        place = points - self.center.to(points)
        return Latent(place, (place.norm(dim=-1) <= self.radius).to(points))

    def density_head(self, feature: Tensor) -> Tensor:
        return self.strength.to(feature).expand(len(feature))

    def color_head(self, feature: Tensor, dirs: Tensor) -> Tensor:
        return (0.5 + 0.4 * feature / self.radius).clamp(0.0, 1.0)

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        return {"strength": [self.strength]}
