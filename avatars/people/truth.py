"""Exact pictures of a subject, from anywhere and in any pose."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.body import BodyModel, BodyPose
from avatars.people.figure import Figure
from avatars.people.labels import LABELS
from avatars.people.lighting import Light
from avatars.people.picture import Picture, draw, srgb
from avatars.people.stances import STANCES, centered, stance_rotations
from avatars.people.studio import Studio, photograph
from avatars.people.subject import Subject
from nfield.cameras import Cameras

SIZE = 1024
"""Edge of the photo, pixels."""

_SAMPLES = 2
_DISTANCE = 2.95
"""Metres from the camera to a person of `_STATURE`; others stand where they look as large."""

_STATURE = 1.73
_LAMP = (-1.9, -1.99, -2.75)
"""From the middle of a person to the key light, in the camera's axes, metres."""

_WALL = 2.25
"""From the middle of a person to the backdrop, metres."""

_SINK = 0.012
"""How far the lowest point of a sole gives way, metres: no foot stands on a single vertex."""

_SHADOW_EDGE = 700


@dataclass(frozen=True)
class Shot:
    """A picture with everything known.

    Attributes:
        color: sRGB in [0, 1]: in front of the studio's backdrop (photo) or over white (other views).
        alpha: The soft mask: the share of each pixel that the person covers.
        depth: At the pixel's centre, along the optical axis, metres; 0 beside the person.
        labels: At the pixel's centre, an index into `LABELS`; 0 beside the person.
    """

    color: Float[Tensor, "h w 3"]
    alpha: Float[Tensor, "h w"]
    depth: Float[Tensor, "h w"]
    labels: Int[Tensor, "h w"]


@dataclass(frozen=True)
class Truth:
    """All that is known of a subject.

    Attributes:
        subject: Who.
        model: The bare shipped body.
        figure: The dressed body.
        pose: Of the body in the photo, in the OpenCV frame of the photo's camera.
        camera: The photo's camera, at the origin.
    """

    subject: Subject
    model: BodyModel
    figure: Figure
    pose: BodyPose
    camera: Cameras

    @staticmethod
    def of(subject: Subject) -> "Truth":
        """Dress and place a subject."""
        model = BodyModel.load()
        shape = torch.tensor(subject.shape)
        stature = float(model.rest(shape)[0][:, 1].max() - model.rest(shape)[0][:, 1].min())
        target = torch.tensor([0.0, -0.01, _DISTANCE * stature / _STATURE])
        rotations = stance_rotations(STANCES[subject.stance], yaw=subject.yaw)
        pose = centered(model, rotations, shape, target)
        return Truth(
            subject, model, subject.outfit.figure(model), pose, Cameras.pinhole(math.hypot(SIZE, SIZE), (SIZE, SIZE))
        )

    def photo(self) -> Shot:
        """The photo: `SIZE` pixels square, in front of a studio's backdrop, with grain."""
        floor = float(self.figure.model.pose(self.pose).vertices[:, 1].max()) - _SINK
        light = self._light(self.pose, self.camera, 0)
        wall = float(self.model.joints(self.pose)[:, 2].mean()) + _WALL
        studio = Studio(floor, wall, light, float(self.camera.intrinsics[0, 0, 0]), SIZE)
        color, picture = photograph(self.figure, self.pose, studio, seed=self.subject.seed, samples=_SAMPLES)
        return self._shot(color, picture)

    def shot(self, pose: BodyPose, cameras: Cameras, index: int) -> Shot:
        """The person over white in one of `cameras`, whose world is the frame of the body in `pose`.

        The light moves with the camera, as if the person had turned in the studio.
        """
        world = cameras.world_from_camera[index]
        vertices = (self.figure.model.pose(pose).vertices - world[:3, 3]) @ world[:3, :3]
        light = self._light(pose, cameras, index)
        picture = draw(
            self.figure, vertices, cameras.intrinsics[index], cameras.size, light=light, samples=_SAMPLES, stride=2
        )
        alpha = picture.alpha[..., None]
        return self._shot(srgb(picture.color / np.maximum(alpha, 1e-9)) * alpha + (1.0 - alpha), picture)

    def _light(self, pose: BodyPose, cameras: Cameras, index: int) -> Light:
        """The subject's light, in a camera's frame."""
        world = cameras.world_from_camera[index]
        middle = (self.model.joints(pose).mean(0) - world[:3, 3]) @ world[:3, :3]
        x, y, z = (float(m) + lamp for m, lamp in zip(middle, _LAMP, strict=True))
        if self.subject.light == "flat":
            return Light((x, y, z), key=0.0, sky=(1.30, 1.28, 1.24), ground=(1.0, 0.97, 0.93))
        return Light((x, y, z), shadow_edge=_SHADOW_EDGE)

    def _shot(self, color: Float[np.ndarray, "h w 3"], picture: Picture) -> Shot:
        """A picture's colours as a shot."""
        kinds = np.array([*(LABELS.index(surface.label) for surface in self.figure.surfaces), 0])
        return Shot(
            torch.from_numpy(np.clip(color, 0.0, 1.0)).float(),
            torch.from_numpy(picture.alpha).float(),
            torch.from_numpy(picture.depth).float(),
            torch.from_numpy(kinds[picture.material]),
        )
