"""A picture of the avatar of the moment, in the run folder: the photo, the avatar beside it, and its side."""

import math
import time
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.fitting.subject import FitSubject
from avatars.report import on_white
from nfield.cameras import Cameras
from nfield.data.picture_files import png_bytes, side_by_side
from nfield.training.loop import StepEvent
from nfield.types import Box
from nfield.whole_file import write_atomically

FIRST_PICTURE = 10.0
"""Seconds until the first picture."""
PICTURE_EVERY = 60.0
"""Seconds between two pictures, all of which are one file."""

_LARGEST = 280
"""Pixels of a view's longer side: both views take about one and a half seconds on two cores."""


class ProgressPicture:
    """A hook that draws a subject every so often; one for all stages of a fit.

    Args:
        path: The PNG file, replaced each time.
        subject: What is fitted.
        every: Seconds between two pictures.
        first: Seconds until the first one.
    """

    def __init__(
        self, path: Path, subject: FitSubject, *, every: float = PICTURE_EVERY, first: float = FIRST_PICTURE
    ) -> None:
        self._path, self._subject, self._every = path, subject, every
        self._next = time.monotonic() + first

    def __call__(self, event: StepEvent) -> None:
        """Draws where it is time to."""
        if time.monotonic() < self._next:
            return
        write_atomically(self._path, png_bytes(progress_picture(self._subject)))
        self._next = time.monotonic() + self._every


def progress_picture(subject: FitSubject, *, largest: int = _LARGEST) -> Float[Tensor, "h w 3"]:
    """The cut-out photo, the avatar from the photo's camera, and the avatar from its left, side by side.

    Args:
        subject: What is fitted.
        largest: Pixels of a view's longer side.
    """
    person, posed = subject.person, subject.posed
    camera = _smaller(person.portrait.camera, largest)
    views = (camera, from_the_side(camera, posed.box))
    photo = torch.nn.functional.interpolate(on_white(person).permute(2, 0, 1)[None], camera.size, mode="area")
    return side_by_side([photo[0].permute(1, 2, 0), *(posed.image(view, 0).color for view in views)])


def from_the_side(camera: Cameras, box: Box) -> Cameras:
    """A photo's camera, carried a quarter around the person: it sees what is at the right of the photo.

    Args:
        camera: One, in its own frame.
        box: Of the person, in that frame, metres.
    """
    middle = 0.5 * (box.low + box.high)
    turn = torch.tensor([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    away = camera.world_from_camera.clone()
    away[0, :3, :3] = turn
    away[0, :3, 3] = middle - turn @ middle
    return Cameras(camera.intrinsics, away, camera.size)


def _smaller(camera: Cameras, largest: int) -> Cameras:
    height, width = camera.size
    scale = min(1.0, largest / max(height, width))
    return camera.resized((math.ceil(height * scale), math.ceil(width * scale)))
