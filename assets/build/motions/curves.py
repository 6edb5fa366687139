"""Curves that come back to where they began, through values at given times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

Curve = Float[np.ndarray, "t"]


@dataclass(frozen=True)
class Clock:
    """The frames of one cycle; the last is the first again.

    Attributes:
        seconds: Of the cycle.
        beat: Seconds of the unit in which keys are given.
        rate: Frames per second, about: cycles are whole frames.
    """

    seconds: float
    beat: float = 1.0
    rate: float = 30.0

    @property
    def count(self) -> int:
        """Frames, the last one included."""
        return round(self.seconds * self.rate) + 1

    @property
    def phase(self) -> Curve:
        """From 0 to 1."""
        return np.linspace(0.0, 1.0, self.count)

    def through(self, keys: Mapping[float, float] | Sequence[float], *, soft: float = 0.04) -> Curve:
        """A curve through values, without overshoot and at rest at its extremes; then made softer.

        Args:
            keys: Values by beat, or one for each beat.
            soft: Seconds over which it is smoothed.
        """
        given = dict(keys) if isinstance(keys, Mapping) else dict(enumerate(keys))
        beats = self.seconds / self.beat
        times = sorted(given)
        values = [given[time] for time in times]
        around = np.concatenate([np.array(times) + shift * beats for shift in (-1.0, 0.0, 1.0)])
        once = PchipInterpolator(around, np.tile(values, 3))(self.phase[:-1] * beats)
        return closed(gaussian_filter1d(once, soft * self.rate, mode="wrap") if soft else once)

    def wave(self, size: float, *, cycles: int = 1, peak: float = 0.0) -> Curve:
        """A cosine.

        Args:
            size: At its peak.
            cycles: Of it in this cycle.
            peak: Share of the cycle at which its first peak is.
        """
        return size * np.cos(2.0 * np.pi * cycles * (self.phase - peak))


def closed(once: Curve) -> Float[np.ndarray, "u"]:
    """A cycle with its first frame again at its end."""
    return np.append(once, once[0])


def eased(share: Curve) -> Curve:
    """From 0 to 1 with the least jerk."""
    share = np.clip(share, 0.0, 1.0)
    return share**3 * (10.0 - 15.0 * share + 6.0 * share**2)
