"""MakeHuman clothes and hair (.mhclo and .obj, bound to the base mesh) put on the shipped body."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assets.build.rest_pose import Skinning

_DECIMETRE = 0.1


@dataclass(frozen=True)
class Garment:
    """A garment in the T-pose, in the frame of Anny's T-posed mean body, metres.

    Attributes:
        vertices: (v, 3).
        faces: Triangles, (t, 3).
        pieces: For each face, which connected piece of the garment it belongs to, the largest first, (t,).
        hidden: Vertices of the base mesh that the garment covers.
    """

    vertices: np.ndarray
    faces: np.ndarray
    pieces: np.ndarray
    hidden: np.ndarray


@dataclass(frozen=True)
class _Binding:
    """Vertices as combinations of three base vertices plus an offset that scales with the body."""

    corners: np.ndarray
    shares: np.ndarray
    offsets: np.ndarray
    scales: dict[str, tuple[int, int, float]]
    hidden: np.ndarray


def load_garment(folder: Path, rest: np.ndarray, weights: np.ndarray, to_t_pose: Skinning) -> Garment:
    """Bind the garment in `folder` to the base mesh's rest vertices (19158, 3) and bring it to the T-pose."""
    binding = _read_binding(folder / f"{folder.name}.mhclo")
    size = [
        abs(rest[first, axis] - rest[second, axis]) / _DECIMETRE / reference
        for axis, (first, second, reference) in enumerate(binding.scales[name] for name in "xyz")
    ]
    mixed = np.einsum("vi,vij->vj", binding.shares, rest[binding.corners])
    placed = mixed + binding.offsets * np.array(size) * _DECIMETRE
    own_weights = np.einsum("vi,vij->vj", binding.shares, weights[binding.corners]).clip(0.0)
    own_weights /= own_weights.sum(1, keepdims=True)
    faces = _read_faces(folder / f"{folder.name}.obj")
    return Garment(to_t_pose(placed, own_weights), faces, _pieces(faces, len(placed)), binding.hidden)


def _read_binding(path: Path) -> _Binding:
    scales: dict[str, tuple[int, int, float]] = {}
    rows: list[list[float]] = []
    hidden: list[int] = []
    section = ""
    for line in path.read_text(errors="ignore").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in ("x_scale", "y_scale", "z_scale"):
            scales[words[0][0]] = (int(words[1]), int(words[2]), float(words[3]))
        elif words[0] in ("verts", "delete_verts"):
            section = words[0]
        elif not words[0][0].isdigit():
            continue
        elif section == "verts":
            numbers = [float(word) for word in words]
            rows.append(numbers if len(numbers) == 9 else [numbers[0], 0, 0, 1, 0, 0, 0, 0, 0])
        elif section == "delete_verts":
            for span in line.replace(" - ", "-").split():
                first, *last = span.split("-")
                hidden += range(int(first), int(last[0] if last else first) + 1)
    table = np.array(rows)
    return _Binding(table[:, :3].astype(int), table[:, 3:6], table[:, 6:9], scales, np.array(hidden, dtype=int))


def _read_faces(path: Path) -> np.ndarray:
    faces = []
    for line in path.read_text(errors="ignore").splitlines():
        if line.startswith("f "):
            corners = [int(word.split("/")[0]) - 1 for word in line.split()[1:]]
            faces += [[corners[0], corners[i], corners[i + 1]] for i in range(1, len(corners) - 1)]
    return np.array(faces)


def _pieces(faces: np.ndarray, vertices: int) -> np.ndarray:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(vertices, vertices))
    label = connected_components(graph, directed=False)[1][faces[:, 0]]
    order = np.argsort(-np.bincount(label), kind="stable")
    return np.argsort(order)[label]
