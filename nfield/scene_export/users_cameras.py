"""A scene's cameras in the user's world, with lenses in pixels of the user's pictures."""

from dataclasses import dataclass, replace

import numpy as np

from nfield.cameras import Cameras
from nfield.data.capture import Lens, Shot
from nfield.data.world import World
from nfield.scene_export.pictures import Pictures


@dataclass(frozen=True)
class UsersCameras:
    """k cameras.

    Attributes:
        world_from_camera: Rigid transforms (k, 4, 4), double precision, OpenCV camera axes, the user's world and unit.
        lenses: One each.
        shots: Their pictures; None where they are not known.
    """

    world_from_camera: np.ndarray
    lenses: tuple[Lens, ...]
    shots: tuple[Shot, ...] | None

    @staticmethod
    def of(cameras: Cameras, world: World, pictures: Pictures) -> "UsersCameras":
        """A run's cameras.

        Args:
            cameras: In the scene's world.
            world: How that lies in the user's.
            pictures: Theirs.
        """
        poses = world.poses_to_user(cameras.world_from_camera.double().numpy())
        lenses = tuple(lens_of(cameras, index) for index in range(len(cameras)))
        if pictures.shots is not None:
            lenses = tuple(scaled(lens, shot.size) for lens, shot in zip(lenses, pictures.shots, strict=True))
        return UsersCameras(poses, lenses, pictures.shots)

    def __len__(self) -> int:
        return len(self.lenses)


def lens_of(cameras: Cameras, index: int) -> Lens:
    """The lens of one camera."""
    matrix = cameras.intrinsics[index].double()
    distortion = () if cameras.distortion is None else tuple(cameras.distortion[index].tolist())
    return Lens(
        (float(matrix[0, 0]), float(matrix[1, 1])),
        (float(matrix[0, 2]), float(matrix[1, 2])),
        cameras.size_of(index),
        distortion if any(distortion) else (),
        cameras.projection_of(index),
    )


def scaled(lens: Lens, size: tuple[int, int]) -> Lens:
    """The same lens in pixels of a picture of another height and width."""
    across, down = size[1] / lens.size[1], size[0] / lens.size[0]
    return replace(
        lens,
        focal=(lens.focal[0] * across, lens.focal[1] * down),
        center=(lens.center[0] * across, lens.center[1] * down),
        size=size,
    )
