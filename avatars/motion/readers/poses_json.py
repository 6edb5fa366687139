"""Motions as JSON: the format of the shipped ones, and lists of poses by name.

`poses` holds frames of 72 numbers (axis-angles of SMPL's 24 joints, radians) and `fps` their rate; optional are
`travel` (frames of 3 numbers, metres, of a body whose legs are `leg_length` metres long), `contacts` (frames of two:
whether the left and the right foot stand) and `loops`, after which the last frame is the first again. Or `poses` holds
names of the shipped poses, `mirrored` before a name exchanging left and right, and `seconds` from one to the next.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from avatars.body.joints import JOINT_NAMES
from avatars.body.model import BodyModel
from avatars.body.pose_file import mirrored, named_pose
from avatars.motion.legs import leg_length
from avatars.motion.motion import Motion
from avatars.motion.readers.base import require_motion
from avatars.motion.recorded import settled
from nfield.errors import DataError

_RATE = 30.0
_UNREADABLE = (OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError, ArithmeticError)
_LAYOUT = (
    'expected {"poses": ...} with a list of names of poses, and "seconds" from one to the next, or of frames of 72 '
    'numbers, and "fps"; optional "travel" (frames of 3 numbers), "contacts" (frames of 2) and "loops"'
)


def read_json(path: Path, model: BodyModel) -> Motion:
    """Reads frames, or goes from named pose to named pose."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        named = bool(content["poses"]) and all(isinstance(pose, str) for pose in content["poses"])
        motion = _between_names(path, content) if named else _frames(path, content, model)
    except _UNREADABLE as error:
        raise DataError(f"{path}: not readable as a motion ({error!r}); {_LAYOUT}") from error
    require_motion(path, motion.rotations, motion.rate, advice=_LAYOUT)
    return motion if "travel" in content else settled(motion, model, placed=False)


def between(poses: Sequence[Float[Tensor, "24 3"]], seconds: float) -> Float[Tensor, "t 24 3"]:
    """Frames from each pose to the next, and from the last to the first, 30 a second; slow at the poses.

    Axis-angles are interpolated, not rotations: for the turns of a body, of less than half a circle, both look alike.

    Args:
        poses: At least one.
        seconds: From one to the next.
    """
    count = max(1, round(seconds * _RATE))
    share = torch.arange(count) / count
    eased = (share * share * (3.0 - 2.0 * share))[:, None, None]
    following = [*poses[1:], poses[0]]
    parts = [torch.lerp(a, b, eased) for a, b in zip(poses, following, strict=True)]
    return torch.cat([*parts, poses[0][None]])


def _between_names(path: Path, content: Mapping[str, Any]) -> Motion:
    seconds = float(content.get("seconds", 1.0))
    if not 0.0 < seconds < _RATE * 100.0:
        raise DataError(f"{path}: its poses follow each other after {seconds:g} seconds; {_LAYOUT}")
    frames = between([_pose(path, name) for name in content["poses"]], seconds)
    return Motion(frames, torch.zeros(len(frames), 3), _RATE, path.stem, loops=True)


def _frames(path: Path, content: Mapping[str, Any], model: BodyModel) -> Motion:
    rows = np.asarray(content["poses"], np.float32)
    rotations = torch.from_numpy(rows.reshape(len(rows), len(JOINT_NAMES), 3))
    travel = torch.zeros(len(rows), 3)
    if "travel" in content:
        scale = leg_length(model.joint_template) / float(content.get("leg_length", leg_length(model.joint_template)))
        travel = torch.tensor(content["travel"], dtype=torch.float32).reshape(len(rows), 3) * scale
        if not bool(travel.isfinite().all()):
            raise DataError(f"{path}: its travel holds numbers that are not finite; {_LAYOUT}")
    contacts = _contacts(content, len(rows))
    name, rate = str(content.get("name", path.stem)), float(content.get("fps", _RATE))
    return Motion(rotations, travel, rate, name, bool(content.get("loops", False)), contacts)


def _contacts(content: Mapping[str, Any], count: int) -> Bool[Tensor, "t 2"] | None:
    found = content.get("contacts")
    return None if found is None else torch.tensor(found).bool().reshape(count, 2)


def _pose(path: Path, name: str) -> Float[Tensor, "24 3"]:
    """A named pose, or its mirror image."""
    start = "mirrored "
    try:
        pose = named_pose(name.removeprefix(start))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return mirrored(pose) if name.startswith(start) else pose
