"""What a run of kind "avatar" shows: a figure that takes poses, as a mesh at once and as its field soon after."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body import BodyPose
from avatars.body.joints import JOINT_NAMES, LEFT_FINGERS, RIGHT_FINGERS
from avatars.body.named_rotations import expand_rotations
from avatars.body.pose_file import pose_names, read_pose
from avatars.motion import SHIPPED, load_motion, shipped_motion
from avatars.posed.avatar import Avatar, PosedAvatar, orbit_around
from avatars.posed.run import load_avatar
from nfield.cameras import Cameras
from nfield.checkpoint import load_checkpoint
from nfield.rendering.image import Image, ShouldStop
from nfield.types import Box
from viewer.camera import quaternions
from viewer.scene_run import home_of, read_json, run_facts
from viewer.seam import Bones, Figure, Motion, Skin, Slider, Subject, View

_CHUNK = 1 << 12
_ROOM = 0.1
"""Around the body that the first look shows, metres."""
_KEPT = 3
"""Poses that are kept ready: one per reader, for a few of them."""
_MOTION_RATE = 30.0
_AXES = ("x", "y", "z")
_PARTS: Mapping[str, tuple[str, ...]] = {
    "trunk and head": ("pelvis", "spine1", "spine2", "spine3", "neck", "head", "jaw"),
    "left arm": ("left_collar", "left_shoulder", "left_elbow", "left_wrist"),
    "right arm": ("right_collar", "right_shoulder", "right_elbow", "right_wrist"),
    "left leg": ("left_hip", "left_knee", "left_ankle"),
    "right leg": ("right_hip", "right_knee", "right_ankle"),
    "left fingers": LEFT_FINGERS,
    "right fingers": RIGHT_FINGERS,
}
"""Sliders by the part of the body that they move; bodies without fingers and jaw have fewer."""
_FINGERS = ("index", "middle", "ring", "pinky")
_HINGES: Mapping[str, tuple[int, ...]] = {"elbow": (0, 1), "knee": (0,), "ankle": (0, 2), "collar": (1, 2), "jaw": (0,)}
"""Axes about which these joints turn; all others turn about three."""


def load_subject(run: Path, *, motion: Path | None = None) -> Subject:
    """The subject of a run folder.

    Args:
        run: The folder.
        motion: A further motion for the player.

    Raises:
        CheckpointError: The folder holds no avatar that can be used.
        DataError: The motion cannot be used.
    """
    avatar = load_avatar(run)
    figure = avatar_figure(avatar, motion)
    report = read_json(run / "report.json")
    quality = {"PSNR inside the person": ("psnr", "{:.2f} dB"), "overlap with the photo (IoU)": ("iou", "{:.3f}")}
    facts = {
        name: form.format(report[key])
        for name, (key, form) in quality.items()
        if isinstance(report.get(key), int | float)
    }
    facts |= run_facts(run, load_checkpoint(run))
    home = home_of(orbit_around(Box.around(avatar.vertices, margin=_ROOM)))
    rest = figure.posed(avatar.model.rest_rotations)
    return Subject(run.resolve().name, "avatar", {"avatar": rest}, home, facts, figure=figure)


def avatar_figure(avatar: Avatar, motion: Path | None = None) -> Figure:
    """An avatar as the page poses it.

    Args:
        avatar: The avatar.
        motion: A further motion for the player; it comes first.
    """
    own: dict[str, Motion] = {}
    if motion is not None:
        own[motion.stem] = _motion(*load_motion(motion), avatar)
    shipped = {name: _motion(shipped_motion(name), _MOTION_RATE, avatar) for name in SHIPPED}
    dressed = avatar.dressed
    joints = avatar.model.skeleton(_body_pose(avatar, avatar.model.rest_rotations))[0]
    skin = Skin(
        dressed.rest.numpy(), dressed.faces.numpy(), dressed.weights(avatar.model).numpy(), joints.detach().numpy()
    )
    poses = {name: read_pose(name, avatar.model) for name in pose_names()}
    return AvatarFigure(avatar, skin, poses, {**own, **shipped}, _sliders(avatar.model.joint_names), _Posed(avatar))


@dataclass(frozen=True)
class AvatarFigure:
    """The avatar as a `viewer.seam.Figure`."""

    avatar: Avatar
    skin: Skin
    poses: Mapping[str, Float[Tensor, "j 3"]]
    motions: Mapping[str, Motion]
    sliders: Mapping[str, tuple[Slider, ...]]
    cache: "_Posed"

    def bones(self, rotations: Float[Tensor, "j 3"]) -> Bones:
        """The joints in a pose."""
        joints, from_rest = self.avatar.model.skeleton(_body_pose(self.avatar, rotations))
        return Bones(quaternions(from_rest[:, :, :3].numpy()), joints.numpy())

    def posed(self, rotations: Float[Tensor, "j 3"]) -> View:
        """The field behind the warp of a pose."""
        kept = rotations.clone()

        def view(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
            posed = self.cache.of(kept)
            return posed.image_unless(should_stop, camera.resized(size), 0, chunk=_CHUNK)

        return view


class _Posed:
    """The avatar in the poses that were asked for last, because their pictures are asked for again and again.

    Its sampler is not refreshed: it marches through the whole shell around the body, which costs less than learning
    where the shell is empty, and shows the same.
    """

    def __init__(self, avatar: Avatar) -> None:
        self._avatar = avatar
        self._lock = threading.Lock()
        self._kept: list[tuple[Float[Tensor, "j 3"], PosedAvatar]] = []

    def of(self, rotations: Float[Tensor, "j 3"]) -> PosedAvatar:
        """The avatar in a pose."""
        with self._lock:
            found = next((posed for pose, posed in self._kept if torch.equal(pose, rotations)), None)
            if found is None:
                found = self._avatar.posed(_body_pose(self._avatar, rotations))
                self._kept = [*self._kept, (rotations, found)][-_KEPT:]
            return found


def _motion(rotations: Float[Tensor, "t 24 3"], rate: float, avatar: Avatar) -> Motion:
    return Motion(expand_rotations(rotations, JOINT_NAMES, avatar.model), rate)


def _body_pose(avatar: Avatar, rotations: Float[Tensor, "j 3"]) -> BodyPose:
    return BodyPose(rotations, torch.zeros(3), avatar.portrait.pose.shape)


def _sliders(joint_names: Sequence[str]) -> dict[str, tuple[Slider, ...]]:
    sliders = {
        part: tuple(
            Slider(f"{_short(name)} {_AXES[axis]}", joint_names.index(name), axis)
            for name in names
            if name in joint_names
            for axis in _axes(_short(name))
        )
        for part, names in _PARTS.items()
    }
    return {part: found for part, found in sliders.items() if found}


def _axes(joint: str) -> tuple[int, ...]:
    """Axes about which a joint turns; fingers, which lie along x in the T-pose, curl about z."""
    return (2,) if joint.startswith(_FINGERS) else _HINGES.get(joint, (0, 1, 2))


def _short(name: str) -> str:
    return name.removeprefix("left_").removeprefix("right_")
