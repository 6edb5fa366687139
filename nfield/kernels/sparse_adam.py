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
    """The torch twin of `sparse_adam_`."""
    touched = grad.nonzero()[:, 0]
    g = grad[touched]
    m = betas[0] * first[touched] + (1.0 - betas[0]) * g
    v = betas[1] * second[touched] + (1.0 - betas[1]) * g * g
    first[touched], second[touched] = m, v
    root = (v / (1.0 - betas[1] ** step)).sqrt()
    parameter[touched] -= rate / (1.0 - betas[0] ** step) * m / (root + epsilon)
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
