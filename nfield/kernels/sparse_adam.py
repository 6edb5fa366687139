"""One step of Adam that visits only entries with a gradient (instant-ngp, section 4: sparse updates of the table)."""

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.kernels import native_core


def sparse_adam_reference(
    parameter: Float[Tensor, "n"],
    grad: Float[Tensor, "n"],
    first: Float[Tensor, "n"],
    second: Float[Tensor, "n"],
    *,
    rate: float,
    betas: tuple[float, float],
    epsilon: float,
    step: int,
) -> None:
    """The torch twin of `sparse_adam_`: every entry is looked at, so that no GPU has to say first which are touched."""
    touched = grad != 0.0
    first.copy_(torch.where(touched, betas[0] * first + (1.0 - betas[0]) * grad, first))
    second.copy_(torch.where(touched, betas[1] * second + (1.0 - betas[1]) * grad * grad, second))
    root = (second / (1.0 - betas[1] ** step)).sqrt_().add_(epsilon)
    parameter.sub_(torch.where(touched, first / root, 0.0), alpha=rate / (1.0 - betas[0] ** step))
    grad.zero_()


@torch.no_grad()
def sparse_adam_(
    parameter: Float[Tensor, "n"],
    grad: Float[Tensor, "n"],
    first: Float[Tensor, "n"],
    second: Float[Tensor, "n"],
    *,
    rate: float,
    betas: tuple[float, float],
    epsilon: float,
    step: int,
) -> None:
    """Adam (Kingma and Ba 2015, algorithm 1) in place; entries with zero gradient keep value and moments.

    Args:
        parameter: Values, changed in place.
        grad: Their gradient, which is cleared: its memory can be used again (see `nfield.kernels.zeroed`).
        first: Running mean of the gradient, changed in place.
        second: Running mean of its square, changed in place.
        rate: Learning rate.
        betas: Decay of the two means.
        epsilon: Added to the root, so that it is never divided by zero.
        step: Number of this step, from 1 on, for the bias correction.
    """
    tensors = (parameter, grad, first, second)
    if not (native_core.runs_natively(*tensors) and all(t.is_contiguous() for t in tensors)):
        return sparse_adam_reference(parameter, grad, first, second, rate=rate, betas=betas, epsilon=epsilon, step=step)
    arrays = [t.detach() for t in tensors]
    return native_core.require().sparse_adam(*arrays, rate, *betas, epsilon, step, torch.get_num_threads())
