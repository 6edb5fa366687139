"""Pictures of what was rendered: its colour, its depth, its opacity."""

from collections.abc import Mapping

import matplotlib
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from nfield.data.picture_files import to_bytes
from nfield.rendering.image import Image
from viewer.render_loop import Picture

_SOME = 0.5
"""Opacity from which on a pixel's depth takes part in the scale."""
_ENDS = (0.01, 0.99)
_SAMPLES = 1 << 16


def color_picture(image: Image) -> UInt8[Tensor, "h w 3"]:
    """What a camera would photograph."""
    return to_bytes(image.color)


def opacity_picture(image: Image) -> UInt8[Tensor, "h w 3"]:
    """White where nothing shines through, black where nothing is."""
    return to_bytes(image.opacity[..., None].expand(-1, -1, 3))


def depth_picture(image: Image) -> UInt8[Tensor, "h w 3"]:
    """Distance along each pixel's ray from red, near, to blue, far, over white.

    The scale goes from the nearest to the farthest surface in the picture, without the outermost hundredths.
    """
    distance = image.depth / image.opacity.clamp_min(1e-6)
    solid = distance[image.opacity > _SOME]
    if solid.numel() == 0:
        return torch.full((*distance.shape, 3), 255, dtype=torch.uint8)
    near, far = torch.quantile(solid[:: 1 + solid.numel() // _SAMPLES], solid.new_tensor(_ENDS))
    share = ((distance - near) / (far - near).clamp_min(1e-6)).clamp(0.0, 1.0)
    colors = _near_to_far()[(share * 255.0).long()]
    return to_bytes(torch.lerp(torch.ones_like(colors), colors, image.opacity[..., None].clamp(0.0, 1.0)))


def _near_to_far() -> Float[Tensor, "256 3"]:
    table = matplotlib.colormaps["turbo_r"](np.arange(256))[:, :3]
    return torch.from_numpy(table.astype(np.float32))


PICTURES: Mapping[str, Picture] = {"colour": color_picture, "depth": depth_picture, "opacity": opacity_picture}
"""By the name that the page shows."""
