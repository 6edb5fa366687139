"""Texture coordinates of a surface: the body's own, or new ones."""

from dataclasses import dataclass

import numpy as np
import torch
import xatlas
from jaxtyping import Bool, Float, Int
from torch import Tensor

from avatars.body import BodyModel
from avatars.surface.mesh import subdivide


@dataclass(frozen=True)
class TextureLayout:
    """Where a surface's triangles lie in its texture; no two of them overlap.

    Attributes:
        uv: Texture coordinates in [0, 1], v upwards.
        uv_faces: Texture coordinate of each corner of each face.
        pages: Height of the texture over its width.
    """

    uv: Float[Tensor, "u 2"]
    uv_faces: Int[Tensor, "t 3"]
    pages: int = 1

    @staticmethod
    def of_body(model: BodyModel) -> "TextureLayout":
        """The layout of a body's file; where that brings none, a new one."""
        if model.uv is not None and model.uv_faces is not None:
            return TextureLayout(model.uv, model.uv_faces)
        return TextureLayout.unwrapped(model.template, model.faces)

    @staticmethod
    def unwrapped(vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"]) -> "TextureLayout":
        """A new layout in charts (xatlas)."""
        _, indices, uv = xatlas.parametrize(vertices.numpy(), faces.numpy().astype(np.uint32))
        return TextureLayout(torch.from_numpy(np.ascontiguousarray(uv)), torch.from_numpy(indices.astype(np.int64)))

    def of_faces(self, kept: Bool[Tensor, "t"]) -> "TextureLayout":
        """The layout of some of the faces."""
        return TextureLayout(self.uv, self.uv_faces[kept], self.pages)

    def above(self, other: "TextureLayout") -> "TextureLayout":
        """This layout and below it another one, whose faces come after its own."""
        pages = self.pages + other.pages
        own = self.uv * self.uv.new_tensor([1.0, self.pages / pages]) + self.uv.new_tensor([0.0, other.pages / pages])
        below = other.uv * other.uv.new_tensor([1.0, other.pages / pages])
        return TextureLayout(torch.cat([own, below]), torch.cat([self.uv_faces, other.uv_faces + len(own)]), pages)

    def finer(self) -> "TextureLayout":
        """The layout of the surface whose triangles `avatars.surface.mesh.subdivide` divided."""
        finer = subdivide(self.uv_faces, len(self.uv))
        return TextureLayout(finer.spread(self.uv), finer.faces, self.pages)
