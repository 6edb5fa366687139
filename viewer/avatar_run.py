"""What a run of kind "avatar" shows: a figure that takes poses, as a mesh at once and as its field soon after."""

import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import torch

from avatars.body import BodyPose
from avatars.body.joints import LEFT_FINGERS, RIGHT_FINGERS
from avatars.body.pose_file import pose_names, read_pose
from avatars.motion import Motion as BodyMotion
from avatars.motion import bank, grounded, open_motion
from avatars.motion.bank import motions_of_run
from avatars.motion.motion import on_body
from avatars.posed.avatar import Avatar, PosedAvatar, orbit_around
from avatars.posed.run import load_avatar
from nfield.cameras import Cameras
from nfield.checkpoint import load_checkpoint
from nfield.devices import CPU
from nfield.errors import DataError
from nfield.rendering.image import Image, ShouldStop
from nfield.training.run_folder import read_json
from nfield.types import Box
from viewer.camera import quaternions
from viewer.interface import Bones, Figure, FigurePose, Motion, Skin, Slider, Subject, View
from viewer.scene_run import home_of, run_facts

_CHUNK = 1 << 12
_ROOM = 0.1
"""Around the body that the first look shows, metres."""
_KEPT = 3
"""Poses that are kept ready: one per reader, for a few of them."""
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


def load_subject(run: Path, *, motion: Path | None = None, device: torch.device = CPU) -> Subject:
    """The subject of a run folder.

    Args:
        run: The folder.
        motion: A further motion for the player.
        device: Where its field answers.

    Raises:
        CheckpointError: The folder holds no avatar that can be used.
        DataError: The motion cannot be used.
    """
    avatar = load_avatar(run, device=device)
    figure = avatar_figure(avatar, {**_given(avatar, motion), **_own(avatar, run)})
    report = read_json(run / "report.json")
    quality = {"PSNR inside the person": ("psnr", "{:.2f} dB"), "overlap with the photo (IoU)": ("iou", "{:.3f}")}
    facts = {
        name: form.format(report[key])
        for name, (key, form) in quality.items()
        if isinstance(report.get(key), int | float)
    }
    facts |= run_facts(run, load_checkpoint(run))
    home = home_of(orbit_around(Box.around(avatar.vertices, margin=_ROOM)))
    rest = figure.posed(FigurePose(avatar.model.rest_rotations))
    return Subject(run.resolve().name, "avatar", {"avatar": rest}, home, facts, figure=figure)


def avatar_figure(avatar: Avatar, motions: Mapping[str, Motion] | None = None) -> Figure:
    """An avatar as the page poses it.

    Args:
        avatar: The avatar.
        motions: Further motions for the player; they come first.
    """
    shipped = {name: _Played(avatar, partial(open_motion, name, avatar.model)) for name in bank()}
    dressed = avatar.dressed
    joints = avatar.model.skeleton(_body_pose(avatar, FigurePose(avatar.model.rest_rotations)))[0]
    skin = Skin(
        dressed.rest.numpy(), dressed.faces.numpy(), dressed.weights(avatar.model).numpy(), joints.detach().numpy()
    )
    poses = {name: FigurePose(read_pose(name, avatar.model)) for name in pose_names()}
    return AvatarFigure(
        avatar, skin, poses, {**(motions or {}), **shipped}, _sliders(avatar.model.joint_names), _Posed(avatar)
    )


class _Played:
    """A motion as this person makes it; opened and grounded when it is first played.

    Args:
        avatar: The person.
        source: Opens it.
    """

    def __init__(self, avatar: Avatar, source: Callable[[], BodyMotion]) -> None:
        self._avatar, self._source = avatar, source

    @property
    def seconds(self) -> float:
        """How long it takes once."""
        return self._motions[0].seconds

    def at(self, seconds: float, *, on_the_spot: bool) -> FigurePose:
        """The pose at a time."""
        motion = self._motions[on_the_spot]
        posture = motion.at(seconds if motion.loops else seconds % max(motion.seconds, 1e-9), accumulates=False)
        return FigurePose(on_body(posture.rotations, self._avatar.model), posture.travel)

    @cached_property
    def _motions(self) -> tuple[BodyMotion, BodyMotion]:
        """With its way over the ground, and without."""
        motion = grounded(self._source(), self._avatar.model, self._avatar.portrait.pose.shape)
        return motion, motion.in_place()


def _given(avatar: Avatar, motion: Path | None) -> dict[str, Motion]:
    """The motion that the user names."""
    if motion is None:
        return {}
    opened = open_motion(str(motion), avatar.model)
    return {opened.name: _Played(avatar, partial(_same, opened))}


def _own(avatar: Avatar, run: Path) -> dict[str, Motion]:
    """Those that lie in the run's folder; what cannot be read is told and left out."""
    found: dict[str, Motion] = {}
    for name, path in motions_of_run(run).items():
        try:
            opened = open_motion(str(path), avatar.model)
        except DataError as error:
            warnings.warn(str(error), UserWarning, stacklevel=2)
            continue
        found[name] = _Played(avatar, partial(_same, opened))
    return found


def _same(motion: BodyMotion) -> BodyMotion:
    return motion


@dataclass(frozen=True)
class AvatarFigure:
    """The avatar as a `viewer.interface.Figure`."""

    avatar: Avatar
    skin: Skin
    poses: Mapping[str, FigurePose]
    motions: Mapping[str, Motion]
    sliders: Mapping[str, tuple[Slider, ...]]
    cache: "_Posed"

    def bones(self, pose: FigurePose) -> Bones:
        """The joints in a pose."""
        joints, from_rest = self.avatar.model.skeleton(_body_pose(self.avatar, pose))
        return Bones(quaternions(from_rest[:, :, :3].numpy()), joints.numpy())

    def posed(self, pose: FigurePose) -> View:
        """The field behind the warp of a pose."""
        kept = FigurePose(pose.rotations.clone(), pose.travel.clone())

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
        self._kept: list[tuple[FigurePose, PosedAvatar]] = []

    def of(self, pose: FigurePose) -> PosedAvatar:
        """The avatar in a pose."""
        with self._lock:
            found = next((posed for kept, posed in self._kept if _equal(kept, pose)), None)
            if found is None:
                found = self._avatar.posed(_body_pose(self._avatar, pose))
                self._kept = [*self._kept, (pose, found)][-_KEPT:]
            return found


def _equal(first: FigurePose, second: FigurePose) -> bool:
    return torch.equal(first.rotations, second.rotations) and torch.equal(first.travel, second.travel)


def _body_pose(avatar: Avatar, pose: FigurePose) -> BodyPose:
    return BodyPose(pose.rotations, pose.travel, avatar.portrait.pose.shape)


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
