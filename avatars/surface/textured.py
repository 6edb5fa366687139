"""A surface whose colours lie in a texture."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.surface.parametrise import TextureLayout
from nfield.interpolation import bicubic
from nfield.kernels.rasterize import Raster


@dataclass(frozen=True)
class Texture:
    """Colours in texture space, an `avatars.surface.appearance.Appearance`.

    Attributes:
        layout: Where the surface's triangles lie in the image.
        image: sRGB in [0, 1] and visibility; the first row is the highest v.
    """

    layout: TextureLayout
    image: Float[Tensor, "h w 4"]

    def shade(self, raster: Raster) -> Float[Tensor, "h w 4"]:
        """See `Appearance.shade`."""
        picture = raster.barycentric.new_zeros(*raster.face.shape, 4)
        rows, columns = (raster.face >= 0).nonzero().unbind(1)
        picture[rows, columns] = self.at(raster.face[rows, columns], raster.barycentric[rows, columns])
        return picture

    def at(self, face: Int[Tensor, "n"], barycentric: Float[Tensor, "n 3"]) -> Float[Tensor, "n 4"]:
        """See `Appearance.at`; bicubic."""
        uv = (self.layout.uv[self.layout.uv_faces[face]] * barycentric[..., None]).sum(1)
        return texture_at(self.image, uv)


def texture_at(image: Float[Tensor, "h w c"], uv: Float[Tensor, "n 2"]) -> Float[Tensor, "n c"]:
    """Values of a texture, whose first row is the highest v, at texture coordinates in [0, 1]; bicubic."""
    height, width = image.shape[:2]
    return bicubic(image, torch.stack([uv[:, 0] * width, (1.0 - uv[:, 1]) * height], -1))
