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
_EROSION = 5  # pixels from the outline within which no sharpness is told
_FEWEST = 100  # pixels that a sharpness needs
_EIGHT = np.ones((3, 3))


def specks(opacity: Float[Tensor, "h w"]) -> int:
    """Pieces above 0.08, of opacity or of the way from white to black, that hang together with the largest nowhere.

    Pieces hang together by edges and corners of pixels.

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
    gaps, small = _small_gaps(mask)
    core = ndimage.binary_erosion(true_mask.numpy(), structure=_EIGHT, iterations=_INSIDE, border_value=1)
    covered = np.bincount(gaps.ravel(), weights=core.ravel(), minlength=len(small))
    return int((small & (2.0 * covered > np.bincount(gaps.ravel(), minlength=len(small)))).sum())


def small_gaps(mask: Bool[Tensor, "h w"]) -> int:
    """Enclosed gaps of a silhouette, smaller than 150 pixels at 512x512, true ones between fingers included."""
    return int(_small_gaps(mask)[1].sum())


def sharpness(luminance: Float[np.ndarray, "h w"], mask: Bool[Tensor, "h w"]) -> float | None:
    """Mean absolute Laplacian of a picture five pixels inside of a mask and more; None where that is too small."""
    core = away_from_outline(mask)
    values: Any = ndimage.laplace(luminance)
    return None if core is None else float(np.abs(values[core]).mean())


def away_from_outline(mask: Bool[Tensor, "h w"]) -> Bool[np.ndarray, "h w"] | None:
    """Where a mask's outline is five pixels away or more; None where that is too small to tell a sharpness."""
    core: Any = ndimage.binary_erosion(mask.numpy(), iterations=_EROSION)
    return core if core.sum() >= _FEWEST else None


def _small_gaps(mask: Bool[Tensor, "h w"]) -> tuple[Int[np.ndarray, "h w"], Bool[np.ndarray, "n"]]:
    """The number of the gap that each pixel belongs to, 0 beside all, and which gaps are enclosed and small."""
    gaps = _pieces(np.logical_not(mask.numpy()))
    border = np.concatenate([gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1]])
    small = np.bincount(gaps.ravel(), minlength=1) < _LARGEST_HOLE * mask.numel() / _HOLE_EDGE**2
    small[np.append(border, 0)] = False
    return gaps, small


def _pieces(
    picture: Bool[np.ndarray, "h w"], structure: Float[np.ndarray, "3 3"] | None = None
) -> Int[np.ndarray, "h w"]:
    """The number, from 1, of the connected piece that each pixel belongs to; 0 beside all."""
    labels: Any = ndimage.label(picture, structure=structure)
    return labels[0]
