"""What a scene's cameras cannot see: no light ever told the field what is there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nfield.cameras import Cameras
from nfield.kernels.points import sample_points
from nfield.rendering.image import CHUNK
from nfield.rendering.renderer import composite
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.scene_export.seen_points import median_distance
from nfield.types import FieldOutput, Rays, Samples

_MOST_VIEWS = 48
_LONGEST_EDGE = 240
_OPAQUE = 0.5
_GRAZING = 0.1


@dataclass(frozen=True)
class Facing:
    """Which cameras see points.

    Attributes:
        camera: Index of each.
        weight: How much it counts; they add up to 1, or are all 0 where none sees a point.
    """

    camera: Int[Tensor, "n k"]
    weight: Float[Tensor, "n k"]

    def __getitem__(self, index: Int[Tensor, "m"] | slice) -> "Facing":
        return Facing(self.camera[index], self.weight[index])


@dataclass(frozen=True)
class Sightlines:
    """How far cameras see.

    Attributes:
        cameras: Some of a scene's.
        distances: Of each its image of distances, metres along the rays, at which half of the light is stopped;
            infinity where it is not.
    """

    cameras: Cameras
    distances: Sequence[Float[Tensor, "_ _"]]

    @staticmethod
    @torch.no_grad()
    def of(shown: SceneRenderer, cameras: Cameras) -> "Sightlines":
        """Those of at most `_MOST_VIEWS` of some cameras, in smaller images."""
        chosen = smaller(cameras[:: math.ceil(len(cameras) / _MOST_VIEWS)])
        return Sightlines(chosen, [_distances(shown, chosen, index) for index in range(len(chosen))])

    def hidden(self, points: Float[Tensor, "n 3"], *, margin: float) -> Bool[Tensor, "n"]:
        """Whether points are in the image of some cameras, and in each of them behind what it sees.

        Args:
            points: Metres.
            margin: By how much they have to be behind it, metres.
        """
        met, clear = (torch.zeros(len(points), dtype=torch.bool) for _ in range(2))
        for index, distances in enumerate(self.distances):
            left = (~clear).nonzero()[:, 0]
            inside, behind = self._behind(index, distances, points[left], margin)
            met[left] |= inside
            clear[left] |= inside & ~behind
        return met & ~clear

    def facing(
        self, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"], *, count: int, margin: float
    ) -> "Facing":
        """The cameras that see points least obliquely.

        Args:
            points: Of a surface, metres.
            normals: Its unit vectors outwards.
            count: Cameras for each point.
            margin: By how much a point may lie behind what is seen, metres.
        """
        cosines = torch.stack([self._cosine(index, points, normals, margin) for index in range(len(self.distances))], 1)
        cosine, camera = cosines.topk(min(count, cosines.shape[1]), 1)
        weight = cosine.square()
        return Facing(camera, weight / weight.sum(1, keepdim=True).clamp_min(1e-9))

    def _cosine(
        self, index: int, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"], margin: float
    ) -> Float[Tensor, "n"]:
        """Of the angle between the normals and the way to one camera; 0 where it does not see a point."""
        inside, behind = self._behind(index, self.distances[index], points, margin)
        toward = torch.nn.functional.normalize(self.cameras.origins[index] - points, dim=-1)
        cosine = (toward * normals).sum(-1)
        return torch.where(inside & ~behind & (cosine > _GRAZING), cosine, 0.0)

    def _behind(
        self, index: int, distances: Float[Tensor, "h w"], points: Float[Tensor, "n 3"], margin: float
    ) -> tuple[Bool[Tensor, "n"], Bool[Tensor, "n"]]:
        """Which points one camera has in its image, and which of them lie behind what it sees there."""
        height, width = distances.shape
        pixels, depth = self.cameras.project(points, index)
        inside = ((pixels >= 0.0) & (pixels < pixels.new_tensor([width, height]))).all(-1) & (depth > 0.0)
        column, row = torch.where(inside[:, None], pixels, 0.0).long().unbind(-1)
        away = (points - self.cameras.origins[index]).norm(dim=-1)
        return inside, away > distances[row, column] + margin


def smaller(cameras: Cameras) -> Cameras:
    """The same cameras with images of at most `_LONGEST_EDGE` pixels along an edge, where they have one size."""
    longest = max(cameras.size)
    if cameras.sizes is not None or longest <= _LONGEST_EDGE:
        return cameras
    height, width = (max(1, round(extent * _LONGEST_EDGE / longest)) for extent in cameras.size)
    return cameras.resized((height, width))


def _distances(shown: SceneRenderer, cameras: Cameras, index: int) -> Float[Tensor, "h w"]:
    rays = cameras.image_rays(index, box=shown.box, near=shown.near)
    parts: list[Tensor] = []
    for first in range(0, len(rays), CHUNK):
        part = rays[first : first + CHUNK]
        samples = shown.renderer.sample(shown.field, part)
        seen = composite(samples, _without_colors(shown, part, samples))
        parts.append(torch.where(seen.opacity > _OPAQUE, median_distance(samples, seen), torch.inf))
    return torch.cat(parts).reshape(cameras.size_of(index))


def _without_colors(shown: SceneRenderer, rays: Rays, samples: Samples) -> FieldOutput:
    places, _ = sample_points(rays, samples)
    log_density, presence = shown.field.density_and_presence(places)
    return FieldOutput(log_density, torch.zeros_like(places), presence)
