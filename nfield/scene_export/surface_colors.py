"""Colours of a scene's field on a mesh: short rays straight at it, shaded as the cameras that see it saw it.

Where a ray passes says what is at a point of the mesh, obliquely seen or not; in which directions it is shaded, how it
looked in the photos: a colour is the mean over the cameras that see the point least obliquely.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.spatial import KDTree
from torch import Tensor

from nfield.kernels.points import sample_points
from nfield.rendering.image import CHUNK
from nfield.rendering.renderer import composite
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.scene_export.sightlines import Facing, Sightlines
from nfield.types import FieldOutput, Rays, Samples

_VIEWS = 4
_OPAQUE = 0.3
_VISIBLE = 3.0
"""Steps behind what a camera sees up to which a point is seen."""


@dataclass(frozen=True)
class ColorReader:
    """Reads colours.

    Attributes:
        shown: The scene.
        sightlines: From where its points are seen.
        step: Length of the sampler's steps, metres: rays begin `above` of them outside and end `below` inside.
        above: Steps.
        below: Steps.
    """

    shown: SceneRenderer
    sightlines: Sightlines
    step: float
    above: float = 2.0
    below: float = 4.0

    def facing(self, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"]) -> Facing:
        """The cameras as which points of a mesh are looked at.

        Args:
            points: Metres.
            normals: Unit vectors outwards.
        """
        margin = _VISIBLE * self.step
        parts = [
            self.sightlines.facing(place, normal, count=_VIEWS, margin=margin)
            for place, normal in zip(points.split(CHUNK), normals.split(CHUNK), strict=True)
        ]
        return Facing(torch.cat([part.camera for part in parts]), torch.cat([part.weight for part in parts]))

    @torch.no_grad()
    def at(self, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"], facing: Facing) -> Float[Tensor, "n 3"]:
        """Colours of points of a mesh, sRGB in [0, 1]; where the field has nothing, those of the nearest points.

        Args:
            points: Metres.
            normals: Unit vectors outwards.
            facing: The cameras as which each is looked at.
        """
        colors, opaque = points.new_zeros(len(points), 3), torch.zeros(len(points), dtype=torch.bool)
        for first in range(0, len(points), CHUNK):
            part = slice(first, first + CHUNK)
            colors[part], opaque[part] = self._read(points[part], normals[part], facing[part])
        return _filled(colors, opaque, points)

    def _read(
        self, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"], facing: Facing
    ) -> tuple[Float[Tensor, "n 3"], Bool[Tensor, "n"]]:
        near = points.new_zeros(len(points))
        rays = Rays(
            points + self.above * self.step * normals, -normals, near, near + (self.above + self.below) * self.step
        )
        samples = self.shown.renderer.sample(self.shown.field, rays)
        seen = composite(samples, self._shaded(rays, samples, *self._directions(points, normals, facing)))
        colors = seen.color / seen.opacity.clamp_min(1e-3)[:, None]
        return colors.clamp(0.0, 1.0), seen.opacity > _OPAQUE

    def _directions(
        self, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"], facing: Facing
    ) -> tuple[Float[Tensor, "n k 3"], Float[Tensor, "n k"]]:
        """Directions to look at points in, with weights that add up to 1; straight where no camera sees them."""
        dirs = torch.nn.functional.normalize(points[:, None] - self.sightlines.cameras.origins[facing.camera], dim=-1)
        seen = (facing.weight > 0.0).any(1, keepdim=True)
        weight = torch.where(seen, facing.weight, 1.0 / facing.weight.shape[1])
        return torch.where(seen[..., None], dirs, -normals[:, None]), weight

    def _shaded(
        self, rays: Rays, samples: Samples, dirs: Float[Tensor, "n k 3"], weight: Float[Tensor, "n k"]
    ) -> FieldOutput:
        """The field at the samples with the mean of its colours over several directions."""
        places, _ = sample_points(rays, samples)
        answers = [self.shown.field(places, dirs[samples.ray, view]) for view in range(dirs.shape[1])]
        shares = weight[samples.ray]
        color = torch.stack([answer.color * shares[:, view, None] for view, answer in enumerate(answers)]).sum(0)
        return FieldOutput(answers[0].log_density, color, answers[0].presence)


def _filled(colors: Float[Tensor, "n 3"], known: Bool[Tensor, "n"], points: Float[Tensor, "n 3"]) -> Tensor:
    """Colours with those that are not known taken from the nearest point where one is."""
    missing, found = (~known).nonzero()[:, 0], known.nonzero()[:, 0]
    if len(missing) == 0 or len(found) == 0:
        return colors
    nearest = np.asarray(KDTree(points[found].numpy()).query(points[missing].numpy())[1])
    return colors.index_copy(0, missing, colors[found[torch.from_numpy(nearest)]])
