"""Conventions in which files write poses, and which of them makes sense of a set of cameras.

Cameras that surround or face something look towards where their axes meet. Read in a wrong convention they look away
from there, or their axes do not meet at all; so cameras that disagree as they are read, but agree in another
convention, are a question to the user.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from nfield.errors import DataError

_FLIP = np.diag([1.0, -1.0, -1.0, 1.0])
_FEWEST = 4
_MOST = 64
_DISAGREE, _AGREE, _MARGIN = 0.75, 0.8, 0.2
_LEAST_SINE = 0.05
_WIDEST_GAP = 0.35
_ROUNDING = 1e-8
_NEAREST = 1e-4


Convention = Literal["opengl", "opencv", "opengl-world-to-camera", "opencv-world-to-camera"]
"""How a file writes a camera's pose; camera to world where nothing else is said.

Camera axes are right, up, backward (OpenGL) or right, down, forward (OpenCV).
"""


def _inverse(poses: np.ndarray) -> np.ndarray:
    return np.linalg.inv(poses)


_READERS: dict[Convention, Callable[[np.ndarray], np.ndarray]] = {
    "opengl": lambda poses: poses @ _FLIP,
    "opencv": lambda poses: poses,
    "opengl-world-to-camera": lambda poses: _inverse(poses) @ _FLIP,
    "opencv-world-to-camera": lambda poses: _inverse(poses),
}
_WRITTEN: dict[Convention, Callable[[np.ndarray], np.ndarray]] = {
    "opengl": lambda poses: poses @ _FLIP,
    "opencv": lambda poses: poses,
    "opengl-world-to-camera": lambda poses: _inverse(poses @ _FLIP),
    "opencv-world-to-camera": lambda poses: _inverse(poses),
}


def read_poses(written: np.ndarray, convention: Convention) -> np.ndarray:
    """world_from_camera with OpenCV axes of transforms (k, 4, 4) as a file writes them."""
    return _READERS[convention](np.asarray(written, np.float64))


def write_poses(poses: np.ndarray, convention: Convention) -> np.ndarray:
    """The inverse of `read_poses`."""
    return _WRITTEN[convention](np.asarray(poses, np.float64))


def agreement(poses: np.ndarray) -> float:
    """Share of pairs of cameras whose axes come near each other before both, in [0, 1].

    Near is: closer than a third of the smaller distance from there. Nearly parallel axes say nothing, unless
    all are: then cameras agree. Cameras in one point disagree: what they see together has no depth.

    Args:
        poses: world_from_camera (k, 4, 4), OpenCV axes.
    """
    step = max(1, -(-len(poses) // _MOST))
    origins, axes = poses[::step, :3, 3], poses[::step, :3, 2]
    first, second = np.triu_indices(len(origins), 1)
    between = origins[second] - origins[first]
    cosine = (axes[first] * axes[second]).sum(-1)
    along_first, along_second = (between * axes[first]).sum(-1), (between * axes[second]).sum(-1)
    square_sine = 1.0 - cosine**2
    said = square_sine > _LEAST_SINE**2
    if not said.any():
        return 1.0
    spread = np.linalg.norm(origins - origins.mean(0), axis=-1).max()
    if spread <= _ROUNDING * np.abs(origins).max():
        return 0.0
    square_sine = np.where(said, square_sine, 1.0)
    depth_first = (along_first - cosine * along_second) / square_sine
    depth_second = (cosine * along_first - along_second) / square_sine
    gap = np.linalg.norm(between + depth_second[:, None] * axes[second] - depth_first[:, None] * axes[first], axis=-1)
    nearer = np.minimum(depth_first, depth_second)
    return float(((nearer > _NEAREST * spread) & (gap < _WIDEST_GAP * nearer))[said].mean())


def require_agreement(poses: np.ndarray, read_as: Convention, *, where: str) -> None:
    """Refuses cameras that disagree as they were read, where another convention would make sense of them.

    Args:
        poses: world_from_camera (k, 4, 4), OpenCV axes.
        read_as: The convention that was assumed.
        where: The file, for messages.
    """
    if len(poses) < _FEWEST or agreement(poses) > _DISAGREE:
        return
    written = write_poses(poses, read_as)
    scores = {other: agreement(read_poses(written, other)) for other in _READERS if other != read_as}
    best = max(scores, key=lambda convention: scores[convention])
    if scores[best] < max(_AGREE, agreement(poses) + _MARGIN):
        return
    raise DataError(
        f"{where}: read as {read_as}, its cameras look away from each other's centre or past each other (the "
        f"axes of {agreement(poses):.0%} of their pairs meet before both), expected cameras that look at something "
        f"together; read as {best}, {scores[best]:.0%} do: give --convention {best}, or --convention "
        f"{read_as} if the cameras really look so"
    )
