"""Texture coordinates of any mesh, in charts (xatlas)."""

from dataclasses import dataclass

import numpy as np
import torch
import xatlas
from jaxtyping import Float, Int
from torch import Tensor
from trimesh import Trimesh

_FACES = 4000
"""Of a piece of a mesh that is cut into charts at once: the time that takes grows faster than its faces."""
_PADDING = 2


@dataclass(frozen=True)
class Unwrapped:
    """A mesh cut into charts; a `nfield.texture_atlas.Layout`.

    Attributes:
        vertex: Of each vertex of the cut mesh, that of the whole one.
        uv: Texture coordinates of each, in [0, 1], v upwards.
        uv_faces: Corners of each face in the cut mesh.
        faces: Corners of the same faces in the whole one.
        pages: Height of the texture over its width.
    """

    vertex: Int[Tensor, "u"]
    uv: Float[Tensor, "u 2"]
    uv_faces: Int[Tensor, "t 3"]
    faces: Int[Tensor, "t 3"]
    pages: int = 1

    @staticmethod
    def of(mesh: Trimesh, size: int) -> "Unwrapped":
        """A mesh's layout.

        Args:
            mesh: The mesh.
            size: Texels along the edge of its texture.
        """
        pieces = [np.unique(mesh.faces[piece], return_inverse=True) for piece in _pieces(mesh)]
        atlas = xatlas.Atlas()
        for vertex, corners in pieces:
            atlas.add_mesh(mesh.vertices[vertex].astype(np.float32), corners.reshape(-1, 3).astype(np.uint32))
        atlas.generate(xatlas.ChartOptions(), _packing(size))
        parts = [(pieces[index][0], *atlas[index]) for index in range(len(pieces))]
        vertex = np.concatenate([own[mapping] for own, mapping, _, _ in parts])
        starts = np.cumsum([0, *(len(mapping) for _, mapping, _, _ in parts)])
        corners = np.concatenate([part[2].astype(np.int64) + start for part, start in zip(parts, starts, strict=False)])
        uv = torch.from_numpy(np.concatenate([part[3] for part in parts]).astype(np.float32))
        index = torch.from_numpy(vertex.astype(np.int64))
        uv_faces = torch.from_numpy(corners)
        return Unwrapped(index, uv, uv_faces, index[uv_faces])


def _packing(size: int) -> xatlas.PackOptions:
    options = xatlas.PackOptions()
    options.resolution, options.padding = size, _PADDING
    return options


def _pieces(mesh: Trimesh) -> list[np.ndarray]:
    """Faces in compact pieces, halved along the longest edge of their box until they are small."""
    middle, waiting, done = mesh.triangles_center, [np.arange(len(mesh.faces))], []
    while waiting:
        faces = waiting.pop()
        if len(faces) <= _FACES:
            done.append(faces)
            continue
        axis = int(np.ptp(middle[faces], axis=0).argmax())
        order = faces[np.argsort(middle[faces, axis], kind="stable")]
        waiting += [order[: len(order) // 2], order[len(order) // 2 :]]
    return done
