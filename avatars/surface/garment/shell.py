"""Meshes of grids around an axis: one layer that is closed below, or two layers that meet at the edges."""

import numpy as np
from jaxtyping import Bool, Float, Int


def grid_faces(present: Bool[np.ndarray, "m n"]) -> Int[np.ndarray, "t 3"]:
    """Triangles of the cells whose corners are all present, counter-clockwise from outside.

    The last column meets the first. Vertices are numbered row by row, also those that are absent.
    """
    rows, columns = present.shape
    index = np.arange(rows * columns).reshape(rows, columns)
    upper, lower = index[:-1], index[1:]
    upper_next, lower_next = np.roll(upper, -1, 1), np.roll(lower, -1, 1)
    flat = present.reshape(-1)
    whole = flat[upper] & flat[lower] & flat[upper_next] & flat[lower_next]
    first = np.stack([upper, lower, lower_next], -1)[whole]
    second = np.stack([upper, lower_next, upper_next], -1)[whole]
    return np.concatenate([first, second])


def boundary_edges(faces: Int[np.ndarray, "t 3"]) -> Int[np.ndarray, "e 2"]:
    """Directed edges that no neighbour runs the other way."""
    edges = np.concatenate([faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    count = int(faces.max()) + 1 if len(faces) else 0
    there = set((edges[:, 0] * count + edges[:, 1]).tolist())
    alone = np.array([b * count + a not in there for a, b in edges.tolist()], dtype=bool)
    return edges[alone] if len(edges) else edges


def edges_of(faces: Int[np.ndarray, "t 3"]) -> Int[np.ndarray, "e 2"]:
    """Each edge of a mesh once."""
    edges = np.concatenate([faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    return np.unique(np.sort(edges, axis=1), axis=0).reshape(-1, 2)


def with_floor(
    points: Float[np.ndarray, "m n 3"], *, recess: float = 0.03
) -> tuple[Float[np.ndarray, "f 3"], Int[np.ndarray, "t 3"]]:
    """Rings that close a tube below its last row, and all faces; new points follow the grid's own.

    Args:
        points: The grid.
        recess: How far the floor's middle lies above the hem, metres.
    """
    rows, columns, _ = points.shape
    hem = points[-1]
    centre = hem.mean(0)
    shares = (0.97, 0.75, 0.5, 0.25)
    rings = [centre + share * (hem - centre) + (1.0 - share) * np.array([0.0, recess, 0.0]) for share in shares]
    count = rows + len(rings)
    faces = grid_faces(np.ones((count, columns), dtype=bool))
    tip = count * columns
    last = np.arange((count - 1) * columns, count * columns)
    fan = np.stack([last, np.full(columns, tip), np.roll(last, -1)], 1)
    return np.concatenate([*rings, centre[None] + np.array([[0.0, recess, 0.0]])]), np.concatenate([faces, fan])


def two_layers(faces: Int[np.ndarray, "t 3"], count: int) -> Int[np.ndarray, "s 3"]:
    """An outer layer, the same with `count` added as the inner one, and a seam along the edges of the two."""
    rim = boundary_edges(faces)
    start, end = rim[:, 0], rim[:, 1]
    seam = np.concatenate([np.stack([end, start, start + count], 1), np.stack([end, start + count, end + count], 1)])
    return np.concatenate([faces, faces[:, ::-1] + count, seam])
