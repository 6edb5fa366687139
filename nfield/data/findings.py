"""What a capture does not say and its cameras and pictures show: the box to cover, and a backdrop."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nfield.cameras import Cameras
from nfield.data.backdrop import Backdrop, find_backdrop
from nfield.data.capture import Capture
from nfield.data.hull import silhouette_region
from nfield.data.picture_stack import PictureStack
from nfield.data.region import Region, camera_region, is_seen, moved_to_cameras
from nfield.data.world import World


@dataclass(frozen=True)
class Findings:
    """What was found.

    Attributes:
        region: What to cover, in the user's world and unit, double precision.
        has_alpha: Whether pictures are transparent somewhere, by themselves or because a backdrop was found.
        backdrop: That backdrop.
        blended: Which pixels may be blended with it.
        notes: What a user should know of it, a sentence each.
    """

    region: Region
    has_alpha: bool
    backdrop: Backdrop | None
    blended: Bool[Tensor, "p"] | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Cutout:
    """What stands before transparent pixels or before a backdrop, and the pixels blended with that."""

    region: Region | None = None
    backdrop: Backdrop | None = None
    blended: Bool[Tensor, "p"] | None = None


def near_origin(poses: np.ndarray) -> World:
    """A world in which single precision suffices, whatever the user's: cameras around the origin, one metre apart.

    Args:
        poses: world_from_camera (k, 4, 4) in the user's world.
    """
    places = poses[:, :3, 3]
    middle = places.mean(0)
    spread = float(np.linalg.norm(places - middle, axis=-1).max())
    x, y, z = middle.tolist()
    return World((x, y, z), 1.0 / spread if spread > 0.0 else 1.0)


def look(capture: Capture, pictures: PictureStack, cameras: Cameras, near: World) -> Findings:
    """Looks at a capture. Pixels of a backdrop that is found become transparent.

    Args:
        capture: The capture.
        pictures: Its pictures.
        cameras: Its cameras, in `near`.
        near: A world in which single precision suffices.
    """
    alpha = bool((pictures.pixels[:, 3] < 255).any())
    cutout = _Cutout(_outlined(pictures, cameras)) if alpha else _before_backdrop(pictures, cameras)
    backdrop = cutout.backdrop
    stated = None if capture.region is None else capture.region.moved(near)
    kept = stated is not None and is_seen(stated, cameras)
    found = cutout.region or _around_cameras(stated, cameras, _points(capture, near))
    return Findings(
        capture.region if kept and capture.region is not None else _in_user(found, near),
        alpha or backdrop is not None,
        backdrop,
        cutout.blended,
        tuple(_notes(capture.where, ignored=stated is not None and not kept, backdrop=backdrop)),
    )


def _around_cameras(stated: Region | None, cameras: Cameras, points: Float[Tensor, "n 3"] | None) -> Region:
    """A stated region that lies elsewhere, moved to where the cameras look; else one that follows from them."""
    if stated is not None and is_seen(moved := moved_to_cameras(stated, cameras), cameras, inside=True):
        return moved
    return camera_region(cameras, points)


def _notes(where: str, *, ignored: bool, backdrop: Backdrop | None) -> list[str]:
    notes: list[str] = []
    if ignored:
        notes.append(
            f"{where}: the box that aabb_scale states lies where no camera looks, so it was moved or found anew"
        )
    if backdrop is not None:
        notes.append(
            f"{where}: its pictures have a backdrop of one colour (sRGB {', '.join(map(str, backdrop.color))}), which "
            "is taken for the background"
        )
    return notes


def _points(capture: Capture, near: World) -> Tensor | None:
    if capture.points is None:
        return None
    return torch.from_numpy(near.scene_from_user(capture.points)).to(torch.float32)


def _in_user(region: Region, near: World) -> Region:
    center = torch.from_numpy(near.user_from_scene(region.center.double().numpy()))
    half, ratio = 0.5 * float(region.inner.size.max()), float((region.box.size / region.inner.size).max())
    return Region.cubes(center, half / near.scale, ratio=ratio)


def _outlined(pictures: PictureStack, cameras: Cameras) -> Region | None:
    """The region of what is not transparent."""
    return _hull(pictures, cameras, [pictures.picture(index)[..., 3] > 0 for index in range(len(pictures))])


def _before_backdrop(pictures: PictureStack, cameras: Cameras) -> _Cutout:
    """A backdrop, made transparent, and what stands before it; nothing where outlines do not agree."""
    images = [pictures.picture(index) for index in range(len(pictures))]
    backdrop = find_backdrop(images)
    if backdrop is None:
        return _Cutout()
    solid = [backdrop.solid(image) for image in images]
    region = _hull(pictures, cameras, solid)
    if region is None:
        return _Cutout()
    blended = [backdrop.blended(image, one).reshape(-1) for image, one in zip(images, solid, strict=True)]
    for image, one in zip(images, solid, strict=True):
        image[..., 3] = one.to(torch.uint8) * 255
    return _Cutout(region, backdrop, torch.cat(blended))


def _hull(pictures: PictureStack, cameras: Cameras, solid: Sequence[Bool[Tensor, "_ _"]]) -> Region | None:
    """What masks hide may be solid."""
    masks = [pictures.used_of(index) for index in range(len(pictures))]
    return silhouette_region(cameras, [s if used is None else s | ~used for s, used in zip(solid, masks, strict=True)])
