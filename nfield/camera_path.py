"""Camera paths as nerfstudio writes them (`camera_path.json`): poses frame by frame, in OpenGL camera axes.

They are taken to be in the world of the scene's files. nerfstudio's own viewer writes them in its own normalised world:
there, train with `--orientation-method none --center-method none --auto-scale-poses False` to have the same one.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nfield.cameras import Cameras
from nfield.data.conventions import read_poses
from nfield.data.world import World
from nfield.errors import DataError
from nfield.lenses import Projection

_RIGID = 1e-2
_LARGEST = 1e30
_LARGEST_SIZE = 16384.0


@dataclass(frozen=True)
class CameraPath:
    """Cameras of a film.

    Attributes:
        world_from_camera: Rigid transforms (k, 4, 4) in double precision, OpenCV axes, the user's world and unit.
        angles: Of each, the vertical field of view, radians.
        size: Height and width of its pictures.
        rate: Pictures per second.
        projection: Of all.
    """

    world_from_camera: np.ndarray
    angles: tuple[float, ...]
    size: tuple[int, int]
    rate: float
    projection: Projection

    def cameras(self, world: World, *, size: tuple[int, int] | None = None) -> Cameras:
        """The cameras in a scene's world.

        Args:
            world: How the scene lies in the user's.
            size: Height and width of pictures other than the path's.
        """
        height, width = size or self.size
        focal = _FOCAL[self.projection](torch.tensor(self.angles), (height, width))
        intrinsics = torch.eye(3).repeat(len(focal), 1, 1)
        intrinsics[:, 0, 0], intrinsics[:, 1, 1] = focal.unbind(-1)
        intrinsics[:, :2, 2] = torch.tensor([0.5 * width, 0.5 * height])
        poses = torch.from_numpy(world.poses_from_user(self.world_from_camera)).float()
        kinds = torch.full((len(focal),), int(self.projection))
        return Cameras(
            intrinsics,
            poses,
            (height, width),
            projection=kinds if self.projection is not Projection.PERSPECTIVE else None,
        )


def _perspective(angles: Float[Tensor, "k"], size: tuple[int, int]) -> Float[Tensor, "k 2"]:
    return (0.5 * size[0] / torch.tan(0.5 * angles))[:, None].expand(-1, 2)


def _panorama(angles: Float[Tensor, "k"], size: tuple[int, int]) -> Float[Tensor, "k 2"]:
    return angles.new_tensor([size[1] / (2.0 * math.pi), size[0] / math.pi]).expand(len(angles), 2)


_FOCAL: Mapping[Projection, Callable[[Float[Tensor, "k"], tuple[int, int]], Float[Tensor, "k 2"]]] = {
    Projection.PERSPECTIVE: _perspective,
    Projection.EQUIRECTANGULAR: _panorama,
}
_TYPES = {"perspective": Projection.PERSPECTIVE, "equirectangular": Projection.EQUIRECTANGULAR}


def read_camera_path(path: Path) -> CameraPath:
    """Reads a camera path.

    Raises:
        DataError: The file cannot be read, or is no camera path.
    """
    content = _content(path)
    kind = content.get("camera_type", "perspective")
    if kind not in _TYPES:
        raise DataError(f"{path}: camera_type is {kind!r}, expected one of {', '.join(_TYPES)}; export another path")
    listed = content.get("camera_path")
    if not isinstance(listed, list) or not listed or not all(isinstance(entry, dict) for entry in listed):
        raise DataError(
            f"{path}: has no list of cameras, expected the key 'camera_path' with an object for each picture, as "
            "nerfstudio's viewer writes it; export the path again"
        )
    poses = np.stack([_pose(path, index, entry) for index, entry in enumerate(listed)])
    angles = tuple(_angle(path, index, entry) for index, entry in enumerate(listed))
    size = tuple(int(_number(path, content, key, 1.0, _LARGEST_SIZE)) for key in ("render_height", "render_width"))
    return CameraPath(
        read_poses(poses, "opengl"), angles, (size[0], size[1]), _rate(path, content, len(listed)), _TYPES[kind]
    )


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}), expected a camera path in JSON; check --path"
        ) from error
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: is not valid JSON ({reason}), expected a camera path; export it again") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds no JSON object, expected one with the key 'camera_path'; export the path again")
    return content


def _pose(path: Path, index: int, entry: dict[str, Any]) -> np.ndarray:
    """A camera-to-world transform, written row by row."""
    where = f"{path}, camera {index}"
    try:
        matrix = np.asarray(entry.get("camera_to_world"), np.float64).reshape(-1)
    except (TypeError, ValueError, OverflowError):
        matrix = np.zeros(0)
    if matrix.size != 16 or not (np.abs(matrix) < _LARGEST).all():
        raise DataError(f"{where}: camera_to_world is not made of 16 finite numbers; export the path again")
    pose = matrix.reshape(4, 4)
    linear = pose[:3, :3]
    scale = max(float(np.linalg.det(linear)), 0.0) ** (1.0 / 3.0)
    left, _, right = np.linalg.svd(linear)
    if scale <= 0.0 or np.abs(linear / scale - left @ right).max() > _RIGID:
        raise DataError(
            f"{where}: camera_to_world is not a rotation and a place, expected a rigid transform written row by row; "
            "export the path again"
        )
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = left @ right, pose[:3, 3]
    return result


def _angle(path: Path, index: int, entry: dict[str, Any]) -> float:
    return math.radians(_number(f"{path}, camera {index}", {"fov": 50.0, **entry}, "fov", 0.01, 179.0))


def _rate(path: Path, content: dict[str, Any], count: int) -> float:
    """Pictures per second: as the file says, or so that they last as long as it says."""
    if "fps" in content:
        return _number(path, content, "fps", 1e-3, 1000.0)
    return count / _number(path, {"seconds": count / 24.0, **content}, "seconds", 1e-3, 1e6)


def _number(where: Path | str, values: Mapping[str, Any], key: str, least: float, most: float) -> float:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        shown = repr(value)[:80]
        raise DataError(f"{where}: {key} is {shown}, expected a number from {least:g} to {most:g}; correct it")
    return float(value)
