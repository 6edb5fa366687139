"""Reading one `transforms*.json`: frames with checked numbers, OpenCV axes. No image is opened here.

NeRF-synthetic, instant-ngp and nerfstudio share this format. Every value of the lens may stand at the top or, for one
image, in its frame.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nfield.errors import DataError

_SUFFIXES = ("", ".png", ".jpg", ".jpeg", ".PNG", ".JPG", ".JPEG", ".webp")
_PINHOLE_MODELS = {"OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "PERSPECTIVE"}
_RIGID_TOLERANCE = 1e-2
_LARGEST_NUMBER = 1e30  # beyond it single precision overflows


@dataclass(frozen=True)
class Lens:
    """A pinhole with OpenCV distortion, in pixels of the image size that the file declares.

    Attributes:
        focal: Horizontal and vertical focal length.
        center: Column and row of the principal point.
        size: Height and width that the numbers refer to.
        distortion: k1, k2, p1, p2.
    """

    focal: tuple[float, float]
    center: tuple[float, float]
    size: tuple[int, int]
    distortion: tuple[float, float, float, float]

    def matrix(self, size: tuple[int, int]) -> Float[Tensor, "3 3"]:
        """Intrinsics in pixels of an image of another height and width."""
        across, down = size[1] / self.size[1], size[0] / self.size[0]
        return torch.tensor(
            [
                [self.focal[0] * across, 0.0, self.center[0] * across],
                [0.0, self.focal[1] * down, self.center[1] * down],
                [0.0, 0.0, 1.0],
            ]
        )


@dataclass(frozen=True)
class Frame:
    """One image of a transforms file.

    Attributes:
        name: The image as the file names it.
        path: Where it lies, whether it exists or not.
        where: File and frame, for messages.
        values: What the file says of it: the frame's own entries over those at the top.
    """

    name: str
    path: Path
    where: str
    values: Mapping[str, object]

    def world_from_camera(self) -> Float[Tensor, "4 4"]:
        """The rigid transform, OpenCV camera axes.

        The file's camera axes are OpenGL's (+x right, +y up, +z backward). A uniform scale is divided out, and
        rounding errors of the rotation are removed.
        """
        given = _array(self.values, "transform_matrix", self.where, shapes=((4, 4), (3, 4)))
        linear = given[:3, :3]
        determinant = float(np.linalg.det(linear))
        scale = max(determinant, 0.0) ** (1.0 / 3.0)
        left, _, right = np.linalg.svd(linear)
        rotation = left @ right
        if determinant <= 0.0 or np.abs(linear / max(scale, 1e-300) - rotation).max() > _RIGID_TOLERANCE:
            raise DataError(
                f"{self.where}: transform_matrix is not a rotation and a position (determinant {determinant:.3g}), "
                "expected a rigid camera-to-world transform, at most scaled uniformly; export the poses again or "
                "remove this frame"
            )
        pose = np.eye(4)
        pose[:3, :3] = rotation * np.array([1.0, -1.0, -1.0])
        pose[:3, 3] = given[:3, 3]
        return torch.from_numpy(pose).to(torch.float32)

    def lens(self, image_size: tuple[int, int]) -> Lens:
        """The lens; sizes and principal points that the file leaves out follow from the image's height and width."""
        _reject_other_models(self.values, self.where)
        height = self._number("h", default=float(image_size[0]))
        width = self._number("w", default=float(image_size[1]))
        if min(height, width) < 1.0 or abs(height * image_size[1] / (width * image_size[0]) - 1.0) > 0.02:
            raise DataError(
                f"{self.where}: declares images of w={width:g}, h={height:g}, but the file is "
                f"{image_size[1]}x{image_size[0]}; expected the same proportions: correct w and h, or rotate the image"
            )
        across = self._focal("fl_x", "camera_angle_x", width)
        if across is None:
            raise DataError(
                f"{self.where}: has neither fl_x nor camera_angle_x, expected a focal length in pixels (fl_x) or "
                "a field of view in radians (camera_angle_x); add one at the top of the file"
            )
        down = self._focal("fl_y", "camera_angle_y", height) if "fl_x" in self.values else None
        center = self._number("cx", default=0.5 * width), self._number("cy", default=0.5 * height)
        k1, k2, p1, p2 = (self._number(key, default=0.0) for key in ("k1", "k2", "p1", "p2"))
        return Lens((across, down or across), center, (int(height), int(width)), (k1, k2, p1, p2))

    def _number(self, key: str, *, default: float) -> float:
        return read_number(self.values, key, self.where, default=default)

    def _focal(self, key: str, angle_key: str, extent: float) -> float | None:
        if key in self.values:
            focal = self._number(key, default=0.0)
        elif angle_key in self.values:
            angle = self._number(angle_key, default=0.0)
            focal = 0.5 * extent / math.tan(0.5 * angle) if 0.0 < angle < math.pi else -1.0
            key = angle_key
        else:
            return None
        if focal <= 0.0:
            expected = "a positive number of pixels" if key.startswith("fl") else "an angle between 0 and pi radians"
            raise DataError(f"{self.where}: {key} is {self.values[key]}, expected {expected}; correct it")
        return focal


@dataclass(frozen=True)
class TransformsFile:
    """A transforms file, read.

    Attributes:
        path: The file.
        values: Its entries, frames left out.
        frames: Its frames, in its order.
    """

    path: Path
    values: Mapping[str, object]
    frames: tuple[Frame, ...]


def read_transforms(path: Path) -> TransformsFile:
    """Reads a transforms file and finds its images."""
    content = _read_json(path)
    listed = content.get("frames")
    if not isinstance(listed, list):
        raise DataError(f"{path}: has no list of frames, expected the key 'frames'; is this a transforms file?")
    if not listed:
        raise DataError(f"{path}: lists no images, expected at least one frame; export the poses again")
    values = {key: value for key, value in content.items() if key != "frames"}
    return TransformsFile(path, values, tuple(_frame(path, values, i, entry) for i, entry in enumerate(listed)))


def read_number(values: Mapping[str, object], key: str, where: str, *, default: float) -> float:
    """A finite number of a JSON object, or `default` where it has none."""
    return float(_array(values, key, where, shapes=((),))) if key in values else default


def read_triple(
    values: Mapping[str, object], key: str, where: str, *, default: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Three finite numbers of a JSON object, or `default` where it has none."""
    if key not in values:
        return default
    x, y, z = _array(values, key, where, shapes=((3,),)).tolist()
    return x, y, z


def _read_json(path: Path) -> Mapping[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}), expected a transforms file; check it") from error
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path}: is not valid JSON ({reason}), expected a whole file; export or copy it again"
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds no JSON object, expected one with the key 'frames'; is this a transforms file?")
    return content


def _frame(path: Path, top: Mapping[str, object], index: int, entry: object) -> Frame:
    if not isinstance(entry, dict):
        raise DataError(
            f"{path}, frame {index}: is no JSON object, expected file_path and transform_matrix; correct it"
        )
    name = entry.get("file_path")
    if not isinstance(name, str) or not name:
        raise DataError(f"{path}, frame {index}: has no file_path, expected the name of its image; add it or remove it")
    base = path.parent / name.replace("\\", "/")
    candidates = [Path(f"{base}{suffix}") for suffix in _SUFFIXES]
    found = next((candidate for candidate in candidates if candidate.is_file()), base)
    return Frame(name, found, f"{path}, frame {index} ({name})", {**top, **entry})


def _array(values: Mapping[str, object], key: str, where: str, *, shapes: tuple[tuple[int, ...], ...]) -> np.ndarray:
    expected = " or ".join(
        "x".join(map(str, shape)) + " finite numbers" if shape else "a finite number" for shape in shapes
    )
    if key not in values:
        raise DataError(f"{where}: has no {key}, expected {expected}; add it or remove this frame")
    try:
        array = np.asarray(values[key], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{where}: {key} is not made of numbers, expected {expected}; correct it") from None
    if array.shape not in shapes:
        came = "x".join(map(str, array.shape)) or "1"
        raise DataError(f"{where}: {key} has {came} numbers, expected {expected}; correct it")
    if not (np.abs(array) < _LARGEST_NUMBER).all():
        raise DataError(
            f"{where}: {key} has a NaN or infinity, expected {expected}; export the poses again or correct it"
        )
    return array


def _reject_other_models(values: Mapping[str, object], where: str) -> None:
    model = str(values.get("camera_model", "OPENCV"))
    if model not in _PINHOLE_MODELS or values.get("is_fisheye"):
        shown = "fisheye" if values.get("is_fisheye") else model
        raise DataError(
            f"{where}: camera model {shown} is not supported, expected OPENCV or PINHOLE; undistort the images first "
            "(colmap image_undistorter) and export the poses of the result"
        )
    for key in ("k3", "k4"):
        if abs(read_number(values, key, where, default=0.0)) > 1e-9:
            raise DataError(
                f"{where}: {key} is {values[key]}, but only k1, k2, p1, p2 are supported, expected {key} = 0; "
                "undistort the images first (colmap image_undistorter) and export the poses of the result"
            )
