"""What a run of kind "avatar" shows: a figure that takes poses, as a mesh at once and as its field soon after."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body import BodyPose
from avatars.body.pose_file import named_pose, pose_names
from avatars.body.smpl_file import JOINT_NAMES
from avatars.motion import SHIPPED, load_motion, shipped_motion
from avatars.posed.avatar import Avatar, PosedAvatar, orbit_around
from avatars.posed.run import load_avatar
from nfield.cameras import Cameras
from nfield.checkpoint import load_checkpoint
from nfield.rendering.image import Image, ShouldStop
from nfield.training.run_folder import read_json
from nfield.types import Box
from viewer.camera import quaternions
from viewer.scene_run import home_of, run_facts
from viewer.seam import Bones, Figure, Motion, Skin, Slider, Subject, View

_CHUNK = 1 << 12
_ROOM = 0.1
"""Around the body that the first look shows, metres."""
_KEPT = 3
"""Poses that are kept ready: one per reader, for a few of them."""
_MOTION_RATE = 30.0
_AXES = ("x", "y", "z")
_PARTS: Mapping[str, tuple[str, ...]] = {
    "trunk and head": ("pelvis", "spine1", "spine2", "spine3", "neck", "head"),
    "left arm": ("left_collar", "left_shoulder", "left_elbow", "left_wrist"),
    "right arm": ("right_collar", "right_shoulder", "right_elbow", "right_wrist"),
    "left leg": ("left_hip", "left_knee", "left_ankle"),
    "right leg": ("right_hip", "right_knee", "right_ankle"),
}
_HINGES: Mapping[str, tuple[int, ...]] = {"elbow": (0, 1), "knee": (0,), "ankle": (0, 2), "collar": (1, 2)}
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
    rest = figure.posed(torch.zeros(len(JOINT_NAMES), 3))
    return Subject(run.resolve().name, "avatar", {"avatar": rest}, home, facts, figure=figure)


def avatar_figure(avatar: Avatar, motion: Path | None = None) -> Figure:
    """An avatar as the page poses it.

    Args:
        avatar: The avatar.
        motion: A further motion for the player; it comes first.
    """
    own: dict[str, Motion] = {}
    if motion is not None:
        own[motion.stem] = Motion(*load_motion(motion))
    shipped = {name: Motion(shipped_motion(name), _MOTION_RATE) for name in SHIPPED}
    dressed = avatar.dressed
    joints = avatar.model.skeleton(_body_pose(avatar, torch.zeros(len(JOINT_NAMES), 3)))[0]
    skin = Skin(
        dressed.rest.numpy(), dressed.faces.numpy(), dressed.weights(avatar.model).numpy(), joints.detach().numpy()
    )
    poses = {name: named_pose(name) for name in pose_names()}
    return AvatarFigure(avatar, skin, poses, {**own, **shipped}, _sliders(), _Posed(avatar))


@dataclass(frozen=True)
class AvatarFigure:
    """The avatar as a `viewer.seam.Figure`."""

    avatar: Avatar
    skin: Skin
    poses: Mapping[str, Float[Tensor, "24 3"]]
    motions: Mapping[str, Motion]
    sliders: Mapping[str, tuple[Slider, ...]]
    cache: "_Posed"

    def bones(self, rotations: Float[Tensor, "24 3"]) -> Bones:
        """The joints in a pose."""
        joints, from_rest = self.avatar.model.skeleton(_body_pose(self.avatar, rotations))
        return Bones(quaternions(from_rest[:, :, :3].numpy()), joints.numpy())

    def posed(self, rotations: Float[Tensor, "24 3"]) -> View:
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
        self._kept: list[tuple[Float[Tensor, "24 3"], PosedAvatar]] = []

    def of(self, rotations: Float[Tensor, "24 3"]) -> PosedAvatar:
        """The avatar in a pose."""
        with self._lock:
            found = next((posed for pose, posed in self._kept if torch.equal(pose, rotations)), None)
            if found is None:
                found = self._avatar.posed(_body_pose(self._avatar, rotations))
                self._kept = [*self._kept, (rotations, found)][-_KEPT:]
            return found


def _body_pose(avatar: Avatar, rotations: Float[Tensor, "24 3"]) -> BodyPose:
    return BodyPose(rotations, torch.zeros(3), avatar.portrait.pose.shape)


def _sliders() -> dict[str, tuple[Slider, ...]]:
    return {
        part: tuple(
            Slider(f"{_short(name)} {_AXES[axis]}", JOINT_NAMES.index(name), axis)
            for name in names
            for axis in _HINGES.get(_short(name), (0, 1, 2))
        )
        for part, names in _PARTS.items()
    }


def _short(name: str) -> str:
    return name.removeprefix("left_").removeprefix("right_")
