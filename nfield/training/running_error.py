"""The error of recent steps, for people."""

import math


class RunningError:
    """Mean squared error, averaged over the last steps; not a number before the first.

    >>> error = RunningError()
    >>> error.add(0.01)
    >>> error.psnr
    20.0
    """

    def __init__(self) -> None:
        self.value = math.nan

    def add(self, square: float) -> None:
        """Takes a step's mean squared error in."""
        self.value = square if math.isnan(self.value) else 0.95 * self.value + 0.05 * square

    @property
    def known(self) -> bool:
        """Whether there was a step."""
        return not math.isnan(self.value)

    @property
    def psnr(self) -> float:
        """In decibels."""
        return -10.0 * math.log10(max(self.value, 1e-12))
