"""The solid that a scene's density describes: where marching cubes finds its surface."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.errors import DataError
from nfield.fields.base import Field
from nfield.rendering.samplers.occupancy import OccupancySampler
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.scene_export.sightlines import Sightlines
from nfield.types import Box

_OUTSIDE = -1e3
_MARGIN = 2.0
"""Steps behind a seen surface from which on nothing is seen."""


@dataclass(frozen=True)
class Solid:
    """A field as a solid.

    Attributes:
        field: The field.
        sampler: Knows where it is empty.
        sightlines: What its cameras see: where none does, what they taught the field is not to be believed.
        opacity: Of one step of the sampler's rays at the surface.
    """

    field: Field
    sampler: OccupancySampler
    sightlines: Sightlines
    opacity: float

    @staticmethod
    def of(shown: SceneRenderer, sightlines: Sightlines, opacity: float) -> "Solid":
        """A scene's solid."""
        sampler = shown.renderer.sampler
        assert isinstance(sampler, OccupancySampler)
        return Solid(shown.field, sampler, sightlines, opacity)

    @property
    def step(self) -> float:
        """Length of a step, metres."""
        return self.sampler.rule.step

    @property
    def box(self) -> Box:
        """Around the occupied part of the first cascade, metres.

        Raises:
            DataError: All of it is empty.
        """
        cells = self.sampler.config.resolution
        middle = (torch.arange(cells) + 0.5) / cells
        unit = torch.stack(torch.meshgrid(middle, middle, middle, indexing="ij"), -1).reshape(-1, 3)
        occupied = self.sampler.occupied(self.sampler.inner.world_from_unit(unit)).nonzero()[:, 0]
        if len(occupied) == 0:
            raise DataError("the scene's field is empty, expected something with a surface; train it for longer")
        index = torch.stack([occupied // cells**2, occupied // cells % cells, occupied % cells], -1)
        corners = torch.stack([index.amin(0), index.amax(0) + 1]) / cells
        low, high = self.sampler.inner.world_from_unit(corners)
        return Box(low, high)

    def inside(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """How far inside points are: logarithm of their density over that of the surface.

        What the sampler leaves out is outside. What no camera sees, though it is in their images, is inside: there the
        field holds whatever its training has left behind.
        """
        result = torch.full((len(points),), _OUTSIDE)
        index = self.sampler.occupied(points).nonzero()[:, 0]
        places = points[index]
        log_density, presence = self.field.density_and_presence(places)
        surface = math.log(-math.log1p(-self.opacity) / self.step)
        found = torch.where(presence > 0.0, log_density + presence.log() - surface, _OUTSIDE)
        hidden = self.sightlines.hidden(places, margin=_MARGIN * self.step)
        return result.index_copy(0, index, torch.where(hidden, -_OUTSIDE, found))
