"""Where a part of a scene is put, and boxes that go with it."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nfield.errors import OptionError
from nfield.types import Box, Triple, triple

_UPRIGHT = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True)
class Placement:
    """A similarity: `placed = scale * turn @ point + shift`."""

    turn: tuple[Triple, Triple, Triple] = _UPRIGHT
    """Rows of a rotation matrix."""
    scale: float = 1.0
    """Factor on lengths."""
    shift: Triple = (0.0, 0.0, 0.0)
    """Metres, after turn and scale."""

    def __post_init__(self) -> None:
        turn = self._turn
        if not (math.isfinite(self.scale) and self.scale > 0.0 and all(map(math.isfinite, self.shift))):
            raise OptionError(f"scale and shift are {self.scale} and {self.shift}, expected finite numbers, scale > 0")
        if not torch.allclose(turn @ turn.T, torch.eye(3, dtype=turn.dtype), atol=1e-4) or turn.det() < 0.0:
            raise OptionError(f"turn is {self.turn}, expected the rows of a rotation matrix")

    @staticmethod
    def about(center: Triple, *, axis: Triple, angle: float, scale: float, shift: Triple) -> "Placement":
        """A turn and a scale about a point that is then shifted.

        Args:
            center: Metres.
            axis: Of the turn; of any length but zero.
            angle: Radians, counter-clockwise where the axis points at the viewer.
            scale: Factor on lengths.
            shift: Of the centre, metres.

        >>> quarter = Placement.about((1., 0., 0.), axis=(0., 0., 1.), angle=math.pi / 2, scale=2., shift=(0., 0., 5.))
        >>> [round(x, 6) + 0.0 for x in quarter.of(torch.tensor([[2.0, 0.0, 0.0]]))[0].tolist()]
        [1.0, 2.0, 5.0]
        """
        direction = torch.tensor(axis, dtype=torch.float64)
        if not float(direction.norm()) > 0.0:
            raise OptionError(f"axis is {axis}, expected a direction; give one that is not zero")
        x, y, z = (direction / direction.norm()).tolist()
        cross = torch.tensor([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]], dtype=torch.float64)
        turn = torch.eye(3, dtype=torch.float64) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * cross @ cross
        middle = torch.tensor(center, dtype=torch.float64)
        moved = middle + torch.tensor(shift, dtype=torch.float64) - scale * turn @ middle
        return Placement(_rows(turn), scale, triple(moved))

    @property
    def _turn(self) -> Float[Tensor, "3 3"]:
        return torch.tensor(self.turn, dtype=torch.float64)

    def after(self, first: "Placement") -> "Placement":
        """What `first` and then this one do."""
        shift = self.scale * self._turn @ torch.tensor(first.shift, dtype=torch.float64)
        return Placement(
            _rows(self._turn @ first._turn),
            self.scale * first.scale,
            triple(shift + torch.tensor(self.shift, dtype=torch.float64)),
        )

    def of(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Where points, metres, are put; differentiable."""
        return self.scale * points @ self._turn.T.to(points) + points.new_tensor(self.shift)

    def back(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Where placed points, metres, come from: the inverse of `of`; differentiable."""
        return (points - points.new_tensor(self.shift)) @ self._turn.to(points) / self.scale

    def turned_back(self, dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Directions before the turn."""
        return dirs @ self._turn.to(dirs)


UNMOVED = Placement()
"""Where everything stays where it is."""


@dataclass(frozen=True)
class Region:
    """A box, in the coordinates that a placement leads to."""

    low: Triple
    """Smallest corner, metres."""
    high: Triple
    """Largest corner, metres."""
    frame: Placement = UNMOVED
    """From the coordinates of the points that are asked about to those of the box."""

    def __post_init__(self) -> None:
        if not all(low < high for low, high in zip(self.low, self.high, strict=True)):  # NaN is refused, too
            raise OptionError(f"the box from {self.low} to {self.high} is empty; give its smallest corner first")

    @property
    def box(self) -> Box:
        """The box in its own coordinates."""
        return Box(torch.tensor(self.low), torch.tensor(self.high))

    def seen_from(self, placement: Placement) -> "Region":
        """The same box, for points that `placement` leads to where this one's points are."""
        return Region(self.low, self.high, self.frame.after(placement))

    def holds(self, points: Float[Tensor, "n 3"]) -> Bool[Tensor, "n"]:
        """Whether points lie in the box; its lower faces belong to it, the upper ones do not."""
        own = self.frame.of(points)
        return ((own >= own.new_tensor(self.low)) & (own < own.new_tensor(self.high))).all(-1)


def _rows(matrix: Float[Tensor, "3 3"]) -> tuple[Triple, Triple, Triple]:
    first, second, third = (triple(row) for row in matrix)
    return first, second, third
