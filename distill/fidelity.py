"""When a student is near enough to its teacher."""

from collections.abc import Callable

from nfield.training.loop import StepEvent

_FIRST = 128
"""Steps before which a student is not looked at: it shows nothing yet."""
_EVERY = 3.0
"""Seconds of training between two looks, at least."""
_SHARE = 0.05
"""Of the time so far: a training of minutes is not looked at every few seconds."""


class FidelityGoal:
    """Asks after a step, now and then, whether a training has reached what was asked for.

    Args:
        measure: Decibels of the student against its teacher.
        goal: Decibels that are enough.
    """

    def __init__(self, measure: Callable[[], float], goal: float) -> None:
        self._measure, self._goal = measure, goal
        self._next = 0.0

    def __call__(self, event: StepEvent) -> bool:
        """Whether it has; measures only where it is time to."""
        seconds = event.moment.seconds
        if event.moment.step < _FIRST or seconds < self._next:
            return False
        self._next = seconds + max(_EVERY, _SHARE * seconds)
        return self._measure() >= self._goal
