"""One thread and no denormal numbers, for as long as the perception nets run.

The nets are small: waking a second thread costs more than it saves on shared cores, and denormal activations double
the time of the pose nets. Both switches belong to the process, so they are put back afterwards.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_SMALLEST_NORMAL = 1.2e-38


@contextmanager
def single_threaded() -> Iterator[None]:
    """Within the block torch uses one thread and flushes denormal numbers to zero.

    >>> with single_threaded():
    ...     torch.get_num_threads()
    1
    """
    threads, flushing = torch.get_num_threads(), flushes_denormals()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushing)
        torch.set_num_threads(threads)


def flushes_denormals() -> bool:
    """Whether arithmetic rounds denormal numbers to zero now; torch has a setter for this but no getter."""
    return (torch.tensor(_SMALLEST_NORMAL) * 1e-3).item() == 0.0
