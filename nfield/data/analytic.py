"""A scene whose ray colours have a closed form, so that tests and benchmarks need no files.

A textured opaque sphere and an opaque box stand beside a translucent ball of constant density, z upwards, within one
metre of the origin. A ray sees the nearer opaque surface through the ball: the ball's opacity is
`1 - exp(-density * chord)`, with the chord cut where the surface lies.
"""

import json
import math
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from nfield.cameras import Cameras, intersect_box, look_at
from nfield.data.base import PosedImages
from nfield.data.picture_stack import PictureStack
from nfield.data.region import synthetic_region
from nfield.types import Box, Rays

BALL_CENTER = (-0.35, -0.3, 0.1)
BALL_RADIUS = 0.5
BALL_DENSITY = 2.5
"""1/m; the longest chord has an opacity of 0.92."""
BALL_COLOR = (0.95, 0.55, 0.15)
SPHERE_CENTER = (0.45, -0.1, 0.05)
SPHERE_RADIUS = 0.4
BRICK_LOW = (-0.6, 0.3, -0.5)
BRICK_HIGH = (0.3, 0.75, 0.15)

_DISTANCE = 3.2
_FIELD_OF_VIEW = 0.7
_GOLDEN_ANGLE = math.pi * (3.0 - math.sqrt(5.0))


def trace(rays: Rays) -> Float[Tensor, "r 4"]:
    """What rays see: sRGB with straight alpha in [0, 1]; colour 0 where nothing is seen."""
    surface, distance = _opaque(rays)
    start, end = ball_chord(rays)
    chord = (torch.minimum(end, distance) - start).clamp_min(0.0)
    through = torch.exp(-BALL_DENSITY * chord)[:, None]
    hit = torch.isfinite(distance)[:, None].to(through)
    alpha = 1.0 - through * (1.0 - hit)
    premultiplied = (1.0 - through) * rays.origins.new_tensor(BALL_COLOR) + through * hit * surface
    return torch.cat([premultiplied / alpha.clamp_min(1e-9), alpha], -1)


def ball_chord(rays: Rays) -> tuple[Float[Tensor, "r"], Float[Tensor, "r"]]:
    """Distances, metres, where rays enter and leave the translucent ball; equal where they miss it."""
    middle, half = _sphere_hit(rays, BALL_CENTER, BALL_RADIUS)
    start = (middle - half).clamp_min(0.0)
    return start, torch.maximum(middle + half, start)


def analytic_cameras(count: int, size: tuple[int, int], *, generator: torch.Generator) -> Cameras:
    """Cameras on a spiral around the scene, from a little below to far above it, turned by a random angle."""
    turn = 2.0 * math.pi * float(torch.rand((), generator=generator))
    index = torch.arange(count, dtype=torch.float32)
    height = -0.2 + 1.1 * (index + 0.5) / count
    azimuth = turn + _GOLDEN_ANGLE * index
    across = (1.0 - height * height).sqrt()
    origins = _DISTANCE * torch.stack([across * azimuth.cos(), across * azimuth.sin(), height], -1)
    poses = look_at(origins, torch.zeros(3), torch.tensor([0.0, 0.0, 1.0]))
    return Cameras.pinhole(_focal(size[1]), size, world_from_camera=poses)


def analytic_scene(n_views: int, size: tuple[int, int], generator: torch.Generator) -> PosedImages:
    """Images of the scene from `n_views` cameras around it.

    Args:
        n_views: How many images.
        size: Their height and width.
        generator: Draws the direction of the first camera.

    >>> images = analytic_scene(3, (16, 24), torch.Generator().manual_seed(0))
    >>> tuple(images.images.shape), images.has_alpha
    ((3, 16, 24, 4), True)
    """
    cameras = analytic_cameras(n_views, size, generator=generator)
    box, inner = synthetic_region()
    traced = [trace(cameras.image_rays(index, box=box)).reshape(*size, 4) for index in range(n_views)]
    names = tuple(f"r_{index}" for index in range(n_views))
    pictures = PictureStack.of_one_size(_bytes(torch.stack(traced)))
    return PosedImages(cameras, pictures, box, inner, True, (1.0, 1.0, 1.0), names)


def write_synthetic(
    folder: Path, *, generator: torch.Generator, n_train: int = 12, n_test: int = 4, size: tuple[int, int] = (32, 32)
) -> None:
    """Writes the scene as a NeRF-synthetic folder: `transforms_{train,test}.json` and RGBA images.

    Args:
        folder: Where to; made if it does not exist.
        generator: Draws the direction of the first camera of each split.
        n_train: Views to train on.
        n_test: Held-out views.
        size: Height and width of the images.
    """
    for split, count in (("train", n_train), ("test", n_test)):
        posed = analytic_scene(count, size, generator)
        (folder / split).mkdir(parents=True, exist_ok=True)
        frames: list[dict[str, object]] = []
        for name, image, pose in zip(posed.names, posed.images, posed.cameras.world_from_camera, strict=True):
            Image.fromarray(image.numpy()).save(folder / split / f"{name}.png")
            opengl = pose * torch.tensor([1.0, -1.0, -1.0, 1.0])
            frames.append({"file_path": f"./{split}/{name}", "transform_matrix": opengl.tolist()})
        content = {"camera_angle_x": _FIELD_OF_VIEW, "frames": frames}
        (folder / f"transforms_{split}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


def _focal(width: int) -> float:
    return 0.5 * width / math.tan(0.5 * _FIELD_OF_VIEW)


def _bytes(images: Float[Tensor, "k h w 4"]) -> UInt8[Tensor, "k h w 4"]:
    return (images.clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)


def _opaque(rays: Rays) -> tuple[Float[Tensor, "r 3"], Float[Tensor, "r"]]:
    """Colour and distance of the nearer opaque surface; infinity where there is none."""
    middle, half = _sphere_hit(rays, SPHERE_CENTER, SPHERE_RADIUS)
    missed = torch.full_like(middle, torch.inf)
    sphere = torch.where((half > 0.0) & (middle > half), middle - half, missed)
    brick_start, brick_end = intersect_box(
        rays.origins, rays.dirs, Box(torch.tensor(BRICK_LOW), torch.tensor(BRICK_HIGH))
    )
    brick = torch.where(brick_end > brick_start, brick_start, missed)
    distance = torch.minimum(sphere, brick)
    reached = torch.where(torch.isfinite(distance), distance, torch.zeros_like(distance))
    points = rays.origins + reached[:, None] * rays.dirs
    colors = torch.where((sphere < brick)[:, None], _sphere_color(points), _brick_color(points))
    return colors, distance


def _sphere_hit(
    rays: Rays, center: tuple[float, float, float], radius: float
) -> tuple[Float[Tensor, "r"], Float[Tensor, "r"]]:
    """Distance of the middle of a ray's chord of a sphere, and half the chord; half is 0 where the ray misses."""
    offset = rays.origins.new_tensor(center) - rays.origins
    middle = (offset * rays.dirs).sum(-1)
    miss = (offset - middle[:, None] * rays.dirs).square().sum(-1)
    return middle, (radius * radius - miss).clamp_min(0.0).sqrt()


def _sphere_color(points: Float[Tensor, "r 3"]) -> Float[Tensor, "r 3"]:
    """Smooth stripes of blue and cream."""
    stripe = 0.5 + 0.5 * torch.sin(14.0 * points[:, 2:] + 6.0 * points[:, :1])
    return torch.lerp(points.new_tensor([0.15, 0.3, 0.75]), points.new_tensor([0.95, 0.9, 0.75]), stripe)


def _brick_color(points: Float[Tensor, "r 3"]) -> Float[Tensor, "r 3"]:
    """A colour that changes linearly in space: red along x, green along y, a little blue along z."""
    return (points + points.new_tensor([0.7, 0.1, 0.6])) * points.new_tensor([0.8, 0.8, 0.5])
