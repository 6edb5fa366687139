"""MakeHuman clothes and hair (.mhclo and .obj, bound to the base mesh) brought to the shipped body's rest pose."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from avatars.people.figure import BaseMesh
from nfield.errors import DataError

_DECIMETRE = 0.1
_EXPECTED = (
    "expected a folder NAME with NAME.mhclo (x_scale, y_scale, z_scale, and rows of 9 numbers after 'verts') and "
    "NAME.obj, as makehuman-assets has them"
)


@dataclass(frozen=True)
class WardrobePiece:
    """A garment in the shipped body's rest pose, metres.

    Attributes:
        vertices: At rest, on the mean body.
        faces: Triangles.
        pieces: For each face, which connected piece of the garment it belongs to, the largest first.
        hidden: Vertices of the base mesh that the garment covers.
    """

    vertices: Float[np.ndarray, "g 3"]
    faces: Int[np.ndarray, "t 3"]
    pieces: Int[np.ndarray, "t"]
    hidden: Int[np.ndarray, "d"]


@dataclass(frozen=True)
class _Binding:
    """Vertices as combinations of three base vertices plus an offset that scales with the body."""

    corners: Int[np.ndarray, "g 3"]
    shares: Float[np.ndarray, "g 3"]
    offsets: Float[np.ndarray, "g 3"]
    scales: dict[str, tuple[int, int, float]]
    hidden: Int[np.ndarray, "d"]


def read_garment(folder: Path) -> WardrobePiece:
    """The garment in `folder`, put on the shipped body's mean.

    Raises:
        DataError: Where the folder lacks a file or a file is of another kind; the message says what was expected.
    """
    base = BaseMesh.load()
    binding = _read_binding(folder / f"{folder.name}.mhclo")
    faces = _read_faces(folder / f"{folder.name}.obj")
    _require_known(folder, "base vertices", binding.corners, len(base.rest))
    _require_known(folder, "scale markers", np.array([pair[:2] for pair in binding.scales.values()]), len(base.rest))
    _require_known(folder, "faces of the .obj", faces, len(binding.corners))
    size = [
        abs(base.rest[first, axis] - base.rest[second, axis]) / _DECIMETRE / reference
        for axis, (first, second, reference) in enumerate(binding.scales[name] for name in "xyz")
    ]
    offsets = binding.offsets * np.array(size) * _DECIMETRE
    placed = np.einsum("vi,vij->vj", binding.shares, base.rest[binding.corners]) + offsets
    away = placed[:, None] - base.rest[binding.corners]
    carried = base.posed[binding.corners] + np.einsum("vijk,vik->vij", base.turned[binding.corners], away)
    # A map may not count negatively, as skin weights may not.
    counts = binding.shares.clip(0.0)
    vertices = np.einsum("vi,vij->vj", counts / counts.sum(1, keepdims=True), carried)
    hidden = binding.hidden[binding.hidden < len(base.rest)]
    return WardrobePiece(vertices, faces, _pieces(faces, len(placed)), hidden)


def _require_known(folder: Path, what: str, numbers: Int[np.ndarray, "..."], count: int) -> None:
    if numbers.size and (numbers.min() < 0 or numbers.max() >= count):
        raise DataError(f"{folder}: {what} reach from {numbers.min()} to {numbers.max()}, but there are {count}")


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"{path}: no such file; {_EXPECTED}")
    return path.read_text(errors="ignore").splitlines()


def _read_binding(path: Path) -> _Binding:
    scales: dict[str, tuple[int, int, float]] = {}
    rows: list[list[float]] = []
    hidden: list[int] = []
    section = ""
    try:
        for line in _lines(path):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] in ("x_scale", "y_scale", "z_scale"):
                scales[words[0][0]] = (int(words[1]), int(words[2]), float(words[3]))
            elif words[0] in ("verts", "delete_verts"):
                section = words[0]
            elif words[0][0].isdigit() and section == "verts":
                rows.append(_row([float(word) for word in words]))
            elif words[0][0].isdigit() and section == "delete_verts":
                hidden += _spans(line)
    except (ValueError, IndexError) as error:
        raise DataError(f"{path}: not readable as a garment ({error}); {_EXPECTED}") from error
    if not rows or sorted(scales) != ["x", "y", "z"]:
        raise DataError(f"{path}: {len(rows)} bound vertices and scales {sorted(scales)}; {_EXPECTED}")
    table = np.array(rows)
    return _Binding(table[:, :3].astype(int), table[:, 3:6], table[:, 6:9], scales, np.array(hidden, dtype=int))


def _row(numbers: list[float]) -> list[float]:
    """A bound vertex: three base vertices, their shares, an offset; or one base vertex that it lies on."""
    if len(numbers) not in (1, 9):
        raise ValueError(f"a row of {len(numbers)} numbers")
    return numbers if len(numbers) == 9 else [numbers[0], 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def _spans(line: str) -> list[int]:
    found: list[int] = []
    for span in line.replace(" - ", "-").split():
        first, *last = span.split("-")
        found += range(int(first), int(last[0] if last else first) + 1)
    return found


def _read_faces(path: Path) -> Int[np.ndarray, "t 3"]:
    faces = []
    try:
        for line in _lines(path):
            if line.startswith("f "):
                corners = [int(word.split("/")[0]) - 1 for word in line.split()[1:]]
                faces += [[corners[0], corners[i], corners[i + 1]] for i in range(1, len(corners) - 1)]
    except ValueError as error:
        raise DataError(f"{path}: a face is not readable ({error}); {_EXPECTED}") from error
    if not faces:
        raise DataError(f"{path}: it has no faces; {_EXPECTED}")
    return np.array(faces)


def _pieces(faces: Int[np.ndarray, "t 3"], vertices: int) -> Int[np.ndarray, "t"]:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(vertices, vertices))
    label = connected_components(graph, directed=False)[1][faces[:, 0]]
    order = np.argsort(-np.bincount(label), kind="stable")
    return np.argsort(order)[label]
