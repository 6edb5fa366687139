"""From where the benchmark looks: cameras around the photo's pose, and around poses that the photo does not show.

Everything lies in the frame of the photo's camera (OpenCV), in which the person stands; up is -y. Azimuths are relative
to the person's own facing: 0 looks at the face, 90 at the left side, 180 at the back.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import mirrored, named_pose
from avatars.body.skinning import axis_angle_from_rotations, rotations_from_axis_angle
from nfield.cameras import Cameras, look_at

BINS = ("front", "side", "back", "unseen pose")
"""What views are put together as: the photo's pose by azimuth, and all views of other poses."""
PHOTO_POSE = "photo pose"
_UP = (0.0, -1.0, 0.0)
_MARGIN = 0.12  # metres around the bare body, for clothes and hair
_DISTANCE, _FOCAL = 2.2, 2.1  # in extents of the body, and in edges of the picture
_MIRRORED = "mirrored "
_FRONT, _BACK = 45.0, 135.0


@dataclass(frozen=True)
class ViewPlan:
    """Which views are held out."""

    azimuths: int = 24
    """Directions around the photo's pose, at each elevation."""
    elevations: tuple[float, ...] = (0.0, 20.0)
    """Degrees above the horizon."""
    poses: tuple[str, ...] = (
        *("t-pose", "a-pose", "stand", "walk", "mirrored walk", "run"),
        *("arms-up", "arms-forward", "sit", "twist", "wave", "kick"),
    )
    """Poses that the photo does not show, by name."""
    pose_azimuths: int = 8
    """Directions around each of them, at elevation 0."""
    size: int = 512
    """Edge of each picture, pixels."""


PLANS = {
    "full": ViewPlan(),
    "third": ViewPlan(azimuths=12, pose_azimuths=2),
    "few": ViewPlan(azimuths=12, elevations=(0.0,), poses=("walk", "sit", "arms-up"), pose_azimuths=2),
}
"""144, 48 and 18 views, by name."""


@dataclass(frozen=True)
class View:
    """One held-out picture.

    Attributes:
        pose: Name of the pose.
        azimuth: Degrees from the person's facing towards its left, in [0, 360).
        elevation: Degrees above the horizon.
    """

    pose: str
    azimuth: float
    elevation: float

    @property
    def name(self) -> str:
        """Also the name of its files.

        >>> View("mirrored walk", 45.0, 20.0).name
        'mirrored-walk-e20-a045'
        """
        return f"{self.pose.replace(' ', '-')}-e{round(self.elevation):02d}-a{round(self.azimuth):03d}"

    @property
    def bin(self) -> str:
        """One of `BINS`."""
        return bin_of(self.azimuth) if self.pose == PHOTO_POSE else "unseen pose"


@dataclass(frozen=True)
class PoseViews:
    """A pose and the views of it.

    Attributes:
        pose: The body in the frame of the photo's camera.
        cameras: One for each view.
        views: Their names and angles.
    """

    pose: BodyPose
    cameras: Cameras
    views: tuple[View, ...]


def planned_views(plan: ViewPlan) -> list[View]:
    """All views of a plan, in the order of `held_out`."""
    around = [View(PHOTO_POSE, *angles) for angles in _around(plan)]
    return around + [View(pose, turn, 0.0) for pose in plan.poses for turn in _turns(plan.pose_azimuths)]


def bin_of(azimuth: float) -> str:
    """The bin of a view of the photo's pose.

    >>> [bin_of(angle) for angle in (0.0, 44.0, 45.0, 135.0, 136.0, 225.0, 316.0)]
    ['front', 'front', 'side', 'side', 'back', 'side', 'front']
    """
    turn = abs((azimuth + 180.0) % 360.0 - 180.0)
    return "front" if turn < _FRONT else "back" if turn > _BACK else "side"


def held_out(model: BodyModel, pose: BodyPose, plan: ViewPlan) -> tuple[PoseViews, ...]:
    """All held-out views, pose by pose, that of the photo first.

    Args:
        model: The bare body.
        pose: As the photo's camera sees it.
        plan: Which views.
    """
    facing = facing_of(pose)
    middle = _middle(model, pose)
    around = [_looked_at(model, pose, facing, PHOTO_POSE, _around(plan), plan.size)]
    for name in plan.poses:
        unseen = upright(pose_called(name), facing, pose)
        unseen = replace(unseen, translation=unseen.translation + middle - _middle(model, unseen))
        angles = [(a, 0.0) for a in _turns(plan.pose_azimuths)]
        around.append(_looked_at(model, unseen, facing, name, angles, plan.size))
    return tuple(around)


def facing_of(pose: BodyPose) -> Float[Tensor, "3"]:
    """The level unit direction that a body's pelvis faces; towards the camera where it faces up or down."""
    forward = rotations_from_axis_angle(pose.rotations[0])[:, 2] * torch.tensor([1.0, 0.0, 1.0])
    level = float(forward.norm()) > 1e-3
    return torch.nn.functional.normalize(forward, dim=0) if level else torch.tensor([0.0, 0.0, -1.0])


def upright(rotations: Float[Tensor, "j 3"], facing: Float[Tensor, "3"], like: BodyPose) -> BodyPose:
    """A pose of the canonical frame (y up, looking along z) turned so that it stands and faces a direction.

    Args:
        rotations: Axis-angles, radians.
        facing: Where it looks in the frame of the photo's camera, level.
        like: Gives the shape.
    """
    up = torch.tensor(_UP)
    turn = torch.stack([torch.linalg.cross(up, facing), up, facing], -1)
    root = axis_angle_from_rotations(turn @ rotations_from_axis_angle(rotations[0]))
    return BodyPose(torch.cat([root[None], rotations[1:]]), torch.zeros(3), like.shape)


def pose_called(name: str) -> Float[Tensor, "24 3"]:
    """A shipped pose, or its mirror image where the name begins so."""
    rotations = named_pose(name.removeprefix(_MIRRORED))
    return mirrored(rotations) if name.startswith(_MIRRORED) else rotations


def _around(plan: ViewPlan) -> list[tuple[float, float]]:
    """Azimuth and elevation of the views of the photo's pose."""
    return [(turn, elevation) for elevation in plan.elevations for turn in _turns(plan.azimuths)]


def _turns(count: int) -> list[float]:
    return [360.0 * index / count for index in range(count)]


def _middle(model: BodyModel, pose: BodyPose) -> Float[Tensor, "3"]:
    vertices = model.pose(pose).vertices
    return 0.5 * (vertices.amin(0) + vertices.amax(0))


def _looked_at(
    model: BodyModel,
    pose: BodyPose,
    facing: Float[Tensor, "3"],
    name: str,
    angles: list[tuple[float, float]],
    size: int,
) -> PoseViews:
    """Cameras at azimuths and elevations, degrees, that see the whole of a body."""
    vertices = model.pose(pose).vertices
    low, high = vertices.amin(0), vertices.amax(0)
    extent = float((high - low).max()) + 2.0 * _MARGIN
    up = torch.tensor(_UP)
    left = torch.linalg.cross(up, facing)
    azimuth, elevation = (torch.tensor(column) * (math.pi / 180.0) for column in zip(*angles, strict=True))
    level = azimuth.cos()[:, None] * facing + azimuth.sin()[:, None] * left
    offset = elevation.cos()[:, None] * level + elevation.sin()[:, None] * up
    target = 0.5 * (low + high)
    matrix = torch.tensor([[_FOCAL * size, 0.0, size / 2], [0.0, _FOCAL * size, size / 2], [0.0, 0.0, 1.0]])
    poses = look_at(target + _DISTANCE * extent * offset, target, up)
    cameras = Cameras(matrix.repeat(len(angles), 1, 1), poses, (size, size))
    return PoseViews(pose, cameras, tuple(View(name, *angle) for angle in angles))
