"""How large a picture may be so that it comes in time."""

import math
from dataclasses import dataclass

Size = tuple[int, int]

_LEAST_HEIGHT = 48
_STEP = 2.0
"""Edge of a picture over that of the coarser one before."""
_NEARLY = 0.6
"""A refinement that has this share of all pixels is skipped for the whole."""
_FIRST_GUESS = 1e5
_FALL, _RISE = 0.7, 0.25
_SLOWER = 0.5


@dataclass(frozen=True)
class FrameBudgetConfig:
    """What the viewer aims at."""

    budget: float = 0.12
    """Seconds for a picture while the camera moves, with encoding: 8 pictures a second leave room to 5."""
    patience: float = 0.18
    """Seconds after which a picture that is already outdated is given up."""


class FrameBudget:
    """Learns how fast pictures come, and chooses sizes after that.

    Args:
        config: The aim.
    """

    def __init__(self, config: FrameBudgetConfig | None = None) -> None:
        self.config = config or FrameBudgetConfig()
        self._rate = _FIRST_GUESS

    @property
    def rate(self) -> float:
        """Pixels per second, as far as is known."""
        return self._rate

    def first(self, window: Size) -> Size:
        """Height and width of the largest picture of a window's shape that comes within the budget."""
        pixels = self._rate * self.config.budget
        share = math.sqrt(pixels / (window[0] * window[1]))
        return _scaled(window, max(share, _LEAST_HEIGHT / window[0]))

    def finer(self, size: Size, window: Size) -> Size | None:
        """The next size at rest; None after the window's own."""
        if size[0] >= window[0]:
            return None
        larger = _scaled(window, _STEP * size[0] / window[0])
        return window if larger[0] * larger[1] >= _NEARLY * window[0] * window[1] else larger

    def learn(self, size: Size, seconds: float) -> None:
        """Takes note of a picture; a slower one counts more than a faster one, so that motion stays smooth."""
        rate = size[0] * size[1] / max(seconds, 1e-4)
        self._rate += (_FALL if rate < self._rate else _RISE) * (rate - self._rate)

    def learn_given_up(self) -> None:
        """Takes note of a picture that was given up."""
        self._rate *= _SLOWER


def _scaled(window: Size, share: float) -> Size:
    share = min(share, 1.0)
    return max(1, round(window[0] * share)), max(1, round(window[1] * share))
