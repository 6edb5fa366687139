"""Motions: poses over time, from files or between named poses."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body.joints import JOINT_NAMES
from avatars.body.model import JOINTS
from avatars.body.pose_file import named_pose
from nfield.errors import DataError

_RATE = 30.0
_RATE_NAMES = ("fps", "mocap_framerate", "mocap_frame_rate")
_LAYOUTS = (
    "expected an .npz with 'poses' (frames x 72 or more numbers) and 'fps', or a .json with \"poses\": a list of names "
    'of poses or of 72 numbers each, and "fps" or "seconds" from one named pose to the next'
)
_BODY_JOINTS = JOINTS - 2  # the first of SMPL's joints; in files of other hands the two last are not hands

Frames = Float[Tensor, "t 24 3"]

SHIPPED: Mapping[str, tuple[Sequence[str], float]] = {
    "walk": (("walk", "stand", "mirrored walk", "stand"), 0.45),
    "run": (("run", "mirrored run"), 0.35),
    "wave": (("stand", "wave", "arms-up", "wave"), 0.7),
    "all poses": (("t-pose", "arms-up", "arms-forward", "twist", "kick", "sit", "run", "stand"), 1.0),
}
"""Named poses that follow each other, and the seconds from one to the next."""


def mirrored(rotations: Float[Tensor, "24 3"]) -> Float[Tensor, "24 3"]:
    """The pose with left and right exchanged."""
    return rotations[_MIRROR] * rotations.new_tensor([1.0, -1.0, -1.0])


def shipped_motion(name: str) -> Frames:
    """One of `SHIPPED`, 30 frames a second."""
    names, seconds = SHIPPED[name]
    return between([_pose(pose) for pose in names], seconds)


def between(poses: Sequence[Float[Tensor, "24 3"]], seconds: float) -> Frames:
    """Frames from each pose to the next and from the last to the first, 30 a second; slow at the poses.

    Axis-angles are interpolated, not rotations: for the turns of a body, of less than half a circle, both look alike.

    Args:
        poses: At least one.
        seconds: From one to the next.
    """
    count = max(1, round(seconds * _RATE))
    share = torch.arange(count) / count
    eased = (share * share * (3.0 - 2.0 * share))[:, None, None]
    following = [*poses[1:], poses[0]]
    return torch.cat([torch.lerp(a, b, eased) for a, b in zip(poses, following, strict=True)])


def load_motion(path: Path) -> tuple[Frames, float]:
    """The poses of a file, and how many frames a second it has.

    AMASS files fit: of their joints those of the body are taken. Global turns are left out, so that the figure stays
    where it is and upright.

    Raises:
        DataError: The file is missing, damaged or of another layout.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file of a motion; {_LAYOUTS}")
    frames, rate = _read_json(path) if path.suffix == ".json" else _read_arrays(path)
    if not bool(frames.isfinite().all()) or not 0.0 < rate < 1e4:
        raise DataError(f"{path}: holds angles that are not finite, or a frame rate of {rate:g}; {_LAYOUTS}")
    frames[:, 0] = 0.0
    return frames, rate


def _read_arrays(path: Path) -> tuple[Frames, float]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files if archive[name].dtype.kind in "fiu"}
    except Exception as error:  # A damaged archive can raise anything; every cause is the same to the user.
        raise DataError(f"{path}: not readable as a motion ({error}); {_LAYOUTS}") from error
    poses = arrays.get("poses", arrays.get("pose"))
    rate = next((float(arrays[name].reshape(-1)[0]) for name in _RATE_NAMES if arrays.get(name) is not None), _RATE)
    if poses is None:
        raise DataError(f"{path}: has no 'poses'; {_LAYOUTS}")
    return _frames(path, poses), rate


def _read_json(path: Path) -> tuple[Frames, float]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        poses = content["poses"]
        if poses and all(isinstance(pose, str) for pose in poses):
            return between([_pose(pose) for pose in poses], float(content.get("seconds", 1.0))), _RATE
        return _frames(path, np.asarray(poses, np.float64)), float(content.get("fps", _RATE))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path}: not readable as a motion ({error!r}); {_LAYOUTS}") from error


def _frames(path: Path, poses: np.ndarray) -> Frames:
    """Axis-angles in rows of 72 numbers, or of more where there are fingers."""
    if poses.ndim < 2 or poses.size == 0 or poses[0].size < 3 * JOINTS:
        raise DataError(f"{path}: its poses have shape {poses.shape}, which is not frames x 72 numbers; {_LAYOUTS}")
    rows = poses.reshape(len(poses), -1)
    frames = torch.zeros(len(rows), JOINTS, 3)
    count = JOINTS if rows.shape[1] == 3 * JOINTS else _BODY_JOINTS
    frames[:, :count] = torch.from_numpy(rows[:, : 3 * count].astype(np.float32)).reshape(len(rows), count, 3)
    return frames


def _pose(name: str) -> Float[Tensor, "24 3"]:
    """A named pose, or its mirror image."""
    start = "mirrored "
    return mirrored(named_pose(name.removeprefix(start))) if name.startswith(start) else named_pose(name)


def _other_side(name: str) -> str:
    if name.startswith("left_"):
        return name.replace("left_", "right_", 1)
    return name.replace("right_", "left_", 1) if name.startswith("right_") else name


_MIRROR = [JOINT_NAMES.index(_other_side(name)) for name in JOINT_NAMES]
