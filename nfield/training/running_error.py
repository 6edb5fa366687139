"""The error of recent steps, for people."""

import math

from jaxtyping import Float
from torch import Tensor

from nfield.devices import HostCopy


class RunningError:
    """Mean squared error, averaged over the last steps; not a number before the first.

    >>> import torch
    >>> error = RunningError()
    >>> error.add(torch.tensor(0.25))
    >>> error.value
    0.25
    """

    def __init__(self) -> None:
        self._mean = math.nan
        self._last: HostCopy | None = None

    def add(self, square: Float[Tensor, ""]) -> None:
        """Takes a step's mean squared error in; that of a step on a GPU counts when the next one is there."""
        last, self._last = self._last, HostCopy(square)
        if last is not None:
            self._take(last)
        if square.device.type == "cpu":
            self._take_last()

    @property
    def value(self) -> float:
        """The error with that of the last step, which is waited for."""
        self._take_last()
        return self._mean

    @value.setter
    def value(self, mean: float) -> None:
        self._mean, self._last = mean, None

    @property
    def known(self) -> bool:
        """Whether there was a step."""
        return not math.isnan(self._mean)

    @property
    def psnr(self) -> float:
        """In decibels, as far as errors have arrived: nothing is waited for."""
        return -10.0 * math.log10(max(self._mean, 1e-12))

    def _take_last(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            self._take(last)

    def _take(self, arrived: HostCopy) -> None:
        square = arrived.read()
        self._mean = square if math.isnan(self._mean) else 0.95 * self._mean + 0.05 * square
