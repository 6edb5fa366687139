"""How well a fitted picture agrees with its picture, a band of rows at a time."""

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from nfield.data.picture import Picture
from nfield.data.picture_files import to_bytes
from nfield.metrics import SSIM_WINDOW, decibels, ssim_map
from nfield.pictures.bands import bands

_BAND = 1 << 18
_MEASURED = 16


@dataclass(frozen=True)
class ImageMeasures:
    """How well a signal agrees with its picture, on the pixels that it was fitted to.

    Attributes:
        psnr: Of the values, clipped to [0, 1] and rounded to 16 bits, decibels.
        psnr_8bit: After rounding to 8 bits, as decoded.png holds it; above 59 dB it says little.
        ssim: Of four megapixels in bands of rows that are spread evenly over a larger picture; None for pictures that
            are smaller than its window.
    """

    psnr: float
    psnr_8bit: float
    ssim: float | None


def measures(fitted: Picture, picture: Picture) -> ImageMeasures:
    """PSNR and SSIM of a fitted picture."""
    exact = rounded = 0.0
    for first, last in bands(picture.size, pixels=_BAND):
        found, wanted = fitted.rows(first, last), picture.rows(first, last)
        exact += _squares(found, wanted)
        rounded += _squares(to_bytes(found).float() / 255.0, wanted)
    count = picture.stored.size
    return ImageMeasures(decibels(exact / count), decibels(rounded / count), _ssim(fitted, picture))


def picture_psnr(fitted: Picture, picture: Picture) -> float:
    """See `ImageMeasures`: the first of them alone."""
    parts = bands(picture.size, pixels=_BAND)
    return decibels(sum(_squares(fitted.rows(*band), picture.rows(*band)) for band in parts) / picture.stored.size)


def _squares(found: Float[Tensor, "h w c"], wanted: Float[Tensor, "h w c"]) -> float:
    return float((found.double() - wanted.double()).square().sum())


def _ssim(fitted: Picture, picture: Picture) -> float | None:
    """Structural similarity, whose windows reach from one band into the next."""
    height, width = picture.size
    if min(height, width) < SSIM_WINDOW:
        return None
    sums: list[float] = []
    count = 0
    for first, last in _spread(list(bands((height - SSIM_WINDOW + 1, width), pixels=_BAND))):
        reach = last + SSIM_WINDOW - 1
        similarity = ssim_map(fitted.rows(first, reach), picture.rows(first, reach))
        sums.append(float(similarity.sum()))
        count += similarity.numel()
    return math.fsum(sums) / count


def _spread(parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """All of some bands, or as many as are measured, evenly spread."""
    if len(parts) <= _MEASURED:
        return parts
    return [parts[(2 * turn + 1) * len(parts) // (2 * _MEASURED)] for turn in range(_MEASURED)]
