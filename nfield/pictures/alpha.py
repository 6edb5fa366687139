"""Colours times alpha, which is what is fitted, and back."""

import torch
from jaxtyping import Float
from torch import Tensor


def premultiplied(pixels: Float[Tensor, "*n c"]) -> Float[Tensor, "*n c"]:
    """What is fitted: colours times alpha, so that what nobody sees costs nothing; other pictures as they are."""
    return torch.cat([pixels[..., :3] * pixels[..., 3:], pixels[..., 3:]], -1) if pixels.shape[-1] == 4 else pixels


def straight(values: Float[Tensor, "*n c"]) -> Float[Tensor, "*n c"]:
    """The inverse of `premultiplied`, clipped to [0, 1]."""
    clipped = values.clamp(0.0, 1.0)
    if values.shape[-1] != 4:
        return clipped
    alpha = clipped[..., 3:]
    return torch.cat([(clipped[..., :3] / alpha.clamp_min(1e-6)).clamp(0.0, 1.0), alpha], -1)
