"""What a reader of motions is, and what all readers say about files."""

import warnings
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body.model import BodyModel
from avatars.motion.motion import Motion
from nfield.errors import DataError

FASTEST = 1e4  # frames per second


@runtime_checkable
class MotionReader(Protocol):
    """Reads one kind of files or folders."""

    def __call__(self, path: Path, model: BodyModel) -> Motion:
        """The motion of a file, for a body of mean shape.

        Args:
            path: That exists.
            model: The body that shall move.

        Raises:
            DataError: The file cannot be used; the message names it, what was expected, and what to do.
        """
        ...


def require_motion(path: Path, turns: Float[Tensor, "t j c"], rate: float, *, advice: str) -> None:
    """Refuses a motion without frames, with numbers that are not finite, or of an impossible rate."""
    if not len(turns):
        raise DataError(f"{path}: has no frames; {advice}")
    if not bool(turns.isfinite().all()):
        raise DataError(f"{path}: holds angles that are not finite; {advice}")
    if not 0.0 < rate < FASTEST:
        raise DataError(
            f"{path}: has {rate:g} frames a second, expected a number above 0 and below {FASTEST:g}; {advice}"
        )


def remark(path: Path, text: str) -> None:
    """Tells the user what was left out or guessed."""
    warnings.warn(f"{path}: {text}", UserWarning, stacklevel=3)


def tensor(values: Float[np.ndarray, "..."]) -> Float[Tensor, "..."]:
    """Numbers of a file in double precision."""
    return torch.from_numpy(np.ascontiguousarray(values, np.float64))
