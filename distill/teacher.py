"""What is distilled from: a trained field with what renders it, and where it was seen from."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nfield.cameras import Cameras
from nfield.rendering.samplers.occupancy import OccupancySampler
from nfield.rendering.scene_renderer import SceneRenderer


@dataclass(frozen=True)
class Teacher:
    """A trained field.

    Attributes:
        shown: Renders it.
        cameras: Where it is known from; only between them is it asked for views.
        grid: Which cells it fills; its sampler marches by them.
    """

    shown: SceneRenderer
    cameras: Cameras
    grid: OccupancySampler

    @torch.no_grad()
    def log_density(self, points: Float[Tensor, "n 3"], *, floor: float) -> Float[Tensor, "n"]:
        """Log-density, 1/m, of what is rendered at world points, at least `floor`.

        That is the floor where the grid says that nothing is, whatever the field would answer there, and where the
        field is only partly present it is that of the density times its presence.
        """
        log_density, presence = self.shown.field.density_and_presence(points)
        return folded(log_density, presence * self.grid.occupied(points), floor=floor)

    @torch.no_grad()
    def answer(
        self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"], *, floor: float
    ) -> tuple[Float[Tensor, "n"], Float[Tensor, "n 3"]]:
        """Log-density as `log_density`, and the colour, of world points seen along unit directions."""
        out = self.shown.field(points, dirs)
        presence = out.presence * self.grid.occupied(points)
        return folded(out.log_density, presence, floor=floor), out.color


def folded(
    log_density: Float[Tensor, "n"], presence: Float[Tensor, "n"] | Bool[Tensor, "n"], *, floor: float
) -> Float[Tensor, "n"]:
    """Log of presence times density, at least `floor`.

    >>> folded(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0]), floor=-2.0).tolist()
    [1.0, -2.0]
    """
    return (log_density + presence.to(log_density).log()).clamp_min(floor)
