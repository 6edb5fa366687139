"""Which points of a surface the photo shows, where, and how far their colours are to be trusted."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import ndimage
from torch import Tensor

from nfield.cameras import Cameras
from nfield.kernels.rasterize import rasterize


@dataclass(frozen=True)
class VisibilityConfig:
    """When the photo's colour at a point is trusted."""

    facing: tuple[float, float] = (0.15, 0.45)
    """Cosines between normal and view at which confidence begins, and is full."""
    edge: tuple[float, float] = (0.004, 0.010)
    """Distances to the mask's edge, metres, at which confidence begins (nearer pixels hold background), and is full."""
    tolerance: float = 0.01
    """How far behind the nearest surface a point may lie, metres."""
    shadow: tuple[float, float] = (0.006, 0.020)
    """Distances in the photo to a limb in front, metres, at which confidence begins (the fitted limb may lie a little
    beside the true one), and is full."""
    gap: float = 0.04
    """How far in front a limb must lie to count as one, metres."""


@dataclass(frozen=True)
class Visibility:
    """Where the photo shows points of a surface.

    Attributes:
        pixel: Image point (column, row) of each point, pixels.
        confidence: In [0, 1]; 0 where the photo does not show it.
    """

    pixel: Float[Tensor, "n 2"]
    confidence: Float[Tensor, "n"]


@dataclass(frozen=True)
class PosedSurface:
    """A surface in the photo camera's frame.

    Attributes:
        vertices: Metres.
        faces: Corners of each triangle.
        points: Points on it, metres.
        normals: Unit normals there.
    """

    vertices: Float[Tensor, "v 3"]
    faces: Int[Tensor, "t 3"]
    points: Float[Tensor, "n 3"]
    normals: Float[Tensor, "n 3"]


def visibility(
    surface: PosedSurface, alpha: Float[Tensor, "h w"], camera: Cameras, config: VisibilityConfig | None = None
) -> Visibility:
    """What a photo shows of a surface.

    Args:
        surface: In the camera's frame.
        alpha: The person's matte in [0, 1].
        camera: The one that took the photo; its world is its own frame.
        config: What is trusted.
    """
    config = config or VisibilityConfig()
    depth = rasterize(surface.vertices, surface.faces, camera.intrinsics[0], camera.size).depth
    pixel, z = camera.project(surface.points, 0)
    metre = float(camera.intrinsics[0, 0, 0]) / float(z.median())  # pixels of a metre at the person
    facing = -(surface.normals * torch.nn.functional.normalize(surface.points, dim=-1)).sum(-1)
    trust = _rise(facing, config.facing)
    trust = trust * _sample(_edge_trust(alpha, metre, config), pixel)
    trust = trust * _sample(_shadow_trust(depth, metre, config), pixel)
    front = _sample(depth, pixel, nearest=True)
    hidden = (front == 0.0) | (z > front + config.tolerance)
    return Visibility(pixel, torch.where(hidden, 0.0, trust))


def _edge_trust(alpha: Float[Tensor, "h w"], metre: float, config: VisibilityConfig) -> Float[Tensor, "h w"]:
    """Confidence by the distance to the mask's edge; the photo's own border is no edge."""
    inside = np.pad((alpha > 0.5).numpy(), 1, mode="edge")
    if inside.all():
        return torch.ones_like(alpha)
    distance = torch.from_numpy(np.asarray(ndimage.distance_transform_edt(inside))[1:-1, 1:-1]).float()
    return _rise(distance / metre, config.edge)


def _shadow_trust(depth: Float[Tensor, "h w"], metre: float, config: VisibilityConfig) -> Float[Tensor, "h w"]:
    """Confidence by the distance to something in front."""
    values = torch.where(depth > 0.0, depth, torch.inf).numpy()
    low, high = config.shadow
    trust = np.zeros_like(values)
    radii = np.linspace(low, high, 4)
    for radius in radii:
        nearest = ndimage.minimum_filter(values, 2 * max(1, round(radius * metre)) + 1)
        trust += values < nearest + config.gap
    return torch.from_numpy(trust / len(radii)).float()


def _rise(value: Float[Tensor, "*n"], ends: tuple[float, float]) -> Float[Tensor, "*n"]:
    share = ((value - ends[0]) / (ends[1] - ends[0])).clamp(0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def _sample(plane: Float[Tensor, "h w"], pixel: Float[Tensor, "n 2"], *, nearest: bool = False) -> Float[Tensor, "n"]:
    """Values of a plane at image points; 0 outside."""
    height, width = plane.shape
    grid = pixel / pixel.new_tensor([width / 2, height / 2]) - 1.0
    mode = "nearest" if nearest else "bilinear"
    return torch.nn.functional.grid_sample(
        plane[None, None], grid[None, None], mode=mode, padding_mode="zeros", align_corners=False
    )[0, 0, 0]
