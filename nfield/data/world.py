"""How a scene's world lies in that of the user's files.

Files may be written in survey coordinates or in any unit. Fields are trained near the origin, at sizes of some metres,
in single precision; whatever leaves a run goes back through this transform, in double precision.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class World:
    """`user = origin + scene / scale`."""

    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Where the scene's origin lies in the user's world, in the user's unit."""
    scale: float = 1.0
    """Metres of the scene per unit of the user's."""

    @property
    def is_users(self) -> bool:
        """Whether both worlds are the same."""
        return self == World()

    def scene_from_user(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) of the user's world in the scene's, double precision.

        >>> World((10.0, 0.0, 0.0), 2.0).scene_from_user(np.array([11.0, 1.0, 0.0])).tolist()
        [2.0, 2.0, 0.0]
        """
        return (np.asarray(points, np.float64) - np.array(self.origin)) * self.scale

    def user_from_scene(self, points: np.ndarray) -> np.ndarray:
        """The inverse of `scene_from_user`."""
        return np.asarray(points, np.float64) / self.scale + np.array(self.origin)

    def poses_from_user(self, poses: np.ndarray) -> np.ndarray:
        """world_from_camera transforms (k, 4, 4) of the user's world, moved into the scene's."""
        return _moved(poses, self.scene_from_user)

    def poses_to_user(self, poses: np.ndarray) -> np.ndarray:
        """The inverse of `poses_from_user`."""
        return _moved(poses, self.user_from_scene)


def _moved(poses: np.ndarray, transform: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    moved = np.array(poses, np.float64)
    moved[:, :3, 3] = transform(moved[:, :3, 3])
    return moved
