"""What no person has: pieces beside the person, and holes in it."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from torch import Tensor

_VISIBLE = 0.08
_LARGEST_HOLE = 150  # pixels, at 512x512
_HOLE_EDGE = 512
_INSIDE = 2  # pixels
_EIGHT = np.ones((3, 3))


def specks(opacity: Float[Tensor, "h w"]) -> int:
    """Pieces of a picture, opacity above 0.08, that hang together with the largest piece nowhere, not even by a corner.

    >>> import torch
    >>> picture = torch.zeros(5, 5)
    >>> picture[:3, :3], picture[4, 4] = 1.0, 0.1
    >>> specks(picture)
    1
    """
    pieces = _pieces(opacity.numpy() > _VISIBLE, structure=_EIGHT)
    return max(0, int(pieces.max(initial=0)) - 1)


def pin_holes(mask: Bool[Tensor, "h w"], true_mask: Bool[Tensor, "h w"]) -> int:
    """Enclosed gaps of a silhouette, smaller than 150 pixels at 512x512, most of which lies inside of the true one.

    Inside means two pixels from its edge: between fingers a pixel more or less makes and closes gaps. A gap is enclosed
    where no way of pixels with common edges leads out of it to the border of the picture.

    Args:
        mask: The silhouette.
        true_mask: The true one, whose own gaps do not count.
    """
    gaps = _pieces(np.logical_not(mask.numpy()))
    count = int(gaps.max(initial=0))
    border = np.concatenate([gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1]])
    area = np.bincount(gaps.ravel(), minlength=count + 1)
    core = ndimage.binary_erosion(true_mask.numpy(), structure=_EIGHT, iterations=_INSIDE, border_value=1)
    covered = np.bincount(gaps.ravel(), weights=core.ravel(), minlength=count + 1)
    small = area < _LARGEST_HOLE * mask.numel() / _HOLE_EDGE**2
    wrong = small & (2.0 * covered > area)
    wrong[np.append(border, 0)] = False
    return int(wrong.sum())


def _pieces(
    picture: Bool[np.ndarray, "h w"], structure: Float[np.ndarray, "3 3"] | None = None
) -> Int[np.ndarray, "h w"]:
    """The number, from 1, of the connected piece that each pixel belongs to; 0 beside all."""
    labels: Any = ndimage.label(picture, structure=structure)
    return labels[0]
