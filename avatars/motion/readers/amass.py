"""Motions as AMASS stores them (.npz): axis-angles of SMPL, SMPL-H or SMPL-X, and where the body was."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body.joints import COMMON
from avatars.body.model import BodyModel
from avatars.body.skinning import rotations_from_axis_angle
from avatars.motion.legs import leg_length
from avatars.motion.motion import Motion
from avatars.motion.readers.base import remark, require_motion, tensor
from avatars.motion.recorded import from_world, settled, upright_from_world, upward_axis
from nfield.errors import DataError

_RATES = ("mocap_framerate", "mocap_frame_rate", "fps", "frame_rate")
_RATE = 30.0
_Z = 2  # up in AMASS
_SMPL_LEG = 0.78  # metres from hip to ankle of SMPL's mean body: files do not say how tall the person was
_LAYOUT = (
    "expected an .npz with 'poses' (frames x 72, 156 or 165 axis-angles, the first three the global orientation), "
    "'trans' (frames x 3, metres) and 'mocap_framerate', as in AMASS"
)


def read_amass(path: Path, model: BodyModel) -> Motion:
    """Reads poses, travel and turning; up is the axis along which the body stands, or AMASS's z."""
    arrays = _arrays(path)
    poses, trans = _poses(path, arrays), arrays.get("trans", arrays.get("transl"))
    rate = _rate(arrays)
    require_motion(path, poses, rate, advice=_LAYOUT)
    if not any(name in arrays for name in _RATES):
        remark(path, f"says no frame rate, {_RATE:g} frames a second are assumed")
    turns = rotations_from_axis_angle(poses)
    upright = upright_from_world(*upward_axis(turns[:, 0, :, 1], otherwise=_Z)).double()
    pelvis = None if trans is None else _pelvis(path, trans, len(poses), model) @ upright.T
    turns = torch.cat([(upright @ turns[:, 0])[:, None], turns[:, 1:]], 1)
    return settled(from_world(turns, pelvis, rate=rate, name=path.stem), model, placed=pelvis is not None)


def _pelvis(path: Path, trans: np.ndarray, count: int, model: BodyModel) -> Float[Tensor, "t 3"]:
    """Where the pelvis was in the recorded world, in metres of the body that shall move."""
    if trans.shape != (count, 3) or not np.isfinite(trans).all():
        raise DataError(f"{path}: its 'trans' has shape {trans.shape}, not {count} x 3 finite numbers; {_LAYOUT}")
    return tensor(trans) * (leg_length(model.joint_template) / _SMPL_LEG)


def _poses(path: Path, arrays: Mapping[str, np.ndarray]) -> Float[Tensor, "t j 3"]:
    """Rotations of the joints of SMPL, SMPL-H or SMPL-X."""
    poses = arrays.get("poses", arrays.get("pose"))
    if poses is None and {"root_orient", "pose_body"} <= set(arrays):
        poses = np.concatenate(
            [arrays[name].reshape(len(arrays[name]), -1) for name in ("root_orient", "pose_body")], 1
        )
    if poses is None:
        raise DataError(f"{path}: has no 'poses', it holds {', '.join(sorted(arrays)) or 'nothing'}; {_LAYOUT}")
    rows = poses.reshape(len(poses), math.prod(poses.shape[1:])) if poses.ndim > 1 else np.zeros((1, 0))
    if rows.shape[1] % 3 or rows.shape[1] < 3 * COMMON:
        raise DataError(f"{path}: its poses have shape {poses.shape}, which is no body's; {_LAYOUT}")
    return tensor(rows).reshape(len(rows), rows.shape[1] // 3, 3)


def _rate(arrays: Mapping[str, np.ndarray]) -> float:
    found = next((arrays[name] for name in _RATES if name in arrays), None)
    return _RATE if found is None or not found.size else float(found.reshape(-1)[0])


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            found = {name: _numbers(archive, name) for name in archive.files}
    except Exception as error:  # A damaged archive can raise anything; every cause is the same to the user.
        raise DataError(f"{path}: not readable as a motion ({error}); {_LAYOUT}") from error
    return {name: array for name, array in found.items() if array is not None}


def _numbers(archive: "np.lib.npyio.NpzFile", name: str) -> np.ndarray | None:
    """An array of numbers; None for what else files carry, such as names and pickled objects."""
    try:
        array = archive[name]
    except ValueError:
        return None
    return array if array.dtype.kind in "fiu" else None
