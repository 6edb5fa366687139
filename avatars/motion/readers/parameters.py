"""A folder of body parameters, one .npz a frame, as estimators of people in videos write them."""

import re
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body.model import BodyModel
from avatars.body.pose_file import load_parameters
from avatars.body.skinning import rotations_from_axis_angle
from avatars.motion.motion import Motion
from avatars.motion.readers.base import remark, require_motion
from avatars.motion.recorded import from_world, settled
from nfield.errors import DataError

_RATE = 30.0
_ADVICE = "expected one .npz of body parameters a frame, named by number (pose, global_t, or SMPL's names)"
_UPRIGHT = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
"""From a camera's frame (y down, z away) to an upright one, in which who looks at the camera looks along z."""


def read_parameters(path: Path, model: BodyModel) -> Motion:
    """Reads frames in the order of the numbers in their names; the camera is taken to stand upright."""
    files = sorted((file for file in path.iterdir() if file.suffix == ".npz"), key=_natural)
    if not files:
        raise DataError(f"{path}: this folder holds no .npz files; {_ADVICE}")
    poses = [load_parameters(file, model).pose for file in files]
    rotations = torch.stack([pose.rotations for pose in poses])
    require_motion(path, rotations, _RATE, advice=_ADVICE)
    remark(path, f"{len(files)} frames, at {_RATE:g} a second")
    turns = rotations_from_axis_angle(rotations)
    turns = torch.cat([(_UPRIGHT @ turns[:, 0])[:, None], turns[:, 1:]], 1)
    places = torch.stack([pose.translation for pose in poses])
    return settled(from_world(turns, _upright(places), rate=_RATE, name=path.name), model, placed=True)


def _upright(places: Float[Tensor, "t 3"]) -> Float[Tensor, "t 3"]:
    return places @ _UPRIGHT.T


def _natural(file: Path) -> list[tuple[int, str]]:
    """A key that sorts frame 10 after frame 9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", file.name)]
