"""What is seen of a scene from all around: points on its surfaces and their colours."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.cameras import Cameras, Orbit
from nfield.rendering.scene_renderer import SceneRenderer

_AROUND, _EDGE = 8, 120
"""Cameras, and pixels of the longer side of their pictures."""
_OPAQUE = 0.9


@dataclass(frozen=True)
class SurfacePoints:
    """Points on surfaces.

    Attributes:
        points: In the scene's world, metres.
        color: sRGB, as seen.
    """

    points: Float[Tensor, "n 3"]
    color: Float[Tensor, "n 3"]

    @property
    def bounds(self) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]]:
        """Smallest and largest coordinates, but for one point in 1000 at each end; zeros where nothing is seen."""
        if not len(self.points):
            return torch.zeros(3), torch.zeros(3)
        low, high = torch.quantile(self.points, torch.tensor([0.001, 0.999]), dim=0)
        return low, high

    @property
    def middle(self) -> tuple[float, float, float]:
        """The middle of the bounds."""
        low, high = self.bounds
        x, y, z = (0.5 * (low + high)).tolist()
        return x, y, z


def seen_from_around(shown: SceneRenderer, orbit: Orbit) -> SurfacePoints:
    """What cameras on an orbit see.

    Args:
        shown: The scene.
        orbit: A circle of cameras around it.
    """
    scale = min(1.0, _EDGE / max(orbit.size))
    size = (max(1, round(orbit.size[0] * scale)), max(1, round(orbit.size[1] * scale)))
    return seen_from(shown, orbit.cameras(_AROUND).resized(size))


def seen_from(shown: SceneRenderer, cameras: Cameras) -> SurfacePoints:
    """What some cameras see.

    Args:
        shown: The scene.
        cameras: At least one.
    """
    seen = [_seen(shown, cameras, index) for index in range(len(cameras))]
    return SurfacePoints(torch.cat([part.points for part in seen]), torch.cat([part.color for part in seen]))


def _seen(shown: SceneRenderer, cameras: Cameras, index: int) -> SurfacePoints:
    image = shown.image(cameras, index)
    rays = cameras.image_rays(index, box=shown.box, near=shown.near)
    opacity = image.opacity.flatten()
    solid = opacity > _OPAQUE
    points = rays.origins + rays.dirs * (image.depth.flatten() / opacity.clamp_min(_OPAQUE))[:, None]
    return SurfacePoints(points[solid], image.color.flatten(0, 1)[solid])
