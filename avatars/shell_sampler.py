"""Samples near the dressed body, where something always may be, and elsewhere as an occupancy grid says."""

import torch
from jaxtyping import Float
from scipy.spatial import KDTree
from torch import Tensor

from avatars.warp import near_vertices
from nfield.fields.base import Field
from nfield.kernels.march import StepRule, march
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
        room: Cells up to this distance from the surface, metres, stay occupied.
        reach: Cells farther than this from it, metres, stay empty.
    """

    def __init__(
        self, vertices: Float[Tensor, "v 3"], box: Box, config: OccupancyConfig, *, room: float, reach: float
    ) -> None:
        super().__init__()
        tree = KDTree(vertices.detach().cpu().numpy())
        half_cell = float(box.size.norm()) / (2.0 * config.resolution)
        held = OccupancySampler(box, config)
        held.keep_near(lambda points: near_vertices(tree, points, room))
        self.register_buffer("held", held.get_buffer("words"), persistent=False)
        self.grid = OccupancySampler(box, config)
        self.grid.keep_near(lambda points: near_vertices(tree, points, reach + half_cell))
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
