"""How surfaces answer to light: what every paint returns for the points that a camera sees."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

MARKS = ("lips", "inside-mouth", "ears", "eyelids", "fingernails")
"""Masks of the skin, 0 to 1, by the column of `Seen.marks` that holds them; nearness of hair is the last column."""


@dataclass(frozen=True)
class Eyes:
    """Centres (2, 3) and radius of the eyeballs in the rest pose, metres; the left one first."""

    centers: Float[np.ndarray, "2 3"]
    radius: float


@dataclass(frozen=True)
class Finish:
    """How surface points answer to light.

    Attributes:
        albedo: Linear RGB.
        bump: Added to the unit normal.
        gloss: Strength of the highlight.
        sharpness: Exponent of the highlight.
    """

    albedo: Float[np.ndarray, "n 3"]
    bump: Float[np.ndarray, "n 3"]
    gloss: Float[np.ndarray, "n"]
    sharpness: float


@runtime_checkable
class Paint(Protocol):
    """The colours and the roughness of a kind of surface, as functions of the point in the rest pose."""

    def finish(self, points: Float[np.ndarray, "n 3"], marks: Float[np.ndarray, "n m"], eyes: Eyes) -> Finish:
        """The finish at rest points, metres; `marks` are the masks of `MARKS`, then the nearness of hair."""
        ...


def mix(
    first: Float[np.ndarray, "..."], second: Float[np.ndarray, "..."], amount: Float[np.ndarray, "n"]
) -> Float[np.ndarray, "n 3"]:
    """From `first` at amount 0 to `second` at 1."""
    return first + (second - first) * amount[:, None]
