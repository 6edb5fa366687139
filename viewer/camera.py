"""Cameras of the browser and of nfield: both look along +z with y downwards."""

import math

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from nfield.cameras import Cameras, look_at
from viewer.interface import Home


def camera_from_browser(
    quaternion: Float[np.ndarray, "4"],
    position: Float[np.ndarray, "3"],
    *,
    field_of_view: float,
    size: tuple[int, int],
) -> Cameras:
    """One camera.

    Args:
        quaternion: World from camera (w, x, y, z).
        position: Metres.
        field_of_view: From the upper to the lower edge, radians.
        size: Height and width of the window, pixels.

    >>> camera = camera_from_browser(np.array([1.0, 0, 0, 0]), np.zeros(3), field_of_view=math.pi / 2, size=(2, 4))
    >>> camera.intrinsics[0].tolist()
    [[1.0, 0.0, 2.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]
    """
    pose = torch.eye(4)
    pose[:3, :3] = torch.from_numpy(rotation_matrix(quaternion))
    pose[:3, 3] = torch.from_numpy(np.asarray(position, np.float32))
    return Cameras.pinhole(focal_length(field_of_view, size[0]), size, world_from_camera=pose[None])


def home_camera(home: Home, size: tuple[int, int]) -> Cameras:
    """The first look at a subject.

    Args:
        home: From where.
        size: Height and width of the window, pixels.
    """
    pose = look_at(torch.tensor([home.position]), torch.tensor(home.target), torch.tensor(home.up))[0].numpy()
    quaternion = quaternions(pose[None, :3, :3])[0]
    return camera_from_browser(quaternion, pose[:3, 3], field_of_view=home.field_of_view, size=size)


def focal_length(field_of_view: float, height: int) -> float:
    """Focal length, pixels, of a field of view, radians, over a number of rows."""
    return 0.5 * height / math.tan(0.5 * field_of_view)


def field_of_view(focal: float, extent: int) -> float:
    """The angle, radians, that a number of pixels covers."""
    return 2.0 * math.atan(0.5 * extent / focal)


def rotation_matrix(quaternion: Float[np.ndarray, "4"]) -> Float[np.ndarray, "3 3"]:
    """Of a quaternion (w, x, y, z)."""
    return Rotation.from_quat(np.roll(np.asarray(quaternion, np.float64), -1)).as_matrix().astype(np.float32)


def quaternions(matrices: Float[np.ndarray, "n 3 3"]) -> Float[np.ndarray, "n 4"]:
    """Quaternions (w, x, y, z) of rotations."""
    return np.roll(Rotation.from_matrix(np.asarray(matrices, np.float64)).as_quat(), 1, axis=-1).astype(np.float32)
