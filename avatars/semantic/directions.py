"""From which of four sides somebody is looked at: ELICIT's view directions.

A person stands in the canonical frame (y up, looking along z). Azimuths are degrees about y: 0 looks at the face, 90 at
the person's left side.
"""

from dataclasses import dataclass
from enum import Enum

import torch


class Direction(Enum):
    """A side, and the azimuth of its middle in degrees."""

    FRONT = 0.0
    LEFT = 90.0
    BACK = 180.0
    RIGHT = 270.0

    @property
    def words(self) -> str:
        """What a caption says of it."""
        return _WORDS[self]

    @staticmethod
    def of(azimuth: float) -> "Direction":
        """The side that a camera at an azimuth, degrees, looks at.

        >>> [Direction.of(angle).name for angle in (0.0, 44.0, 46.0, 180.0, 226.0, 330.0)]
        ['FRONT', 'FRONT', 'LEFT', 'BACK', 'RIGHT', 'FRONT']
        """
        return tuple(Direction)[int(((azimuth + _HALF) % 360.0) // (2.0 * _HALF))]

    def draw(self, generator: torch.Generator) -> float:
        """A random azimuth of this side, degrees."""
        return (self.value + _HALF * (2.0 * float(torch.rand((), generator=generator)) - 1.0)) % 360.0

    def nearest(self, azimuth: float) -> float:
        """The azimuth of this side, some degrees within it, that is nearest to another one, degrees.

        >>> Direction.LEFT.nearest(170.0), Direction.LEFT.nearest(100.0)
        (125.0, 100.0)
        """
        away = (azimuth - self.value + 180.0) % 360.0 - 180.0
        return (self.value + min(max(away, _INSET - _HALF), _HALF - _INSET)) % 360.0


_WORDS = {
    Direction.FRONT: "seen from the front",
    Direction.LEFT: "seen from the side",
    Direction.BACK: "seen from behind",
    Direction.RIGHT: "seen from the side",
}
_HALF = 45.0
_INSET = 10.0


@dataclass(frozen=True)
class SidedPart:
    """What is looked at, and from which side."""

    part: str
    """Of `avatars.semantic.sampling.PARTS`."""
    direction: Direction
    """The side."""
