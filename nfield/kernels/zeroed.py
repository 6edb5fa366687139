"""Zeroed memory for large gradients of which a step fills a small part, used again from step to step.

Fresh memory costs more than the gradient: the system has to find, clear and map every page of it. Whoever has read
such a gradient clears what was written (`nfield.kernels.sparse_adam` does, in passing) and gives the memory back.
"""

from collections import defaultdict

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

_free: dict[int, list[Tensor]] = defaultdict(list)
_lent: dict[int, int] = defaultdict(int)


def zeroed_like(tensor: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Zeros of a tensor's shape, contiguous and in single precision: memory that was given back, if there is some."""
    size = tensor.numel()
    _lent[size] += 1
    # numpy asks the system for large pages, and for pages that are cleared when they are first touched.
    flat = _free[size].pop() if _free[size] else torch.from_numpy(np.zeros(size, dtype=np.float32))
    return flat.view(tensor.shape)


def give_back(tensor: Float[Tensor, "..."]) -> None:
    """Takes a tensor for later use that the caller has cleared and will not touch again.

    Args:
        tensor: All zeros. What no `zeroed_like` waits for is let go, so that nothing piles up.
    """
    size = tensor.numel()
    if _lent[size] and tensor.is_contiguous():
        _lent[size] -= 1
        _free[size].append(tensor.detach().view(-1))
