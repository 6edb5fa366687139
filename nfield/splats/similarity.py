"""Structural dissimilarity as a loss: `nfield.metrics.ssim` in single precision, with gradients, up to the borders."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

_WINDOW = 11
_SIGMA = 1.5
_SMALL_MEAN = 0.01**2
_SMALL_VARIANCE = 0.03**2


@dataclass(frozen=True)
class Structure:
    """A reference image and what its windows look like, so that comparing others with it costs less.

    Attributes:
        image: In [0, 1].
        mean: Of each window.
        variance: Of each window.
    """

    image: Float[Tensor, "c h w"]
    mean: Float[Tensor, "c h w"]
    variance: Float[Tensor, "c h w"]

    @staticmethod
    def of(image: Float[Tensor, "c h w"]) -> "Structure":
        """That of an image."""
        mean = blurred(image)
        return Structure(image, mean, blurred(image.square()) - mean.square())

    def dissimilarity(self, image: Float[Tensor, "c h w"]) -> Float[Tensor, ""]:
        """`1 - SSIM` of an image (Wang et al. 2004, equation 13), averaged over windows; differentiable.

        >>> reference = torch.rand(3, 16, 16)
        >>> float(Structure.of(reference).dissimilarity(reference)) < 1e-4
        True
        """
        mean, square, product = blurred(torch.cat([image, image.square(), image * self.image])).chunk(3)
        variance, covariance = square - mean.square(), product - mean * self.mean
        luminance = (2.0 * mean * self.mean + _SMALL_MEAN) / (mean.square() + self.mean.square() + _SMALL_MEAN)
        structure = (2.0 * covariance + _SMALL_VARIANCE) / (variance + self.variance + _SMALL_VARIANCE)
        return 1.0 - (luminance * structure).mean()


def blurred(channels: Float[Tensor, "c h w"]) -> Float[Tensor, "c h w"]:
    """Means over Gaussian windows; black goes on outside the image."""
    offsets = torch.arange(_WINDOW, dtype=channels.dtype, device=channels.device) - _WINDOW // 2
    weights = torch.exp(-0.5 * (offsets / _SIGMA).square())
    weights = weights / weights.sum()
    edge = _WINDOW // 2
    rows = torch.nn.functional.conv2d(channels[:, None], weights.view(1, 1, -1, 1), padding=(edge, 0))
    return torch.nn.functional.conv2d(rows, weights.view(1, 1, 1, -1), padding=(0, edge))[:, 0]
