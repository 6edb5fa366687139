"""Losses, unreduced: one number per entry, so that callers weight and average as they need."""

import torch
from jaxtyping import Float
from torch import Tensor

_SMALLEST_PROBABILITY = 1e-5


def squared_error(prediction: Float[Tensor, "*n"], target: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """`(prediction - target)^2`, differentiable."""
    return (prediction - target).square()


def huber(prediction: Float[Tensor, "*n"], target: Float[Tensor, "*n"], *, delta: float = 0.1) -> Float[Tensor, "*n"]:
    """`e^2 / 2` for errors e up to `delta`, `delta (|e| - delta / 2)` beyond, differentiable (Huber 1964).

    Args:
        prediction: What the model says.
        target: What it should say.
        delta: From which error on the loss grows linearly.

    >>> huber(torch.tensor([0.06, 1.0]), torch.zeros(2), delta=0.1)
    tensor([0.0018, 0.0950])
    """
    return torch.nn.functional.huber_loss(prediction, target, reduction="none", delta=delta)


def binary_cross_entropy(opacity: Float[Tensor, "*n"], mask: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """`-mask ln o - (1 - mask) ln(1 - o)` of a rendered silhouette, differentiable.

    The opacity o is first drawn into [1e-5, 1 - 1e-5] by a linear map: a clamp would have no gradient where a
    silhouette is completely wrong.

    Args:
        opacity: In [0, 1]; rounding errors beyond that are tolerated.
        mask: What it should be, in [0, 1].
    """
    inside = _SMALLEST_PROBABILITY + (1.0 - 2.0 * _SMALLEST_PROBABILITY) * opacity
    inside = inside.clamp(0.5 * _SMALLEST_PROBABILITY, 1.0 - 0.5 * _SMALLEST_PROBABILITY)
    return -(mask * inside.log() + (1.0 - mask) * torch.log1p(-inside))
