"""How alike two pictures of a person are: inside of the outlines, along them, to an eye, and in sharpness.

Both pictures are over white. *Inside* means: in the union of both silhouettes, opacity above one half.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from skimage.metrics import structural_similarity
from torch import Tensor

from avatars.defects import away_from_outline, sharpness
from nfield.flip import flip_map
from nfield.metrics import intersection_over_union, psnr

_BEST_PSNR = 100.0  # decibels, for equal pictures
_FLIP_MARGIN = 12  # pixels; the filters of FLIP at that distance reach 9
_EDGES = 0.9  # quantile of steepness above which the truth has an edge
_BESIDE = 4  # pixels
_LUMINANCE = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True)
class Likeness:
    """What is measured of a pair of pictures.

    Attributes:
        psnr: Decibels inside, of sRGB in [0, 1]; at most 100.
        ssim: Mean of the structural similarity (Gaussian window of 11 pixels, data range 1) inside.
        iou: Overlap of the silhouettes, intersection over union.
        flip: Mean FLIP (Andersson et al. 2020) in the box around the union of the silhouettes; 0 is equal.
        sharpness: Mean absolute Laplacian of luminance over the truth's, in the silhouettes' intersection eroded by 5
            pixels; None where that is too small or the truth is flat. Grain and specks raise it as detail does.
        edges: Steepness of the colours where the truth's are steepest, over the truth's, in the same place; None as
            above. Blurred hems and hair lines lower it, and grain hardly raises it.
    """

    psnr: float
    ssim: float
    iou: float
    flip: float
    sharpness: float | None
    edges: float | None


def likeness(
    color: Float[Tensor, "h w 3"],
    opacity: Float[Tensor, "h w"],
    true_color: Float[Tensor, "h w 3"],
    true_alpha: Float[Tensor, "h w"],
) -> Likeness:
    """All of it.

    Args:
        color: sRGB in [0, 1] over white.
        opacity: In [0, 1].
        true_color: The truth's colours over white.
        true_alpha: The truth's opacity; above one half somewhere.
    """
    mask, true_mask = opacity > 0.5, true_alpha > 0.5
    union = mask | true_mask
    return Likeness(
        psnr=min(_BEST_PSNR, psnr(color, true_color, mask=union)),
        ssim=ssim_inside(color, true_color, union),
        iou=intersection_over_union(mask, true_mask),
        flip=flip_around(color, true_color, union),
        sharpness=sharpness_ratio(color, true_color, mask & true_mask),
        edges=edge_ratio(color, true_color, mask & true_mask),
    )


def ssim_inside(color: Float[Tensor, "h w 3"], reference: Float[Tensor, "h w 3"], mask: Bool[Tensor, "h w"]) -> float:
    """Mean structural similarity (Wang et al. 2004) of the windows whose centres lie in a mask."""
    compared: Any = structural_similarity(
        color.double().numpy(),
        reference.double().numpy(),
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=2,
        full=True,
    )
    return float(compared[1][mask.numpy()].mean())


def flip_around(color: Float[Tensor, "h w 3"], reference: Float[Tensor, "h w 3"], mask: Bool[Tensor, "h w"]) -> float:
    """Mean FLIP in the box around a mask.

    Raises:
        BackendUnavailable: The package flip-evaluator is missing.
    """
    rows, columns = (mask.any(axis).nonzero()[:, 0] for axis in (1, 0))
    low = [int(rows[0]), int(columns[0])]
    high = [int(rows[-1]) + 1, int(columns[-1]) + 1]
    start = [max(0, edge - _FLIP_MARGIN) for edge in low]
    wide = tuple(slice(first, last + _FLIP_MARGIN) for first, last in zip(start, high, strict=True))
    box = tuple(slice(a - first, b - first) for a, b, first in zip(low, high, start, strict=True))
    return float(flip_map(color[wide], reference[wide])[box].mean())


def sharpness_ratio(
    color: Float[Tensor, "h w 3"], reference: Float[Tensor, "h w 3"], mask: Bool[Tensor, "h w"]
) -> float | None:
    """Mean absolute Laplacian of luminance over the reference's, in an eroded mask; None where there is none."""
    ours, theirs = (sharpness(luminance(picture), mask) for picture in (color, reference))
    return ours / theirs if ours is not None and theirs is not None and theirs > 1e-6 else None


def edge_ratio(
    color: Float[Tensor, "h w 3"], reference: Float[Tensor, "h w 3"], mask: Bool[Tensor, "h w"]
) -> float | None:
    """Steepness of a picture on the edges of its reference, over the reference's; None where there are none.

    Steepness is the length of the gradient in the channel where it is longest. The edges are the steepest tenth of the
    reference in the eroded mask; of both pictures the steepest pixel in the nine by nine around each counts, so that an
    edge may lie four pixels beside the true one.
    """
    core = away_from_outline(mask)
    if core is None:
        return None
    steep, true_steep = (np.where(core, _steepness(picture), 0.0) for picture in (color, reference))
    edges = core & (true_steep >= np.quantile(true_steep[core], _EDGES))
    around, true_around = (
        float(ndimage.maximum_filter(values, 2 * _BESIDE + 1)[edges].mean()) for values in (steep, true_steep)
    )
    return around / true_around if true_around > 1e-6 else None


def _steepness(color: Float[Tensor, "h w 3"]) -> Float[np.ndarray, "h w"]:
    """Length of the gradient by central differences, per pixel, in the steepest channel."""
    down, right = np.gradient(color.double().numpy(), axis=(0, 1))
    return np.hypot(down, right).max(-1)


def luminance(color: Float[Tensor, "h w 3"]) -> Float[np.ndarray, "h w"]:
    """Weighted mean of the channels (the weights of Rec. 709, applied to sRGB)."""
    return color.double().numpy() @ np.array(_LUMINANCE)
