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
    height, width, channels = image.shape
    grid = pixel.reshape(1, 1, -1, 2) / pixel.new_tensor([width / 2, height / 2]) - 1.0
    planes = image.permute(2, 0, 1)[None]
    found = torch.nn.functional.grid_sample(planes, grid, padding_mode="border", align_corners=False)
    return found[0, :, 0].T.reshape(*pixel.shape[:-1], channels)
