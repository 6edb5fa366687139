"""The texels of a textured surface: where each lies on it, and images of values at them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import ndimage
from torch import Tensor

from nfield.kernels.rasterize import rasterize

SIZE = 2048
"""Texels along the edge of an atlas."""


@runtime_checkable
class Layout(Protocol):
    """Where a surface's triangles lie in a texture; no two of them overlap."""

    @property
    def uv(self) -> Float[Tensor, "u 2"]:
        """Texture coordinates in [0, 1], v upwards."""
        ...

    @property
    def uv_faces(self) -> Int[Tensor, "t 3"]:
        """Texture coordinate of each corner of each face."""
        ...

    @property
    def pages(self) -> int:
        """Height of the texture over its width."""
        ...


@dataclass(frozen=True)
class Atlas:
    """Which point of a surface each texel shows.

    Attributes:
        size: Rows and columns of the texture.
        index: Texels that show the surface, counted row by row.
        face: The face that each shows.
        barycentric: Weights of that face's corners.
        faces: Corners of the surface's faces.
    """

    size: tuple[int, int]
    index: Int[Tensor, "n"]
    face: Int[Tensor, "n"]
    barycentric: Float[Tensor, "n 3"]
    faces: Int[Tensor, "t 3"]

    @staticmethod
    def of(layout: Layout, faces: Int[Tensor, "t 3"], *, size: int = SIZE) -> "Atlas":
        """The texels of a parametrised surface.

        Args:
            layout: Where its triangles lie in the texture.
            faces: Corners of each face.
            size: Texels along the upper edge.
        """
        u, v = layout.uv.unbind(-1)
        height = size * layout.pages
        flat = torch.stack([u * size, (1.0 - v) * height, torch.ones_like(u)], -1)
        seen = rasterize(flat, layout.uv_faces, torch.eye(3), (height, size))
        index = (seen.face.reshape(-1) >= 0).nonzero()[:, 0]
        return Atlas((height, size), index, seen.face.reshape(-1)[index], seen.barycentric.reshape(-1, 3)[index], faces)

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def corners(self) -> Int[Tensor, "n 3"]:
        """The vertices of the face that each texel shows."""
        return self.faces[self.face]

    def at(self, values: Float[Tensor, "v c"]) -> Float[Tensor, "n c"]:
        """Values of the surface's vertices, interpolated at the texels."""
        first, second, third = (  # Corner by corner: all at once would take three times the memory.
            values[self.corners[:, corner]] * self.barycentric[:, corner, None] for corner in range(3)
        )
        return first + second + third

    def image(self, values: Float[Tensor, "n c"]) -> Float[Tensor, "h w c"]:
        """Values of the texels as a texture.

        Beside the charts each pixel takes the nearest texel's value, so that no background shows along seams.
        """
        height, width = self.size
        free = np.ones(height * width, bool)
        free[self.index.numpy()] = False
        rows, columns = np.asarray(
            ndimage.distance_transform_edt(free.reshape(height, width), return_distances=False, return_indices=True)
        )
        place = torch.zeros(height * width, dtype=torch.long)
        place[self.index] = torch.arange(len(self.index))
        nearest = torch.from_numpy(rows.astype(np.int64) * width + columns)
        return values[place[nearest]]
