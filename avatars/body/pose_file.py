"""Poses by name, and the pose, shape and camera of a person as files store them."""

import json
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

import assets
from avatars.body.joints import JOINT_NAMES
from avatars.body.model import BodyModel, BodyPose
from avatars.body.named_rotations import expand_rotations
from avatars.body.stored_rotations import FORMATS, shape_space_of, stored_rotations
from nfield.cameras import Cameras
from nfield.errors import DataError


@dataclass(frozen=True)
class BodyParameters:
    """A person as seen by a photo's camera.

    Attributes:
        pose: The body in that camera's OpenCV frame.
        focal: Focal length in pixels of the photo, the principal point at its centre; None where the file has none.
    """

    pose: BodyPose
    focal: float | None

    def camera(self, size: tuple[int, int]) -> Cameras | None:
        """The camera of a photo of (height, width) pixels; None where the file does not say its focal length."""
        return None if self.focal is None else Cameras.pinhole(self.focal, size)


def pose_names() -> tuple[str, ...]:
    """The names of the shipped poses.

    >>> pose_names()[:3]
    ('t-pose', 'a-pose', 'stand')
    """
    return tuple(_named_poses())


def named_pose(name: str) -> Float[Tensor, "24 3"]:
    """The axis-angles, radians, of SMPL's joints in a shipped pose; the body stands upright in the canonical frame.

    Raises:
        DataError: Where no pose has that name; the message lists those that there are.
    """
    poses = _named_poses()
    if name not in poses:
        raise DataError(f"there is no pose {name!r}; the named poses are {', '.join(poses)}")
    rotations = torch.zeros(len(JOINT_NAMES), 3)
    for joint, degrees in poses[name].items():
        rotations[JOINT_NAMES.index(joint)] = torch.tensor(degrees) * (math.pi / 180.0)
    return rotations


def mirrored(rotations: Float[Tensor, "24 3"]) -> Float[Tensor, "24 3"]:
    """The pose of SMPL's joints with left and right exchanged."""
    return rotations[_MIRROR] * rotations.new_tensor([1.0, -1.0, -1.0])


def read_pose(source: str, model: BodyModel) -> Float[Tensor, "j 3"]:
    """The pose of a name or of a parameters file (.npz), standing upright: without the file's global orientation.

    Raises:
        DataError: Where `source` is neither.
    """
    if Path(source).suffix != ".npz":
        return expand_rotations(named_pose(source), JOINT_NAMES, model)
    rotations = load_parameters(Path(source), model).pose.rotations.clone()
    rotations[0] = 0.0
    return rotations


def load_parameters(path: Path, model: BodyModel) -> BodyParameters:
    """Read one person's parameters for `model`.

    Two layouts are known: that of `save_parameters` (`pose`, `shape`, `global_t`, `focal_l`), and that of the package
    smplx (`global_orient`, `body_pose`, `betas`, `transl`, optional `focal`, for SMPL-H and SMPL-X `left_hand_pose`,
    `right_hand_pose`, `jaw_pose`, `leye_pose` and `reye_pose`), rotations as axis-angles or matrices.
    What does not carry over is dropped: joints that the model has not, shape coefficients of another model's shape
    space, facial expressions, and of another model's 24 joints the two hands (`stored_rotations`).

    Raises:
        DataError: Where the file is missing, damaged or of another layout.
    """
    arrays = _read_arrays(path)
    native = "pose" in arrays
    rotations = stored_rotations(path, arrays, model)
    translation = _numbers(path, arrays, "global_t" if native else "transl", count=3)
    stored_shape = arrays.get("shape" if native else "betas", np.zeros(0)).reshape(-1)
    focal = next((arrays[name].reshape(-1) for name in ("focal_l", "focal", "focal_length") if name in arrays), None)
    if shape_space_of(arrays, model) != model.shape_space:
        stored_shape = stored_shape[:0]
    shape = torch.zeros(model.shape_dirs.shape[-1])
    count = min(len(shape), len(stored_shape))
    shape[:count] = torch.from_numpy(stored_shape[:count].astype(np.float32))
    parameters = BodyParameters(BodyPose(rotations, translation, shape), None if focal is None else float(focal[0]))
    _require_finite(path, parameters)
    return parameters


def save_parameters(path: Path, parameters: BodyParameters, model: BodyModel) -> None:
    """Write parameters with the name of the shape space that their coefficients belong to."""
    pose = parameters.pose
    focal: dict[str, Any] = (
        {} if parameters.focal is None else {"focal_l": np.array([parameters.focal], dtype=np.float32)}
    )
    np.savez(
        path,
        pose=pose.rotations.detach().reshape(1, -1).cpu().numpy().astype(np.float32),
        shape=pose.shape.detach().reshape(1, -1).cpu().numpy().astype(np.float32),
        global_t=pose.translation.detach().reshape(1, -1).cpu().numpy().astype(np.float32),
        shape_space=np.array(model.shape_space),
        **focal,
    )


def _named_poses() -> dict[str, dict[str, list[float]]]:
    return json.loads(assets.path("body/poses.json").read_text())


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise DataError(f"{path}: no such file of body parameters; {FORMATS}")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files if archive[name].dtype.kind in "fiubU"}
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, AttributeError, KeyError) as error:
        raise DataError(f"{path}: not readable as body parameters ({error}); {FORMATS}") from error


def _numbers(path: Path, arrays: dict[str, np.ndarray], name: str, *, count: int) -> Float[Tensor, "n"]:
    if name not in arrays or arrays[name].size != count:
        found = f"has shape {arrays[name].shape}" if name in arrays else "is missing"
        raise DataError(f"{path}: {name!r} {found}, expected {count} numbers; {FORMATS}")
    return torch.from_numpy(arrays[name].reshape(-1).astype(np.float32))


def _require_finite(path: Path, parameters: BodyParameters) -> None:
    pose = parameters.pose
    values: dict[str, Any] = {"rotations": pose.rotations, "translation": pose.translation, "shape": pose.shape}
    if parameters.focal is not None:
        values["focal length"] = torch.tensor(parameters.focal)
    bad = [name for name, value in values.items() if not value.isfinite().all()]
    if bad:
        raise DataError(f"{path}: the {' and the '.join(bad)} hold values that are not finite")
    if parameters.focal is not None and parameters.focal <= 0:
        raise DataError(f"{path}: the focal length is {parameters.focal:g} pixels, expected a positive number")


def _other_side(name: str) -> str:
    if name.startswith("left_"):
        return name.replace("left_", "right_", 1)
    return name.replace("right_", "left_", 1) if name.startswith("right_") else name


_MIRROR = [JOINT_NAMES.index(_other_side(name)) for name in JOINT_NAMES]
