"""Meshes without what floats beside them, and with fewer faces (trimesh)."""

import numpy as np
import trimesh
from trimesh import Trimesh
from trimesh.triangles import cross

from nfield.errors import BackendUnavailable, DataError


def without_floaters(mesh: Trimesh, share: float) -> Trimesh:
    """A mesh without small parts, and without walls of cavities, which nobody sees from outside.

    Args:
        mesh: Of closed parts, turned outwards.
        share: Diagonal of a part over that of the largest one below which it goes.

    Raises:
        DataError: There is no mesh.
    """
    if len(mesh.faces) == 0:
        raise DataError("the scene's field has no surface at this --opacity, expected one; give a smaller number")
    part = trimesh.graph.connected_component_labels(mesh.face_adjacency, node_count=len(mesh.faces))
    diagonal = _diagonals(mesh, part)
    kept = (diagonal >= share * diagonal.max()) & (_volumes(mesh, part) > 0.0)
    return submesh(mesh, kept[part])


def submesh(mesh: Trimesh, faces: np.ndarray) -> Trimesh:
    """Some faces of a mesh and their vertices; faces are named by a mask."""
    used, corners = np.unique(mesh.faces[faces], return_inverse=True)
    return Trimesh(mesh.vertices[used], corners.reshape(-1, 3), process=False)


def decimated(mesh: Trimesh, faces: int) -> Trimesh:
    """A mesh of at most so many faces (quadric error metrics, Garland and Heckbert 1997).

    Raises:
        BackendUnavailable: The package that trimesh asks for this is missing.
    """
    if len(mesh.faces) <= faces:
        return mesh
    try:
        fewer = mesh.simplify_quadric_decimation(face_count=faces)
    except ImportError as error:
        raise BackendUnavailable(
            "--faces: needs the package fast-simplification; install it with pip install fast-simplification, or give "
            "--faces 0"
        ) from error
    fewer.update_faces(fewer.nondegenerate_faces())
    fewer.remove_unreferenced_vertices()
    return fewer


def _diagonals(mesh: Trimesh, part: np.ndarray) -> np.ndarray:
    """Of the box around each part, metres."""
    low, high = (np.full((part.max() + 1, 3), sign * np.inf) for sign in (1.0, -1.0))
    corners = mesh.vertices[mesh.faces]
    np.minimum.at(low, part, corners.min(1))
    np.maximum.at(high, part, corners.max(1))
    return np.linalg.norm(high - low, axis=-1)


def _volumes(mesh: Trimesh, part: np.ndarray) -> np.ndarray:
    """Of each part, cubic metres: negative where it is turned inwards (divergence theorem)."""
    triangles = mesh.vertices[mesh.faces] - mesh.vertices.mean(0)
    return np.bincount(part, (triangles[:, 0] * cross(triangles)).sum(-1) / 6.0)
