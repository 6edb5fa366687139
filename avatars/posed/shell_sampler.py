"""Samples near the dressed body, where something always may be, and elsewhere as an occupancy grid says."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

from nfield.fields.base import Field
from nfield.kernels.march import StepRule, march
from nfield.kernels.nearest import NearestCenters
from nfield.rendering.samplers.base import Sampler
from nfield.rendering.samplers.occupancy import OccupancyConfig, OccupancySampler
from nfield.types import Box, Rays, Samples


class ShellSampler(Sampler):
    """An occupancy grid whose cells around a surface stay occupied.

    A cell that is once taken for empty gets no samples any more: a hole that a fit tears there could never close.

    Args:
        vertices: The surface that is known to be there, metres.
        box: Box of the grid.
        config: Options of the grid.
        room: Cells that reach into this distance from the surface, metres, stay occupied.
        reach: Cells farther than this from it, metres, stay empty.
    """

    def __init__(
        self, vertices: Float[Tensor, "v 3"], box: Box, config: OccupancyConfig, *, room: float, reach: float
    ) -> None:
        super().__init__()
        surface = NearestCenters(vertices)
        half_cell = float(box.size.norm()) / (2.0 * config.resolution)
        self.grid = OccupancySampler(box, config)
        # The index is queried only for cells that a distance counted in whole cells cannot decide.
        self.grid.keep_cells(_cells_near(vertices, box, config.resolution, reach + 2.0 * half_cell)[None])
        self.grid.keep_near(lambda points: _near(surface, points, reach + half_cell))
        held = OccupancySampler(box, config)
        held.keep_cells(self.grid.get_buffer("possible"))
        held.keep_near(lambda points: _near(surface, points, room + half_cell))
        self.register_buffer("held", held.get_buffer("words"), persistent=False)
        self.register_buffer("reachable", self.grid.get_buffer("words").clone(), persistent=False)

    @property
    def occupied_share(self) -> float:
        """Share of the cells that are marched through, without those that are only held."""
        return self.grid.occupied_share

    def reachable_steps(self, rays: Rays, step: float) -> Samples:
        """Even steps on each ray, metres long, where something could ever be."""
        rule, shift = StepRule(step), torch.zeros_like(rays.near)
        return march(rays, self.get_buffer("reachable"), self.grid.inner, rule, shift)

    def sample(self, field: Field, rays: Rays, *, generator: torch.Generator | None = None) -> Samples:
        """Occupied steps on each ray that are not hidden by what lies before them."""
        return self.grid.sample(field, rays, generator=generator)

    def update(self, field: Field, step: int, *, generator: torch.Generator) -> None:
        """Refreshes the grid, and keeps the cells around the surface."""
        self.grid.update(field, step, generator=generator)
        self._hold()

    def rebuild(self, field: Field, *, generator: torch.Generator) -> None:
        """Learns the grid of a field from nothing, and keeps the cells around the surface."""
        self.grid.rebuild(field, generator=generator, passes=2)
        self._hold()

    def _hold(self) -> None:
        words = self.grid.get_buffer("words")
        words.copy_(words | self.get_buffer("held"))


def _cells_near(vertices: Float[Tensor, "v 3"], box: Box, resolution: int, within: float) -> Bool[Tensor, "m"]:
    """Cells of a grid whose middle is at most `within` metres from that of a cell that holds a vertex."""
    cell = (box.unit_from_world(vertices.detach().cpu()) * resolution).long().clamp(0, resolution - 1)
    free = np.ones((resolution, resolution, resolution), dtype=bool)
    free[tuple(cell.flip(-1).T.numpy())] = False
    edges = (box.size.flip(0) / resolution).tolist()
    distance = np.asarray(ndimage.distance_transform_edt(free, sampling=edges))
    return torch.from_numpy(distance <= within).reshape(-1).to(vertices.device)


def _near(surface: NearestCenters, points: Float[Tensor, "n 3"], within: float) -> Bool[Tensor, "n"]:
    """Which points have a vertex within a distance, metres."""
    return surface.query(points, 1, within=within)[1][:, 0] < within * within
