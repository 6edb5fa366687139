"""Whether the alpha channel of a picture is the mask of what was cut out, and what lies under its transparent parts."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy import ndimage
from torch import Tensor

_SOLID = 0.5
_SOFT_LOW, _SOFT_HIGH = 0.1, 0.9
_LEAST, _MOST = 0.005, 0.97
_SOFTEST = 0.5
_GREY = 128.0


@dataclass(frozen=True)
class Photo:
    """A picture from a file.

    Attributes:
        colors: sRGB as the file has them; below alpha 0 they mean nothing.
        alpha: What the picture keeps, in [0, 1], where its alpha channel can be a mask; None where it has none or
            that is none.
        remark: What was made of an alpha channel, for the user; empty where there is none, or an opaque one.
    """

    colors: UInt8[Tensor, "h w 3"]
    alpha: Float[Tensor, "h w"] | None
    remark: str

    @staticmethod
    def of(colors: UInt8[Tensor, "h w 3"], alpha: Float[Tensor, "h w"]) -> "Photo":
        """Colours and the alpha channel of a file, judged."""
        fault = fault_of_alpha(alpha)
        if fault is None:
            return Photo(colors, alpha, "the picture's alpha channel is the mask")
        remark = f"the picture's alpha channel is no mask and is ignored: {fault}" if fault else ""
        return Photo(colors, None, remark)

    def without_alpha(self) -> "Photo":
        """The same colours, with all of them meant."""
        return Photo(self.colors, None, "")

    def shown(self) -> UInt8[Tensor, "h w 3"]:
        """The picture over grey: what an eye, or a net, is to see of it."""
        if self.alpha is None:
            return self.colors
        weight = self.alpha[..., None]
        return (self.colors * weight + _GREY * (1 - weight)).round().to(torch.uint8)

    def known_colors(self) -> UInt8[Tensor, "h w 3"]:
        """The colours, with those below alpha 0 replaced by that of the nearest solid pixel: safe to resize."""
        if self.alpha is None or bool((self.alpha > 0).all()):
            return self.colors
        near = ndimage.distance_transform_edt(
            (self.alpha < _SOFT_HIGH).numpy(), return_distances=False, return_indices=True
        )
        rows, columns = torch.from_numpy(np.asarray(near)).long()
        return torch.where((self.alpha > 0)[..., None], self.colors, self.colors[rows, columns])


def fault_of_alpha(alpha: Float[Tensor, "h w"]) -> str | None:
    """Why an alpha channel cannot be a mask, for the user; empty where it is opaque, None where it can be one.

    >>> fault_of_alpha(torch.ones(4, 4))
    ''
    >>> fault_of_alpha(torch.full((4, 4), 0.3))
    'nothing in it is opaque'
    """
    if bool((alpha == 1).all()):
        return ""
    solid = float((alpha >= _SOLID).float().mean())
    soft = float(((alpha > _SOFT_LOW) & (alpha < _SOFT_HIGH)).float().mean())
    if solid == 0:
        return "nothing in it is opaque"
    if solid < _LEAST:
        return f"it keeps {100 * solid:.2f} % of the picture, too little for a person"
    if solid > _MOST:
        return f"it keeps {100 * solid:.1f} % of the picture, so nothing is cut out"
    if soft > _SOFTEST * solid:
        return "most of it is half transparent, as in a gradient or a watermark, and shows no outline"
    return None
