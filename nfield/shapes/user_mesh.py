"""Meshes of the user's, whatever they are: read, cleaned, and normalised to the cube that a field covers."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import trimesh
from trimesh import PointCloud, Scene, Trimesh
from trimesh.triangles import cross

from nfield.data.world import World
from nfield.errors import DataError

SUFFIXES = (".obj", ".ply", ".stl", ".glb", ".gltf", ".off")
"""Names of mesh files end in one of these."""

RADIUS = 0.99
"""Distance of the farthest vertex from the middle of the mesh's box, after normalising (NeuRBF, section 3.2)."""

_SMALLEST = 1e-12
"""Twice the area of the least triangle, as a share of the squared radius: below it its normal is noise."""


@dataclass(frozen=True)
class UserMesh:
    """A mesh in the cube [-1, 1]^3.

    Attributes:
        vertices: (v, 3), double precision.
        faces: (t, 3), corners; none is degenerate.
        world: How the cube lies in the user's world.
        notes: What the user should know of it.
    """

    vertices: np.ndarray
    faces: np.ndarray
    world: World
    notes: tuple[str, ...] = ()

    @property
    def triangles(self) -> np.ndarray:
        """Corners (t, 3, 3)."""
        return self.vertices[self.faces]

    @property
    def areas(self) -> np.ndarray:
        """Of the triangles, (t,)."""
        return 0.5 * np.linalg.norm(cross(self.triangles), axis=-1)

    @property
    def normals(self) -> np.ndarray:
        """Unit normals of the triangles (t, 3), by the order of their corners."""
        normals = cross(self.triangles)
        return normals / np.linalg.norm(normals, axis=-1, keepdims=True)

    @property
    def trimesh(self) -> Trimesh:
        """As the library's."""
        return Trimesh(self.vertices, self.faces, process=False)

    def turned(self) -> "UserMesh":
        """With the other side of each triangle outside."""
        return replace(self, faces=np.ascontiguousarray(self.faces[:, ::-1]))

    def noting(self, note: str) -> "UserMesh":
        """With a further note."""
        return replace(self, notes=(*self.notes, note))


def is_mesh(path: str | Path) -> bool:
    """Whether a file's name is that of a mesh.

    >>> is_mesh("scan.PLY"), is_mesh("data/lego")
    (True, False)
    """
    return Path(path).suffix.lower() in SUFFIXES


def read_mesh(path: Path) -> UserMesh:
    """The triangles of a file, those of all its parts together, normalised.

    Args:
        path: OBJ, PLY, STL, GLB, glTF or OFF.

    Raises:
        DataError: The file is missing or damaged, or holds no surface.
    """
    return normalised(_parts(path, _loaded(path)), where=path)


def normalised(parts: list[Trimesh], *, where: Path) -> UserMesh:
    """Parts as one mesh in the cube: triangles without area are left out, vertices at one place are one.

    Args:
        parts: In the user's world.
        where: Their file, for messages.
    """
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    vertices = np.concatenate([np.asarray(part.vertices, np.float64) for part in parts])
    faces = np.concatenate([np.asarray(p.faces, np.int64) + start for p, start in zip(parts, starts, strict=False)])
    _require_corners(vertices, faces, where)
    world = _world(vertices[np.unique(faces)], where)
    placed = world.scene_from_user(vertices)
    with np.errstate(over="ignore", invalid="ignore"):
        large = np.linalg.norm(cross(placed[faces]), axis=-1) > _SMALLEST * RADIUS**2
    if not large.any():
        raise DataError(f"{where}: all {len(faces)} triangles have no area, expected a surface; export the mesh again")
    places, number = np.unique(placed, axis=0, return_inverse=True)
    mesh = UserMesh(places, number.reshape(-1)[faces[large]], world)
    dropped = int((~large).sum())
    noted = mesh.noting(f"{dropped} of {len(faces)} triangles have no area and are left out") if dropped else mesh
    return _noting_edges(noted)


def _loaded(path: Path) -> object:
    if not path.is_file():
        raise DataError(f"{path}: does not exist, expected a mesh file ({', '.join(SUFFIXES)}); check the path")
    try:
        return trimesh.load(path, process=False)
    except Exception as error:  # the readers raise errors of many kinds for files that are damaged
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: cannot be read as a mesh ({reason}); copy it again or export it as PLY") from error


def _parts(path: Path, loaded: object) -> list[Trimesh]:
    pieces = loaded.dump() if isinstance(loaded, Scene) else [loaded]
    parts = [piece for piece in pieces if isinstance(piece, Trimesh) and len(piece.faces)]
    if parts:
        return parts
    points = any(isinstance(piece, PointCloud | Trimesh) and len(piece.vertices) for piece in pieces)
    found = "points but no triangles" if points else "no triangles"
    advice = "reconstruct a surface from the points first" if points else "export the mesh again"
    raise DataError(f"{path}: holds {found}, expected the triangles of a surface; {advice}")


def _require_corners(vertices: np.ndarray, faces: np.ndarray, where: Path) -> None:
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise DataError(
            f"{where}: a triangle names vertex {int(faces.max())}, expected one of {len(vertices)}; export it again"
        )
    wrong = int((~np.isfinite(vertices[np.unique(faces)]).all(-1)).sum())
    if wrong:
        raise DataError(
            f"{where}: {wrong} vertices of triangles are no finite numbers, expected coordinates; export the mesh again"
        )


def _world(corners: np.ndarray, where: Path) -> World:
    """How the cube lies around the corners of triangles."""
    low, high = corners.min(0), corners.max(0)
    middle = 0.5 * low + 0.5 * high
    largest = float(np.abs(corners - middle).max())
    if not 0.0 < largest < np.inf:
        raise DataError(f"{where}: its vertices span {largest:g}, expected an extent; export the mesh again")
    radius = largest * float(np.linalg.norm((corners - middle) / largest, axis=-1).max())
    x, y, z = middle.tolist()
    return World((x, y, z), RADIUS / radius)


def _noting_edges(mesh: UserMesh) -> UserMesh:
    """Says where the surface has edges."""
    edges = np.sort(mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=-1)
    number = edges[:, 0] * len(mesh.vertices) + edges[:, 1]
    lonely = int((np.unique(number, return_counts=True)[1] == 1).sum())
    if not lonely:
        return mesh
    return mesh.noting(
        f"the surface is open at {lonely} edges: what lies inside is decided by the winding number, which closes holes"
    )
