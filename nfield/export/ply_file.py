"""Points, meshes and tables as binary PLY files.

In double precision where single would be too coarse, as for survey coordinates, which trimesh's writer does not have.
"""

from collections.abc import Mapping, Sequence

import numpy as np

_FAR = 100.0
"""Distance from the origin over the extent beyond which single precision is too coarse: 1e-5 of the extent."""
_TYPES = {"f4": "float", "f8": "double", "u1": "uchar"}


def ply_bytes(
    places: np.ndarray, normals: np.ndarray | None, colors: np.ndarray | None, *, faces: np.ndarray | None = None
) -> bytes:
    """A file's content.

    Args:
        places: Points or vertices (n, 3), double precision.
        normals: Theirs (n, 3).
        colors: Theirs (n, 3), sRGB as bytes.
        faces: Corners of triangles (t, 3).
    """
    columns = place_columns(places)
    columns |= {} if normals is None else named(("nx", "ny", "nz"), normals.astype("<f4"))
    columns |= {} if colors is None else named(("red", "green", "blue"), colors.astype("u1"))
    return table_bytes(columns, faces=faces)


def table_bytes(
    columns: Mapping[str, np.ndarray], *, faces: np.ndarray | None = None, comments: Sequence[str] = ()
) -> bytes:
    """The content of a file of any properties of vertices.

    Args:
        columns: Theirs, by name: bytes, or single or double precision.
        faces: Corners of triangles (t, 3).
        comments: Further lines of the header.
    """
    count = len(next(iter(columns.values())))
    rows = np.empty(count, [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    header = ["ply", "format binary_little_endian 1.0", "comment nfield", *(f"comment {line}" for line in comments)]
    header += [f"element vertex {count}"]
    header += [f"property {_TYPES[column.dtype.str[1:]]} {name}" for name, column in columns.items()]
    body = rows.tobytes()
    if faces is not None:
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
        triangles = np.empty(len(faces), [("count", "u1"), ("corners", "<i4", 3)])
        triangles["count"], triangles["corners"] = 3, faces
        body += triangles.tobytes()
    return ("\n".join([*header, "end_header"]) + "\n").encode() + body


def place_columns(places: np.ndarray) -> dict[str, np.ndarray]:
    """The columns x, y and z of places (n, 3), in the precision that they need."""
    return named(("x", "y", "z"), places.astype(_precision(places)))


def named(names: Sequence[str], values: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of a matrix by name."""
    return {name: values[:, axis] for axis, name in enumerate(names)}


def _precision(places: np.ndarray) -> str:
    """Double where the places are many of their extents away from the origin."""
    if len(places) == 0:
        return "<f4"
    extent, away = float(np.ptp(places, axis=0).max()), float(np.abs(places).max())
    return "<f8" if away > _FAR * extent else "<f4"
