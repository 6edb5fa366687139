"""Pictures of the painted body in the T-pose from all sides: what the field learns before it sees the photo."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from avatars.body import BodyModel
from avatars.surface.appearance import Appearance
from nfield.cameras import Cameras, look_at
from nfield.data.base import PosedImages
from nfield.data.picture_stack import PictureStack
from nfield.kernels.rasterize import rasterize
from nfield.types import Box

MARGIN = 0.1
"""Room around the body that the pictures show, metres."""

_UP = (0.0, 1.0, 0.0)
_DETAILS = ("nose", "lmiddle", "rmiddle", "LBigToe", "RBigToe")


@dataclass(frozen=True)
class ViewsConfig:
    """Which pictures are taken."""

    size: int = 320
    """Edge of each picture, pixels."""
    ring: int = 16
    """Cameras around the whole body at each height."""
    elevations: tuple[float, ...] = (-12.0, 8.0, 40.0)
    """Heights of the rings, degrees above the horizon."""
    details: int = 8
    """Cameras around the head, and around each hand and foot."""


@dataclass(frozen=True)
class BodyViews:
    """Pictures, and where the photo itself shows what they do.

    Attributes:
        images: The pictures with their cameras.
        visibility: 255 where the photo itself shows the surface, so that the picture has nothing to add.
    """

    images: PosedImages
    visibility: UInt8[Tensor, "k h w"]


def render_views(
    vertices: Float[Tensor, "v 3"],
    faces: Int[Tensor, "t 3"],
    appearance: Appearance,
    *,
    details: Float[Tensor, "m 3"],
    config: ViewsConfig,
) -> BodyViews:
    """Pictures of a mesh from rings of cameras.

    Args:
        vertices: Metres, y up.
        faces: Corners of each triangle.
        appearance: Colours of the mesh, and where the photo shows it.
        details: Points that are looked at closely: head, hands, feet.
        config: Cameras.
    """
    box = Box.around(vertices, margin=MARGIN)
    cameras = rings(box, details, config)
    size = cameras.size
    images = torch.zeros(len(cameras), *size, 4, dtype=torch.uint8)
    visibility = torch.zeros(len(cameras), *size, dtype=torch.uint8)
    for index in range(len(cameras)):
        pose = cameras.world_from_camera[index]
        raster = rasterize((vertices - pose[:3, 3]) @ pose[:3, :3], faces, cameras.intrinsics[index], size)
        shaded = (appearance.shade(raster) * 255.0).round().clamp(0, 255).to(torch.uint8)
        images[index, ..., :3], visibility[index] = shaded[..., :3], shaded[..., 3]
        images[index, ..., 3] = (raster.face >= 0).to(torch.uint8) * 255
    names = tuple(f"view {index}" for index in range(len(cameras)))
    posed = PosedImages(cameras, PictureStack.of_one_size(images), box, box, True, None, names)
    return BodyViews(posed, visibility)


def details_of(model: BodyModel, vertices: Float[Tensor, "v 3"]) -> Float[Tensor, "m 3"]:
    """Head, hands and feet of a dressed body, metres: what pictures show closely."""
    return vertices[[model.landmarks[name] for name in _DETAILS if name in model.landmarks]]


def rings(box: Box, details: Float[Tensor, "m 3"], config: ViewsConfig) -> Cameras:
    """Rings around the whole of a body, and one around each detail.

    Args:
        box: Of the body, metres.
        details: Points that are looked at closely.
        config: How many cameras.
    """
    middle = 0.5 * (box.low + box.high)
    extent = float(box.size.max())
    whole = [_ring(middle, extent, config.ring, height, config.size) for height in config.elevations]
    close = [_ring(point, 0.45, config.details, 10.0, config.size) for point in details if config.details]
    parts = [*whole, *close]
    return Cameras(
        torch.cat([part.intrinsics for part in parts]),
        torch.cat([part.world_from_camera for part in parts]),
        parts[0].size,
    )


def _ring(target: Float[Tensor, "3"], extent: float, count: int, elevation: float, size: int) -> Cameras:
    """Cameras around a target that see `extent` metres of it."""
    distance = 2.0 * extent
    angles = torch.arange(count) * (2.0 * math.pi / count) + math.radians(elevation)
    height = torch.full((count,), math.sin(math.radians(elevation)))
    flat = math.cos(math.radians(elevation))
    offsets = torch.stack([angles.sin() * flat, height, angles.cos() * flat], -1) * distance
    focal = size * distance / extent
    poses = look_at(target + offsets, target, torch.tensor(_UP))
    return Cameras.pinhole(focal, (size, size), world_from_camera=poses)
