"""Values of images between their pixels."""

import torch
from jaxtyping import Float
from torch import Tensor


def bilinear(image: Float[Tensor, "h w c"], pixel: Float[Tensor, "*n 2"]) -> Float[Tensor, "*n c"]:
    """Values at image points, bilinear and differentiable; what lies on the border goes on outside.

    Args:
        image: Values of pixels.
        pixel: Columns and rows, pixel centres at +0.5.

    >>> ramp = torch.tensor([[[0.0], [1.0], [2.0]]])
    >>> bilinear(ramp, torch.tensor([[0.5, 0.5], [1.0, 0.5], [9.0, 0.5]]))[:, 0].round(decimals=3).abs().tolist()
    [0.0, 0.5, 2.0]
    """
    return _sampled(image, pixel, "bilinear")


def bicubic(image: Float[Tensor, "h w c"], pixel: Float[Tensor, "*n 2"]) -> Float[Tensor, "*n c"]:
    """Values at image points by cubic convolution (Keys 1981, a = -0.75), within the range of each channel.

    Bilinear values between pixels are blurred means of four. These keep the sharpness of fine patterns.

    Args:
        image: Values of pixels; those on the border go on outside.
        pixel: Columns and rows, pixel centres at +0.5.
    """
    return _sampled(image, pixel, "bicubic").clamp(image.amin((0, 1)), image.amax((0, 1)))


def _sampled(image: Float[Tensor, "h w c"], pixel: Float[Tensor, "*n 2"], mode: str) -> Float[Tensor, "*n c"]:
    height, width, channels = image.shape
    grid = pixel.reshape(1, 1, -1, 2) / pixel.new_tensor([width / 2, height / 2]) - 1.0
    planes = image.permute(2, 0, 1)[None]
    found = torch.nn.functional.grid_sample(planes, grid, mode=mode, padding_mode="border", align_corners=False)
    return found[0, :, 0].T.reshape(*pixel.shape[:-1], channels)
