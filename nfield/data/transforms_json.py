"""Scenes from `transforms*.json`: NeRF-synthetic folders, and files of instant-ngp and nerfstudio.

A folder with `transforms_train.json` is a NeRF-synthetic object: held out are the views of `transforms_test.json` (or
`transforms_val.json`), and the field covers a cube of 3 m around the origin. Of any other file, every 8th image by name
is held out, and the field covers what the cameras look at. In both, `aabb_scale` says more exactly what is covered: see
`nfield.data.region`.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from nfield.cameras import Cameras
from nfield.data.base import PosedImages, Scene
from nfield.data.image_files import image_size, load_images
from nfield.data.region import (
    INSTANT_NGP_OFFSET,
    INSTANT_NGP_SCALE,
    camera_region,
    instant_ngp_region,
    synthetic_region,
)
from nfield.data.transforms_file import Frame, TransformsFile, read_number, read_transforms, read_triple
from nfield.errors import DataError
from nfield.types import Box

_HOLD_OUT_EVERY = 8
_SYNTHETIC = "transforms_train.json"
_HELD_OUT = ("transforms_test.json", "transforms_val.json")
_SINGLE = "transforms.json"
_WHITE = (1.0, 1.0, 1.0)
_LONGEST_EDGE = 800
"""Pixels along the longer edge at most, where nobody asks for a size."""


class MissingImagesWarning(UserWarning):
    """Some images of a data set are not there; `Scene.missing` lists them."""


def load_scene(source: Path | str, *, size: tuple[int, int] | None = None, downscale: int | None = 1) -> Scene:
    """A scene from a folder with transforms files, or from one such file.

    Args:
        source: The folder or the JSON file.
        size: Height and width to which the images are made smaller.
        downscale: Where there is no `size`: by which factor the images are made smaller. None takes the smallest whole
            number that leaves at most 800 pixels along the longer edge.

    Raises:
        DataError: The data are missing, damaged or of an unsupported kind.
    """
    path = _find(Path(source))
    if path.name == _SYNTHETIC:
        return _load_synthetic(path, size=size, downscale=downscale)
    return _load_capture(path, size=size, downscale=downscale)


def _find(source: Path) -> Path:
    if source.is_file():
        return source
    if not source.is_dir():
        raise DataError(
            f"{source}: does not exist, expected a folder of posed images or a transforms file; check the path"
        )
    for name in (_SYNTHETIC, _SINGLE):
        if (source / name).is_file():
            return source / name
    raise DataError(
        f"{source}: has neither {_SYNTHETIC} nor {_SINGLE}, expected one of them; make it with COLMAP and "
        "instant-ngp's colmap2nerf.py or with nerfstudio's ns-process-data"
    )


def _load_synthetic(path: Path, *, size: tuple[int, int] | None, downscale: int | None) -> Scene:
    held_out = next((path.with_name(name) for name in _HELD_OUT if path.with_name(name).is_file()), None)
    transforms = read_transforms(path)
    train, missing = _existing(transforms)
    test: list[Frame] = []
    if held_out is not None:
        test, missing_test = _existing(read_transforms(held_out))
        missing = missing + missing_test
    cameras, images = _views([*train, *test], size=size, downscale=downscale)
    region = _stated_region(transforms) or synthetic_region()
    everything = _posed_images([*train, *test], cameras, images, region)
    if held_out is None:
        return _hold_out(everything, missing, path)
    return Scene(everything.subset(slice(0, len(train))), everything.subset(slice(len(train), None)), missing)


def _load_capture(path: Path, *, size: tuple[int, int] | None, downscale: int | None) -> Scene:
    transforms = read_transforms(path)
    existing, missing = _existing(transforms)
    frames = sorted(existing, key=lambda frame: frame.name)
    cameras, images = _views(frames, size=size, downscale=downscale)
    region = _stated_region(transforms) or camera_region(cameras)
    return _hold_out(_posed_images(frames, cameras, images, region), missing, path)


def _stated_region(transforms: TransformsFile) -> tuple[Box, Box] | None:
    values, where = transforms.values, str(transforms.path)
    if "aabb_scale" not in values:
        return None
    return instant_ngp_region(
        read_number(values, "aabb_scale", where, default=1.0),
        scale=read_number(values, "scale", where, default=INSTANT_NGP_SCALE),
        offset=read_triple(values, "offset", where, default=INSTANT_NGP_OFFSET),
        where=where,
    )


def _existing(transforms: TransformsFile) -> tuple[list[Frame], tuple[str, ...]]:
    there = [frame for frame in transforms.frames if frame.path.is_file()]
    missing = tuple(frame.name for frame in transforms.frames if not frame.path.is_file())
    total = len(transforms.frames)
    if 2 * len(there) < total:
        raise DataError(
            f"{transforms.path}: only {len(there)} of its {total} images exist (the first missing: {missing[0]}), "
            "expected at least half of them; put the images where file_path says, relative to this file"
        )
    if missing:
        message = f"{transforms.path}: {len(missing)} of its {total} images do not exist (the first: {missing[0]})"
        warnings.warn(f"{message}; continuing without them", MissingImagesWarning, stacklevel=4)
    return there, missing


def _views(
    frames: Sequence[Frame], *, size: tuple[int, int] | None, downscale: int | None
) -> tuple[Cameras, UInt8[Tensor, "k h w 4"]]:
    # Poses and lenses come first: a bad number is found before any image is decoded.
    poses = torch.stack([frame.world_from_camera() for frame in frames])
    file_size = image_size(frames[0].path)
    lenses = [frame.lens(file_size) for frame in frames]
    size = _reduced(file_size, downscale) if size is None else size
    distortion = torch.tensor([lens.distortion for lens in lenses])
    intrinsics = torch.stack([lens.matrix(size) for lens in lenses])
    cameras = Cameras(intrinsics, poses, size, distortion if bool(distortion.any()) else None)
    return cameras, load_images([frame.path for frame in frames], size=size)


def _reduced(size: tuple[int, int], downscale: int | None) -> tuple[int, int]:
    factor = -(-max(size) // _LONGEST_EDGE) if downscale is None else downscale
    if factor < 1:
        raise DataError(f"downscale is {factor}, expected a whole number of at least 1; 1 keeps the images")
    return max(1, round(size[0] / factor)), max(1, round(size[1] / factor))


def _posed_images(
    frames: Sequence[Frame], cameras: Cameras, images: UInt8[Tensor, "k h w 4"], region: tuple[Box, Box]
) -> PosedImages:
    has_alpha = bool((images[..., 3] < 255).any())
    names = tuple(frame.name for frame in frames)
    return PosedImages(cameras, images, *region, has_alpha, _WHITE if has_alpha else None, names)


def _hold_out(everything: PosedImages, missing: tuple[str, ...], path: Path) -> Scene:
    if len(everything) < 2:
        raise DataError(f"{path}: has one image, expected at least two, of which one is held out; add more views")
    index = torch.arange(len(everything))
    held_out = index % _HOLD_OUT_EVERY == 0
    return Scene(everything.subset(index[~held_out]), everything.subset(index[held_out]), missing)
