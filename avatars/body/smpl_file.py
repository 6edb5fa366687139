"""Body model files in the SMPL format: ours and users' own .npz, and licensed .pkl files without running their code."""

import importlib
import io
import pickle  # noqa: TID251 - only subclassed by the restricted unpickler below
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from avatars.body.joints import JOINT_NAMES
from avatars.body.parts import face_parts, mirror_vertices
from nfield.errors import DataError

SMPL_SHAPE_SPACE = "smpl"
"""The name of the shape space of files that do not name their own."""

_SMPL_VERTICES = 6890
# Surface landmarks of SMPL's own mesh, as published with the skeletons that extend its 24 joints.
_SMPL_LANDMARKS = {
    "nose": 332, "reye": 6260, "leye": 2800, "rear": 4071, "lear": 583,
    "LBigToe": 3216, "LSmallToe": 3226, "LHeel": 3387, "RBigToe": 6617, "RSmallToe": 6624, "RHeel": 6787,
    "lthumb": 2746, "lindex": 2319, "lmiddle": 2445, "lring": 2556, "lpinky": 2673,
    "rthumb": 6191, "rindex": 5782, "rmiddle": 5905, "rring": 6016, "rpinky": 6133,
}  # fmt: skip
_SHAPE_DIRECTIONS = 10
_REQUIRED = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")


@dataclass(frozen=True)
class BodyFile:
    """The arrays of a body model file, checked.

    Attributes:
        template: Vertices of the mean body in the rest pose (T-pose; x left, y up, z forward), metres.
        shape_dirs: Displacement of each vertex for a unit of each shape coefficient, metres.
        pose_dirs: Displacement for each entry of R - I of all joints but the root (row by row), metres.
        joint_regressor: Joints are this matrix times the shaped vertices.
        weights: Skin weights.
        joint_names: Name of each joint; the first 22 are SMPL's.
        parents: Parent of each joint, -1 for the root.
        faces: Corners of each triangle, counter-clockwise from outside.
        uv: Texture coordinates in [0, 1], or None.
        uv_faces: Texture coordinate of each corner of each face, or None.
        mirror: For each vertex, its left-right counterpart.
        parts: Part label of each face, see `avatars.body.parts`.
        landmarks: Vertices at nose, eyes, ears, toes, heels and finger tips.
        shape_space: Name of the basis that shape coefficients refer to.
        provenance: Where the model comes from.
    """

    template: Float[np.ndarray, "v 3"]
    shape_dirs: Float[np.ndarray, "v 3 k"]
    pose_dirs: Float[np.ndarray, "v 3 p"]
    joint_regressor: Float[np.ndarray, "j v"]
    weights: Float[np.ndarray, "v j"]
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    faces: Int[np.ndarray, "t 3"]
    uv: Float[np.ndarray, "u 2"] | None
    uv_faces: Int[np.ndarray, "t 3"] | None
    mirror: Int[np.ndarray, "v"]
    parts: Int[np.ndarray, "t"]
    landmarks: Mapping[str, int]
    shape_space: str
    provenance: str


def load_body_file(path: Path) -> BodyFile:
    """Read a body model from an .npz (never unpickled) or an SMPL .pkl (through an unpickler that runs no code).

    Raises:
        DataError: Where the file is missing, of another format, or lacks what a body needs.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such body model file; expected an SMPL-format .npz or .pkl")
    readers = {".npz": _read_npz, ".pkl": _read_pickle}
    if path.suffix not in readers:
        raise DataError(
            f"{path}: a body model is an SMPL-format .npz or .pkl file, not {path.suffix or 'a bare name'!r}"
        )
    return _checked(path, readers[path.suffix](path))


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, KeyError) as error:
        raise DataError(
            f"{path}: not a readable .npz without pickled objects ({error}); "
            "pass the original SMPL .pkl instead, or write the arrays anew with numpy.savez"
        ) from error


def _checked(path: Path, arrays: dict[str, Any]) -> BodyFile:
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise DataError(f"{path}: not an SMPL-format body model, it lacks {', '.join(missing)}")
    template, weights, shape_dirs, pose_dirs, regressor = (
        _dense(path, name, arrays[name]) for name in ("v_template", "weights", "shapedirs", "posedirs", "J_regressor")
    )
    vertices = template.shape[0] if template.ndim else 0
    if regressor.shape[:1] != (len(JOINT_NAMES),):
        raise DataError(
            f"{path}: J_regressor has {regressor.shape[0]} rows, but SMPL's 24 joints are needed; "
            "SMPL-H, SMPL-X and other skeletons are not supported"
        )
    _expect(path, "v_template", template.shape, (vertices, 3))
    _expect(path, "weights", weights.shape, (vertices, 24))
    _expect(path, "J_regressor", regressor.shape, (24, vertices))
    _expect(path, "posedirs", pose_dirs.shape, (vertices, 3, 207))
    _expect(path, "shapedirs", shape_dirs.shape, (vertices, 3, *shape_dirs.shape[2:3]))
    faces = np.asarray(arrays["f"]).astype(np.int64)
    _expect(path, "f", faces.shape, (len(faces), 3))
    if faces.size and (faces.min() < 0 or faces.max() >= vertices):
        raise DataError(f"{path}: f names vertex {faces.max()}, but v_template has {vertices}")
    names = arrays.get("vertex_ids_names")
    stored = {} if names is None else dict(zip(map(str, names), map(int, arrays["vertex_ids"]), strict=True))
    parts = np.asarray(arrays["parts"]) if "parts" in arrays else face_parts(weights, faces, JOINT_NAMES)
    return BodyFile(
        template=template,
        shape_dirs=shape_dirs[..., :_SHAPE_DIRECTIONS],
        pose_dirs=pose_dirs,
        joint_regressor=regressor,
        weights=weights,
        joint_names=JOINT_NAMES,
        parents=_parents(path, np.asarray(arrays["kintree_table"])),
        faces=faces,
        uv=_dense(path, "vt", arrays["vt"]) if "vt" in arrays else None,
        uv_faces=np.asarray(arrays["ft"]).astype(np.int64) if "ft" in arrays else None,
        mirror=np.asarray(arrays["mirror"] if "mirror" in arrays else mirror_vertices(template)).astype(np.int64),
        parts=parts.astype(np.int64),
        landmarks=stored or (_SMPL_LANDMARKS if vertices == _SMPL_VERTICES else {}),
        shape_space=str(arrays.get("shape_space", SMPL_SHAPE_SPACE)),
        provenance=str(arrays.get("provenance", path.name)),
    )


def _dense(path: Path, name: str, value: Any) -> Float[np.ndarray, "..."]:  # noqa: ANN401 - whatever the file holds
    array = np.asarray(value.todense() if hasattr(value, "todense") else value)
    if array.dtype.kind not in "fiu":
        raise DataError(f"{path}: {name} is not an array of numbers (its type is {array.dtype})")
    array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise DataError(f"{path}: {name} holds values that are not finite")
    return array


def _expect(path: Path, name: str, got: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if got != wanted:
        raise DataError(f"{path}: {name} has shape {got}, expected {wanted}")


def _parents(path: Path, table: np.ndarray) -> tuple[int, ...]:
    _expect(path, "kintree_table", table.shape, (2, 24))
    # Files write the root's parent as -1 or as 2^32 - 1.
    parents = (-1, *(int(parent) for parent in table[0, 1:]))
    if any(parent < 0 or parent >= joint for joint, parent in enumerate(parents) if joint):
        raise DataError(f"{path}: kintree_table must name an earlier joint as the parent of each joint")
    return parents


def _read_pickle(path: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Old files name modules that numpy and scipy have since moved.
            content = _BodyUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except Exception as error:  # A damaged pickle can raise anything; every cause is the same to the user.
        raise DataError(f"{path}: not a readable SMPL .pkl ({type(error).__name__}: {error})") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: an SMPL .pkl holds a dictionary of arrays, this one a {type(content).__name__}")
    return {str(name): _without_chumpy(value) for name, value in content.items()}


class _Stub:
    """Stands for an object of chumpy, whose array is its attribute x."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def _without_chumpy(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    return getattr(value, "x", None) if isinstance(value, _Stub) else value


_MOVED = {"__builtin__": "builtins", "copy_reg": "copyreg"}
_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
    ("copyreg", "_reconstructor"),
    ("builtins", "set"),
    ("builtins", "list"),
    ("builtins", "dict"),
    ("builtins", "object"),
    ("builtins", "slice"),
}
_SPARSE = {"csc_matrix", "csr_matrix", "coo_matrix"}


class _BodyUnpickler(pickle.Unpickler):
    """Rebuilds numpy arrays, scipy matrices and chumpy's shells; refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - the signature of the base class
        if module.split(".")[0] == "chumpy":
            return _Stub
        module = _MOVED.get(module, module).replace("numpy.core", "numpy._core")
        if module.startswith("scipy.sparse") and name in _SPARSE:
            return getattr(importlib.import_module("scipy.sparse"), name)
        if (module, name) not in _ALLOWED:
            raise DataError(
                f"refused to load {module}.{name}: a body model needs only arrays; "
                "if you trust the file, convert it to .npz with numpy.savez"
            )
        if not _importable(module):  # numpy 1.x keeps its rebuild functions under the old name.
            module = module.replace("numpy._core", "numpy.core")
        return getattr(importlib.import_module(module), name)


def _importable(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True
