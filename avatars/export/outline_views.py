"""The outlines of a posed avatar's field, seen from all around: what a mesh of it has to meet."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from avatars.posed.avatar import PosedAvatar, orbit_around
from nfield.cameras import Cameras
from nfield.kernels.rasterize import rasterize


@dataclass(frozen=True)
class OutlineViewsConfig:
    """From where a field is looked at."""

    rings: tuple[tuple[float, int], ...] = ((0.0, 12), (35.0, 6), (-35.0, 6))
    """Degrees above the horizon, and cameras there."""
    size: int = 512
    """Edge of a view, pixels."""
    band: float = 0.01
    """Metres on both sides of the mesh's outline within which the field is looked at."""


@dataclass(frozen=True)
class OutlineView:
    """One view of a field.

    Attributes:
        camera: One pinhole camera.
        opacity: Of its pixels, in [0, 1]: the field's around the mesh's outline, elsewhere the mesh's.
    """

    camera: Cameras
    opacity: Float[Tensor, "h w"]


def outline_views(posed: PosedAvatar, config: OutlineViewsConfig) -> tuple[OutlineView, ...]:
    """Looks at an avatar in an upright pose from all around.

    Args:
        posed: With a sampler that was refreshed.
        config: From where.
    """
    cameras = [camera for degrees, count in config.rings for camera in _ring(posed, degrees, count, config.size)]
    return tuple(OutlineView(camera, _opacity(posed, camera, config.band)) for camera in cameras)


def _ring(posed: PosedAvatar, degrees: float, count: int, size: int) -> list[Cameras]:
    orbit = orbit_around(posed.box, height=size, width=size)
    level = float((orbit.start - (orbit.start @ orbit.up) * orbit.up).norm())
    angle = math.radians(degrees)
    start = level * torch.tensor([0.0, math.sin(angle), math.cos(angle)])
    cameras = replace(orbit, start=start).cameras(count)
    return [cameras[index : index + 1] for index in range(count)]


@torch.no_grad()
def _opacity(posed: PosedAvatar, camera: Cameras, band: float) -> Float[Tensor, "h w"]:
    pose = camera.world_from_camera[0]
    seen = rasterize((posed.vertices - pose[:3, 3]) @ pose[:3, :3], posed.faces, camera.intrinsics[0], camera.size)
    cover = seen.face >= 0
    if not bool(cover.any()):
        return cover.float()
    reach = math.ceil(band * float(camera.focal_lengths[0, 0]) / float(seen.depth[cover].median()))
    near = (_grown(cover, reach) & _grown(~cover, reach)).reshape(-1)
    rays, shown = camera.image_rays(0, box=posed.box)[near], posed.rendered
    opacity = cover.float().reshape(-1)
    opacity[near] = shown.seen(rays, background=rays.origins.new_zeros(3)).opacity
    return opacity.reshape(cover.shape)


def _grown(mask: Bool[Tensor, "h w"], reach: int) -> Bool[Tensor, "h w"]:
    """Pixels with one of the mask within a square of some pixels."""
    wide = torch.nn.functional.max_pool2d(mask.float()[None, None], 2 * reach + 1, stride=1, padding=reach)
    return wide[0, 0] > 0.5
