"""How well an image or a mask agrees with its reference."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nfield.errors import DataError

SSIM_WINDOW = 11
"""Edge of the window of SSIM, pixels."""

_SIGMA = 1.5
_SMALL_MEAN = 0.01**2
_SMALL_VARIANCE = 0.03**2


def psnr(
    image: Float[Tensor, "h w c"], reference: Float[Tensor, "h w c"], *, mask: Bool[Tensor, "h w"] | None = None
) -> float:
    """Peak signal-to-noise ratio, `-10 log10(mean squared error)`, decibels; infinite for equal images.

    Args:
        image: In [0, 1].
        reference: In [0, 1].
        mask: The pixels to compare; all of them where it is left out. At least one.

    >>> round(psnr(torch.full((4, 4, 3), 0.5), torch.full((4, 4, 3), 0.6)), 3)
    20.0
    """
    square = (image.to(torch.float64) - reference.to(torch.float64)).square()
    compared = square if mask is None else square[mask]
    if compared.numel() == 0:
        raise DataError("mask: has no pixel set, expected at least one to compare; check where the mask comes from")
    return decibels(float(compared.mean()))


def decibels(error: float) -> float:
    """A mean squared error as PSNR of values in [0, 1]; infinite for none.

    >>> decibels(0.001), decibels(0.0)
    (30.0, inf)
    """
    return math.inf if error == 0.0 else -10.0 * math.log10(error)


def ssim(
    image: Float[Tensor, "h w c"], reference: Float[Tensor, "h w c"], *, mask: Bool[Tensor, "h w"] | None = None
) -> float:
    """Mean structural similarity (Wang et al. 2004, equation 13; Gaussian window of 11 pixels with sigma 1.5).

    Averaged over the pixels whose window lies in the image, and over channels.

    Args:
        image: In [0, 1], at least 11x11.
        reference: In [0, 1].
        mask: The pixels to compare; all of them where it is left out. Around others the two count as equal.
    """
    height, width, _ = image.shape
    if min(height, width) < SSIM_WINDOW:
        raise DataError(
            f"image: is {width}x{height}, expected at least {SSIM_WINDOW}x{SSIM_WINDOW} pixels for SSIM; "
            "use larger images"
        )
    similarity = ssim_map(image, reference if mask is None else torch.where(mask[..., None], reference, image))
    if mask is None:
        return float(similarity.mean())
    edge = SSIM_WINDOW // 2
    compared = similarity[:, mask[edge : height - edge, edge : width - edge]]
    # A mask that leaves the frame only leaves nothing whose window lies in the image.
    return float(compared.mean()) if compared.numel() else 1.0


def ssim_map(image: Float[Tensor, "h w c"], reference: Float[Tensor, "h w c"]) -> Float[Tensor, "c h2 w2"]:
    """Structural similarity around every pixel whose window lies in the image, in double precision; see `ssim`."""
    x = image.to(torch.float64).permute(2, 0, 1)
    y = reference.to(torch.float64).permute(2, 0, 1)
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x = _blurred(x * x) - mean_x * mean_x
    variance_y = _blurred(y * y) - mean_y * mean_y
    covariance = _blurred(x * y) - mean_x * mean_y
    luminance = (2.0 * mean_x * mean_y + _SMALL_MEAN) / (mean_x.square() + mean_y.square() + _SMALL_MEAN)
    structure = (2.0 * covariance + _SMALL_VARIANCE) / (variance_x + variance_y + _SMALL_VARIANCE)
    return luminance * structure


def intersection_over_union(mask: Bool[Tensor, "h w"], reference: Bool[Tensor, "h w"]) -> float:
    """Common pixels over pixels in either mask; 1 where both are empty."""
    union = int((mask | reference).sum())
    return int((mask & reference).sum()) / union if union else 1.0


def _blurred(channels: Float[Tensor, "c h w"]) -> Float[Tensor, "c h2 w2"]:
    offsets = torch.arange(SSIM_WINDOW, dtype=channels.dtype, device=channels.device) - SSIM_WINDOW // 2
    weights = torch.exp(-0.5 * (offsets / _SIGMA).square())
    weights = weights / weights.sum()
    rows = torch.nn.functional.conv2d(channels[:, None], weights.view(1, 1, -1, 1))
    return torch.nn.functional.conv2d(rows, weights.view(1, 1, 1, -1))[:, 0]
