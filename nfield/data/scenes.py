"""Captures to scenes: pictures decoded, the backdrop and the box found, the world moved to where training is good."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from nfield.cameras import Cameras
from nfield.data.base import PosedImages, Scene
from nfield.data.capture import Capture, Shot
from nfield.data.conventions import Convention, require_agreement
from nfield.data.findings import look, near_origin
from nfield.data.image_files import ImageRequest, load_images
from nfield.data.loaders import LoadOptions, load_capture
from nfield.data.picture_sizes import reduced_sizes
from nfield.data.picture_stack import PictureStack
from nfield.data.region import Region
from nfield.data.world import World
from nfield.errors import DataError
from nfield.lenses import COEFFICIENTS

_HOLD_OUT_EVERY = 8
_WHITE = (1.0, 1.0, 1.0)
_EDGE = 3.0
"""Edge of the first cascade, metres, where the user's unit would make it too small or too large."""
_LEAST_EDGE, _LARGEST_EDGE = 1.0, 12.0
_FARTHEST = 64.0
"""Distance of the first cascade from the origin, in its edges, up to which single precision suffices."""


def load_scene(
    source: Path | str,
    *,
    size: tuple[int, int] | None = None,
    downscale: int | None = 1,
    convention: Convention | None = None,
) -> Scene:
    """A scene from a folder or file of any format in `nfield.data.loaders`.

    Args:
        source: The folder or file.
        size: Height and width to which the images are made smaller; of images of several sizes, of the largest.
        downscale: Where there is no `size`: by which factor the images are made smaller. None takes the smallest whole
            number that leaves at most 800 pixels along the longer edge.
        convention: In which convention poses are written; None for that of the format.

    Raises:
        DataError: The data are missing, damaged or of an unsupported kind.
    """
    capture = load_capture(Path(source), LoadOptions(convention))
    if capture.any_axes and convention is None:
        require_agreement(capture.poses, "opengl", where=capture.where)
    return scene_of(capture, size=size, downscale=downscale)


def scene_of(capture: Capture, *, size: tuple[int, int] | None = None, downscale: int | None = 1) -> Scene:
    """A scene from a capture; see `load_scene`."""
    sizes = reduced_sizes([shot.size for shot in capture.shots], size=size, downscale=downscale, where=capture.where)
    pictures = _decoded(capture.shots, sizes)
    near = near_origin(capture.poses)
    seen = look(capture, pictures, _cameras(capture.shots, near.poses_from_user(capture.poses), sizes), near)
    pictures = dataclasses.replace(pictures, blended=seen.blended)
    world = _trained_in(seen.region)
    cameras = _cameras(capture.shots, world.poses_from_user(capture.poses), sizes)
    region = seen.region.moved(world).single
    names = tuple(shot.name for shot in capture.shots)
    backdrop = None if seen.backdrop is None else seen.backdrop.unit_color
    background = backdrop or (_WHITE if seen.has_alpha else None)
    everything = PosedImages(cameras, pictures, *region, seen.has_alpha, background, names, backdrop)
    train, test, notes = _split(capture, pictures)
    points = None if capture.points is None else torch.from_numpy(world.scene_from_user(capture.points)).float()
    return Scene(
        everything.subset(torch.tensor(train)),
        everything.subset(torch.tensor(test)),
        capture.missing,
        world,
        points,
        capture.notes + seen.notes + notes,
    )


def _decoded(shots: Sequence[Shot], sizes: Sequence[tuple[int, int]]) -> PictureStack:
    requests = [ImageRequest(shot.path, size, shot.turned, shot.mask) for shot, size in zip(shots, sizes, strict=True)]
    pixels, used = load_images(requests)
    extents = torch.tensor(sizes)
    counts = extents.prod(-1)
    return PictureStack(pixels, counts.cumsum(0) - counts, extents, used)


def _cameras(shots: Sequence[Shot], poses: np.ndarray, sizes: Sequence[tuple[int, int]]) -> Cameras:
    """Cameras in single precision; what all of them do without is left out."""
    intrinsics = torch.stack([shot.lens.matrix(size) for shot, size in zip(shots, sizes, strict=True)])
    padded = [shot.lens.distortion + (0.0,) * (COEFFICIENTS - len(shot.lens.distortion)) for shot in shots]
    distortion = torch.tensor(padded)
    needed = 4 if not distortion[:, 4:].any() else COEFFICIENTS
    projection = torch.tensor([int(shot.lens.projection) for shot in shots])
    return Cameras(
        intrinsics,
        torch.from_numpy(poses).to(torch.float32),
        max(sizes, key=max),
        distortion[:, :needed] if bool(distortion.any()) else None,
        projection if bool(projection.any()) else None,
        torch.tensor(sizes) if len(set(sizes)) > 1 else None,
    )


def _trained_in(region: Region) -> World:
    """The user's world, unless its unit or its origin is far from what is trained well."""
    edge, center = float(region.inner.size.max()), region.center
    if _LEAST_EDGE <= edge <= _LARGEST_EDGE and float(center.abs().max()) <= _FARTHEST * edge:
        return World()
    x, y, z = center.tolist()
    return World((x, y, z), 1.0 if _LEAST_EDGE <= edge <= _LARGEST_EDGE else _EDGE / edge)


def _split(capture: Capture, pictures: PictureStack) -> tuple[list[int], list[int], tuple[str, ...]]:
    """Pictures to train on and held out, without those of which a mask leaves nothing."""
    empty = {index for index in range(len(pictures)) if not _is_used(pictures, index)}
    train = [index for index in capture.train if index not in empty]
    test = [index for index in capture.test if index not in empty]
    if not test:
        test = train[::_HOLD_OUT_EVERY]
        train = [index for index in train if index not in test]
    if not train or not test:
        raise DataError(
            f"{capture.where}: has one image, expected at least two, of which one is held out; add more views"
        )
    notes = (f"{capture.where}: masks leave nothing of {len(empty)} images, which are left out",) if empty else ()
    return train, test, notes


def _is_used(pictures: PictureStack, index: int) -> bool:
    used = pictures.used_of(index)
    return used is None or bool(used.any())
