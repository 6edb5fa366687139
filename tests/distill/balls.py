"""A teacher with a closed form: two coloured balls of constant density, one of them paler from above."""

import torch
from torch import Tensor, nn

from distill.teacher import Teacher
from nfield.cameras import Cameras
from nfield.data.analytic import analytic_cameras
from nfield.fields import Field
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.occupancy import OccupancyConfig, OccupancySampler
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.types import Box, Latent, Level

BOX = Box.cube(1.0)
GRID = OccupancyConfig(resolution=32, steps=96, coarse=1.0)
CENTERS = torch.tensor([[-0.35, 0.0, 0.0], [0.4, 0.1, 0.2]])
RADII = torch.tensor([0.4, 0.3])
COLORS = torch.tensor([[0.9, 0.2, 0.1], [0.1, 0.4, 0.9]])
SOLID, EMPTY = 4.0, -9.0


class Balls(Field):
    """Log-density 4 in the balls and -9 elsewhere; a feature is the log-density and a colour."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_dim = 4
        self.levels = frozenset({Level.DENSITY, Level.COLOR})
        self.log_density_range = (-10.0, 10.0)

    def encode(self, points: Tensor) -> Latent:
        apart = (points[:, None] - CENTERS).norm(dim=-1) / RADII
        nearest = apart.argmin(-1)
        log_density = torch.where(apart.amin(-1) < 1.0, SOLID, EMPTY)
        return Latent(torch.cat([log_density[:, None], COLORS[nearest]], -1), torch.ones(len(points)))

    def density_head(self, feature: Tensor) -> Tensor:
        return feature[:, 0]

    def color_head(self, feature: Tensor, dirs: Tensor) -> Tensor:
        return feature[:, 1:] + 0.1 * dirs[:, 2:].abs() * (1.0 - feature[:, 1:])

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        return {}


def grid_of(field: Field, generator: torch.Generator) -> OccupancySampler:
    grid = OccupancySampler(BOX, GRID)
    grid.rebuild(field, generator=generator)
    return grid


def cameras(generator: torch.Generator, count: int = 12, size: int = 24) -> Cameras:
    return analytic_cameras(count, (size, size), generator=generator)


def teacher(generator: torch.Generator, field: Field | None = None) -> Teacher:
    field = field or Balls()
    grid = grid_of(field, generator)
    return Teacher(SceneRenderer(field, Renderer(grid), BOX, 0.0, (1.0, 1.0, 1.0)), cameras(generator), grid)
