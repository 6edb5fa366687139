"""Body model files in the SMPL format, ours and users' own: SMPL, SMPL-H and SMPL-X, told apart by their joints.

Of the shape directions the first ten are kept. SMPL-X's directions of facial expressions are not: faces stay neutral.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from avatars.body.body_arrays import read_arrays
from avatars.body.joints import LEFT_FINGERS
from avatars.body.parts import face_parts, mirror_vertices
from avatars.body.skeletons import skeleton_of
from nfield.errors import DataError

_SHAPE_DIRECTIONS = 10
_REQUIRED = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")


_HANDS = ("hands_meanl", "hands_meanr", "hands_componentsl", "hands_componentsr")
_OPTIONAL = ("vt", "ft", "mirror", "parts", "vertex_ids", "vertex_ids_names", "shape_space", "provenance", *_HANDS)


@dataclass(frozen=True)
class Hands:
    """How the hands of a model usually are, first left, then right.

    Attributes:
        means: Axis-angles of the fifteen joints of hands that hang relaxed, radians; the template's hands are flat.
        components: Directions of their usual changes; coefficients of them describe a hand.
    """

    means: Float[np.ndarray, "2 45"]
    components: Float[np.ndarray, "2 c 45"]


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
        hands: How the hands usually are; None for skeletons without fingers and for files that do not say it.
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
    hands: Hands | None
    shape_space: str
    provenance: str


def load_body_file(path: Path) -> BodyFile:
    """Read a body model from an .npz (never unpickled) or an SMPL .pkl (through an unpickler that runs no code).

    Raises:
        DataError: Where the file is missing, of another format, or lacks what a body needs.
        BackendUnavailable: Where it has fingers, and the package smplx is not installed.
    """
    return _checked(path, read_arrays(path, (*_REQUIRED, *_OPTIONAL)))


def _checked(path: Path, arrays: Mapping[str, Any]) -> BodyFile:
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise DataError(f"{path}: not an SMPL-format body model, it lacks {', '.join(missing)}")
    template, weights, shape_dirs, pose_dirs, regressor = (
        _dense(path, name, arrays[name]) for name in ("v_template", "weights", "shapedirs", "posedirs", "J_regressor")
    )
    vertices = template.shape[0] if template.ndim else 0
    skeleton = skeleton_of(regressor.shape[0] if regressor.ndim else 0, path)
    joints = len(skeleton.joint_names)
    _expect(path, "v_template", template.shape, (vertices, 3))
    _expect(path, "weights", weights.shape, (vertices, joints))
    _expect(path, "J_regressor", regressor.shape, (joints, vertices))
    _expect(path, "posedirs", pose_dirs.shape, (vertices, 3, 9 * (joints - 1)))
    _expect(path, "shapedirs", shape_dirs.shape, (vertices, 3, *shape_dirs.shape[2:3]))
    faces = _faces(path, np.asarray(arrays["f"]), vertices)
    names = arrays.get("vertex_ids_names")
    stored = {} if names is None else dict(zip(map(str, names), map(int, arrays["vertex_ids"]), strict=True))
    parts = np.asarray(arrays["parts"]) if "parts" in arrays else face_parts(weights, faces, skeleton.joint_names)
    return BodyFile(
        template=template,
        shape_dirs=shape_dirs[..., :_SHAPE_DIRECTIONS],
        pose_dirs=pose_dirs,
        joint_regressor=regressor,
        weights=weights,
        joint_names=skeleton.joint_names,
        parents=_parents(path, np.asarray(arrays["kintree_table"]), joints),
        faces=faces,
        uv=_dense(path, "vt", arrays["vt"]) if "vt" in arrays else None,
        uv_faces=np.asarray(arrays["ft"]).astype(np.int64) if "ft" in arrays else None,
        mirror=np.asarray(arrays["mirror"] if "mirror" in arrays else mirror_vertices(template)).astype(np.int64),
        parts=parts.astype(np.int64),
        landmarks=stored or (skeleton.landmarks if vertices == skeleton.vertex_count else {}),
        hands=_hands(path, arrays) if set(LEFT_FINGERS) <= set(skeleton.joint_names) else None,
        shape_space=str(arrays.get("shape_space", skeleton.shape_space)),
        provenance=str(arrays.get("provenance", path.name)),
    )


def _faces(path: Path, array: np.ndarray, vertices: int) -> Int[np.ndarray, "t 3"]:
    if array.dtype.kind not in "fiu":
        raise DataError(f"{path}: f is not an array of numbers (its type is {array.dtype})")
    faces = array.astype(np.int64)
    _expect(path, "f", faces.shape, (*faces.shape[:1], 3))
    if faces.size and (faces.min() < 0 or faces.max() >= vertices):
        raise DataError(f"{path}: f names vertex {faces.max()}, but v_template has {vertices}")
    return faces


def _hands(path: Path, arrays: Mapping[str, Any]) -> Hands | None:
    """How hands hang and bend, where a file says it."""
    if any(name not in arrays for name in _HANDS):
        return None
    left, right, along_left, along_right = (_dense(path, name, arrays[name]) for name in _HANDS)
    numbers = 3 * len(LEFT_FINGERS)
    for name, mean, along in (("l", left, along_left), ("r", right, along_right)):
        _expect(path, f"hands_mean{name}", mean.shape, (numbers,))
        _expect(path, f"hands_components{name}", along.shape, (*along_left.shape[:1], numbers))
    return Hands(np.stack([left, right]), np.stack([along_left, along_right]))


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


def _parents(path: Path, table: np.ndarray, joints: int) -> tuple[int, ...]:
    _expect(path, "kintree_table", table.shape, (2, joints))
    # Files write the root's parent as -1 or as 2^32 - 1.
    parents = (-1, *(int(parent) for parent in table[0, 1:]))
    if any(parent < 0 or parent >= joint for joint, parent in enumerate(parents) if joint):
        raise DataError(f"{path}: kintree_table must name an earlier joint as the parent of each joint")
    return parents
