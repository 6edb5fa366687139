"""Colours everywhere on a surface, and how much of it the photo shows."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.kernels.rasterize import Raster


@runtime_checkable
class Appearance(Protocol):
    """How a surface looks; whether its colours lie on vertices or in a texture is its own affair."""

    def shade(self, raster: Raster) -> Float[Tensor, "h w 4"]:
        """A picture of the surface: sRGB, and as a fourth channel the visibility.

        Args:
            raster: Which triangle of the surface each pixel sees, and where.

        Returns:
            Values in [0, 1]; all 0 where a pixel sees no triangle. The visibility is 1 where the photo shows the point.
        """
        ...

    def at(self, face: Int[Tensor, "n"], barycentric: Float[Tensor, "n 3"]) -> Float[Tensor, "n 4"]:
        """Colours, sRGB, and visibility of points of the surface.

        Args:
            face: The triangle of each.
            barycentric: Weights of its corners.
        """
        ...


@dataclass(frozen=True)
class VertexColors:
    """Colours that lie on the vertices, linear between them.

    Attributes:
        faces: Corners of each triangle.
        color: sRGB in [0, 1].
        visibility: 1 where the photo shows the vertex.
    """

    faces: Int[Tensor, "t 3"]
    color: Float[Tensor, "v 3"]
    visibility: Float[Tensor, "v"]

    def shade(self, raster: Raster) -> Float[Tensor, "h w 4"]:
        """See `Appearance.shade`."""
        return raster.interpolate(torch.cat([self.color, self.visibility[:, None]], -1), self.faces)

    def at(self, face: Int[Tensor, "n"], barycentric: Float[Tensor, "n 3"]) -> Float[Tensor, "n 4"]:
        """See `Appearance.at`."""
        values = torch.cat([self.color, self.visibility[:, None]], -1)
        return (values[self.faces[face]] * barycentric[..., None]).sum(1)
