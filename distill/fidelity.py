"""When a student is near enough to its teacher."""

from collections.abc import Callable
from dataclasses import replace

import torch

from distill.teacher import Teacher
from nfield.cameras import Cameras
from nfield.fields.base import Field
from nfield.metrics import psnr
from nfield.training.loop import StepEvent

_FIRST = 128
"""Steps before which a student is not looked at: it shows nothing yet."""
_EVERY = 3.0
"""Seconds of training between two looks, at least."""
_SHARE = 0.05
"""Of the time so far: a training of minutes is not looked at every few seconds."""


_EDGE = 200
"""Pixels of the longer side of the pictures that are compared, at most."""


class Nearness:
    """The mean PSNR of a student that is still learning against its teacher, decibels, by the teacher's samples.

    Args:
        teacher: Its pictures are rendered once.
        student: The student.
        cameras: From where; their pictures are made smaller.
    """

    def __init__(self, teacher: Teacher, student: Field, cameras: Cameras) -> None:
        scale = min(1.0, _EDGE / max(cameras.size))
        height, width = (max(1, round(edge * scale)) for edge in cameras.size)
        self._cameras, self._lent = cameras.resized((height, width)), replace(teacher.shown, field=student)
        self._wanted = [teacher.shown.image(self._cameras, index).color for index in range(len(cameras))]

    @torch.no_grad()
    def __call__(self) -> float:
        """As it is now."""
        found = [self._lent.image(self._cameras, index).color for index in range(len(self._wanted))]
        return sum(psnr(own, theirs) for own, theirs in zip(found, self._wanted, strict=True)) / len(found)


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
