"""Filming an avatar that moves: from where each picture is taken, and the pictures of its field."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body import BodyPose
from avatars.motion import Motion, grounded
from avatars.motion.motion import on_body, smooth_way
from avatars.posed.avatar import Avatar, orbit_around
from nfield.cameras import Cameras, look_at
from nfield.types import Box

CameraName = Literal["orbit", "front", "follow"]

_AROUND = 0.17  # metres from joints to what is farthest out: the top of the head, finger tips, loose clothes
_DISTANCE = 2.2  # of the figure's extent; pictures then show a little more than the figure
_FOCAL = 2.1  # of the picture's height
_RAISED = 0.1  # of the extent: how far the camera is above the figure's middle
_ASIDE = 0.55  # radians from the front, towards the figure's left, for who goes along
_STEADY = 0.35  # seconds over which a camera that goes along smooths its way
_SHORT, LONG = 2.0, 10.0  # seconds of a film where nobody says how long it shall be


def film_seconds(motion: Motion) -> float:
    """How long a motion is filmed where nobody says it: whole cycles, or all of it unless it is long."""
    if motion.loops:
        return motion.seconds * math.ceil(_SHORT / motion.seconds)
    return min(motion.seconds, LONG)


@runtime_checkable
class CameraWork(Protocol):
    """From where a figure is filmed."""

    def __call__(self, joints: Float[Tensor, "n j 3"], size: tuple[int, int], *, rate: float) -> Cameras:
        """A camera a picture.

        Args:
            joints: The figure's in each picture, metres.
            size: Height and width of the pictures.
            rate: Pictures per second.
        """
        ...


@dataclass(frozen=True)
class Shot:
    """What is filmed.

    Attributes:
        motion: A frame for each picture, as the person makes it.
        cameras: One for each picture.
    """

    motion: Motion
    cameras: Cameras

    @staticmethod
    def of(
        avatar: Avatar, motion: Motion, *, camera: CameraName, size: tuple[int, int], rate: float, count: int
    ) -> "Shot":
        """Plans a film of an avatar.

        Args:
            avatar: The avatar.
            motion: As `open_motion` gives it.
            camera: A name of `CAMERAS`. Around a figure the camera turns while it moves on the spot.
            size: Height and width of the pictures.
            rate: Pictures per second.
            count: Of pictures.
        """
        shape = avatar.portrait.pose.shape
        own = grounded(motion, avatar.model, shape)
        own = own.in_place() if camera == "orbit" else own
        frames = own.sampled(torch.arange(count, dtype=torch.float64) / rate)
        pose = BodyPose(on_body(frames.rotations, avatar.model), frames.travel, shape.expand(count, -1))
        return Shot(frames, CAMERAS[camera](avatar.model.joints(pose), size, rate=rate))

    def pictures(self, avatar: Avatar, generator: torch.Generator) -> Iterator[Float[Tensor, "h w 3"]]:
        """Renders the avatar's field in each picture, sRGB over white; each when it is asked for.

        Args:
            avatar: For whom the shot was planned.
            generator: Draws where the field is looked at to find its empty parts.
        """
        shape, rotations = avatar.portrait.pose.shape, on_body(self.motion.rotations, avatar.model)
        for index in range(len(self.motion)):
            posed = avatar.posed(BodyPose(rotations[index], self.motion.travel[index], shape))
            posed.refresh(generator)
            yield posed.image(self.cameras, index).color


def around(joints: Float[Tensor, "n j 3"], size: tuple[int, int], *, rate: float) -> Cameras:
    """Once around the figure."""
    height, width = size
    return orbit_around(_box(joints), height=height, width=width).cameras(len(joints))


def from_the_front(joints: Float[Tensor, "n j 3"], size: tuple[int, int], *, rate: float) -> Cameras:
    """One place before the figure's way, from which all of it is seen."""
    box = _box(joints)
    middle, extent = 0.5 * (box.low + box.high), float(box.size[:2].max())
    target = torch.stack([middle[0], middle[1], box.high[2]])
    origin = target + _away(0.0, extent, size)
    return _cameras(origin.expand(len(joints), 3), target.expand(len(joints), 3), size)


def alongside(joints: Float[Tensor, "n j 3"], size: tuple[int, int], *, rate: float) -> Cameras:
    """Going along with the figure, half from the front."""
    level = smooth_way(joints[:, 0], _STEADY * rate) * joints.new_tensor([1.0, 0.0, 1.0])
    box = _box(joints - level[:, None])
    middle, extent = 0.5 * (box.low + box.high), float(box.size.max())
    target = level + joints.new_tensor([0.0, float(middle[1]), 0.0])
    return _cameras(target + _away(_ASIDE, extent, size), target, size)


CAMERAS: Mapping[CameraName, CameraWork] = {"orbit": around, "front": from_the_front, "follow": alongside}
"""By the name that users give."""


def _box(joints: Float[Tensor, "n j 3"]) -> Box:
    return Box.around(joints.reshape(-1, 3), margin=_AROUND)


def _away(angle: float, extent: float, size: tuple[int, int]) -> Float[Tensor, "3"]:
    """From what is looked at to the camera, metres; farther where pictures are upright."""
    distance = _DISTANCE * extent * max(1.0, size[0] / size[1])
    return torch.tensor([math.sin(angle) * distance, _RAISED * extent, math.cos(angle) * distance])


def _cameras(origins: Float[Tensor, "n 3"], targets: Float[Tensor, "n 3"], size: tuple[int, int]) -> Cameras:
    up = torch.tensor([0.0, 1.0, 0.0])
    poses = torch.cat([look_at(origin[None], target, up) for origin, target in zip(origins, targets, strict=True)])
    return Cameras.pinhole(_FOCAL * size[0], size, world_from_camera=poses)
