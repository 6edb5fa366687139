"""A body model in a run folder, so that the run opens anywhere, and the hash that tells bodies apart."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from avatars.body.joints import JOINT_NAMES
from avatars.body.model import BodyModel
from nfield.config_json import from_json
from nfield.errors import CheckpointError, DataError
from nfield.whole_file import write_atomically

FILE = "body_model.npz"
"""The body in an avatar's run folder."""

_FACTS = "facts"
_ADVICE = "take the folder from a backup, or fit the photo again"


@dataclass(frozen=True)
class BodyFacts:
    """What a saved body holds beside its arrays; see `BodyModel`."""

    parents: tuple[int, ...]
    """See `BodyModel`, here and below."""
    landmarks: Mapping[str, int]
    shape_space: str
    provenance: str
    joint_names: tuple[str, ...] = JOINT_NAMES
    """Runs from before there were others have SMPL's."""

    def __post_init__(self) -> None:
        if len(self.parents) != len(self.joint_names) or not all(
            -1 <= parent < index for index, parent in enumerate(self.parents)
        ):
            raise ValueError(f"parents {self.parents} are not those of {len(self.joint_names)} joints")


def body_hash(model: BodyModel) -> str:
    """SHA-256 of a body's arrays and of what tells their meaning; the provenance, a remark, does not count.

    Arrays enter by name, shape and bytes (little endian; integers as 64 bits), names in alphabetical order, so that
    neither the file format nor the machine matters.

    Args:
        model: The body.
    """
    digest = hashlib.sha256(json.dumps(_meaning(model), sort_keys=True).encode())
    for name, value in sorted(_arrays(model).items()):
        array = value.numpy()
        array = np.ascontiguousarray(array.astype("<i8" if array.dtype.kind in "iu" else "<f4", copy=False))
        digest.update(f"{name} {array.shape} ".encode())
        digest.update(array.data)
    return digest.hexdigest()


def save_body(path: Path, model: BodyModel) -> None:
    """Writes a body losslessly, compressed: numbers that half precision holds exactly take half the room.

    Args:
        path: The .npz file.
        model: The body.
    """
    arrays: dict[str, Any] = {name: _small(value.numpy()) for name, value in _arrays(model).items()}
    facts = {**_meaning(model), "joint_names": model.joint_names, "provenance": model.provenance}
    arrays[_FACTS] = np.array(json.dumps(facts))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomically(path, buffer.getvalue())


def load_body(path: Path) -> BodyModel:
    """Reads what `save_body` wrote.

    Raises:
        DataError: The file is damaged or of another layout.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        facts = from_json(BodyFacts, json.loads(str(arrays.pop(_FACTS))), where=f"{path}: {_FACTS}")
        return _assembled(arrays, facts)
    except CheckpointError as error:
        raise DataError(f"{error}; {_ADVICE}") from error
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: is not a whole body model of a run ({error!r}); {_ADVICE}") from error


def _assembled(arrays: Mapping[str, np.ndarray], facts: BodyFacts) -> BodyModel:
    tensors = {
        name: torch.from_numpy(array.astype(np.int64 if array.dtype.kind in "iu" else np.float32))
        for name, array in arrays.items()
    }
    absent = {name: None for name in ("uv", "uv_faces", "hand_means", "hand_components") if name not in tensors}
    given: dict[str, Any] = {**tensors, **absent, **vars(facts)}
    return BodyModel(**given)


def _arrays(model: BodyModel) -> dict[str, Tensor]:
    """The body's tensors, on the CPU."""
    values = {field.name: getattr(model, field.name) for field in fields(model)}
    return {name: value.detach().cpu() for name, value in values.items() if torch.is_tensor(value)}


def _meaning(model: BodyModel) -> dict[str, Any]:
    """What is not an array, and tells what the arrays mean; SMPL's own joints go without saying, as they always did."""
    names = {} if model.joint_names == JOINT_NAMES else {"joint_names": list(model.joint_names)}
    shared = {"parents": list(model.parents), "landmarks": dict(model.landmarks), "shape_space": model.shape_space}
    return {**shared, **names}


def _small(array: np.ndarray) -> np.ndarray:
    """The same values in the smallest type that holds them exactly."""
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            half = array.astype(np.float16)
        return half if np.array_equal(half.astype(array.dtype), array) else array
    most = int(np.abs(array).max(initial=0))
    return array.astype(np.int16 if most < 1 << 15 else np.int32)
