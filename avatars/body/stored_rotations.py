"""Rotations of joints as files of body parameters store them, on the joints of a body model."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body.joints import (
    COMMON,
    FACE_JOINT_NAMES,
    JOINT_NAMES,
    JOINTS_BY_COUNT,
    LEFT_FINGERS,
    RIGHT_FINGERS,
)
from avatars.body.model import BodyModel
from avatars.body.named_rotations import expand_rotations
from avatars.body.skinning import axis_angle_from_rotations
from nfield.errors import DataError

Arrays = Mapping[str, np.ndarray]

FORMATS = (
    "expected an .npz with 'pose' (72 numbers; 156 or 165 with fingers), 'shape', 'global_t' and 'focal_l', or SMPL's "
    "'global_orient', 'body_pose', 'betas' and 'transl', with fingers 'left_hand_pose' and 'right_hand_pose', for one "
    "person"
)
_BODY = ("global_orient", "body_pose")
_FACE = dict(zip(("jaw_pose", "leye_pose", "reye_pose"), FACE_JOINT_NAMES, strict=True))
_HANDS = {"left_hand_pose": LEFT_FINGERS, "right_hand_pose": RIGHT_FINGERS}
_SHAPE_SPACES = dict(zip(JOINTS_BY_COUNT, ("smpl", "smplh", "smplx"), strict=True))


def shape_space_of(arrays: Arrays, model: BodyModel) -> str:
    """The shape space of stored coefficients: as the file names it, else that of the skeleton that it has.

    Args:
        arrays: Of the file.
        model: The body that they are for.
    """
    if "shape_space" in arrays:
        return str(arrays["shape_space"])
    if "pose" in arrays:
        return _SHAPE_SPACES.get(len(_axis_angles(arrays["pose"])), "smpl")
    if len(_axis_angles(arrays.get("body_pose", np.zeros(0)))) >= COMMON:
        return "smpl"
    if any(name in arrays for name in (*_FACE, "expression")):
        return "smplx"
    return model.shape_space if model.hand_means is not None else "smplh"  # Both have hands of their own.


def stored_rotations(path: Path, arrays: Arrays, model: BodyModel) -> Float[Tensor, "j 3"]:
    """Axis-angles of a body's joints, radians: those that the file has, and relaxed fingers where it has none.

    Two layouts are known: all joints in `pose`, and a group of joints in each of smplx's arrays, whose hands are
    counted from the mean hands unless `flat_hand_mean` is true. What the body has no joints for is dropped, and so are
    SMPL's hands where they are another body's: estimators leave them undetermined.

    Args:
        path: The file, for messages.
        arrays: What it holds.
        model: The body.

    Raises:
        DataError: The arrays have other sizes.
    """
    given = _whole(path, arrays) if "pose" in arrays else _groups(path, arrays, model)
    if shape_space_of(arrays, model) != model.shape_space:
        given = {name: rotation for name, rotation in given.items() if not name.endswith("_hand")}
    return expand_rotations(torch.stack(list(given.values())), tuple(given), model)


def _whole(path: Path, arrays: Arrays) -> dict[str, Tensor]:
    rotations = _axis_angles(arrays["pose"])
    if len(rotations) not in JOINTS_BY_COUNT:
        raise DataError(f"{path}: pose has shape {arrays['pose'].shape}, which is not 24 rotations; {FORMATS}")
    return dict(zip(JOINTS_BY_COUNT[len(rotations)], rotations, strict=True))


def _groups(path: Path, arrays: Arrays, model: BodyModel) -> dict[str, Tensor]:
    missing = [name for name in _BODY if name not in arrays]
    if missing:
        raise DataError(f"{path}: it lacks {' and '.join(missing)}; {FORMATS}")
    body = torch.cat([_axis_angles(arrays[name]) for name in _BODY])
    if len(body) not in (COMMON, len(JOINT_NAMES)):
        shapes = ", ".join(f"{name} has shape {arrays[name].shape}" for name in _BODY)
        raise DataError(f"{path}: {shapes}, which is not 24 rotations (22 beside hands); {FORMATS}")
    given: dict[str, Tensor] = dict(zip(JOINT_NAMES, body, strict=False))
    for name, joint in _FACE.items():
        if name in arrays and joint in model.joint_names:
            given[joint] = _exactly(path, name, arrays[name], 1)[0]
    for side, (name, fingers) in enumerate(_HANDS.items()):
        if name in arrays and set(fingers) <= set(model.joint_names):
            given |= dict(zip(fingers, _hand(path, arrays, name, side=side, model=model), strict=True))
    return given


def _hand(path: Path, arrays: Arrays, name: str, *, side: int, model: BodyModel) -> Sequence[Tensor]:
    """Axis-angles of a hand's fifteen joints, from matrices, axis-angles or coefficients of the model's components."""
    array, count = arrays[name], len(LEFT_FINGERS)
    if array.shape[-2:] == (3, 3) and array.size == 9 * count:
        return list(_axis_angles(array))
    if array.size == 3 * count:
        bent = torch.from_numpy(array.reshape(count, 3).astype(np.float32))
    else:
        bent = _from_coefficients(path, name, array, side=side, model=model)
    if model.hand_means is None or bool(arrays.get("flat_hand_mean", False)):
        return list(bent)
    return list(bent + model.hand_means[side].reshape(count, 3))


def _from_coefficients(
    path: Path, name: str, array: np.ndarray, *, side: int, model: BodyModel
) -> Float[Tensor, "n 3"]:
    along = model.hand_components
    known = 0 if along is None else along.shape[1]
    if along is None or not 0 < array.size <= known:
        raise DataError(
            f"{path}: {name} has shape {array.shape}, expected 45 numbers (axis-angles of 15 joints), or up to {known} "
            f"coefficients of the hands of the body model {model.provenance!r}; write axis-angles (use_pca=False)"
        )
    numbers = torch.from_numpy(array.reshape(-1).astype(np.float32))
    return (numbers @ along[side, : len(numbers)]).reshape(-1, 3)


def _exactly(path: Path, name: str, array: np.ndarray, count: int) -> Float[Tensor, "n 3"]:
    rotations = _axis_angles(array)
    if len(rotations) != count:
        raise DataError(f"{path}: {name} has shape {array.shape}, expected {3 * count} numbers; {FORMATS}")
    return rotations


def _axis_angles(array: np.ndarray) -> Float[Tensor, "n 3"]:
    """Rotations stored as matrices (..., 3, 3), or as axis-angles in any arrangement of groups of three."""
    values = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    if values.shape[-2:] == (3, 3) and values.ndim > 2:
        return axis_angle_from_rotations(values.reshape(-1, 3, 3))
    return values.reshape(-1, 3) if values.numel() % 3 == 0 else values.new_zeros(0, 3)
