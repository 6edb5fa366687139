"""How much a term of the loss counts over the course of a stage."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@runtime_checkable
class WeightSchedule(Protocol):
    """A weight that may change while a stage's budget is spent."""

    def at(self, share: float) -> float:
        """The weight when `share` of the budget, in [0, 1], is spent."""
        ...


@dataclass(frozen=True)
class Constant:
    """The same weight throughout.

    >>> Constant(0.1).at(0.7)
    0.1
    """

    weight: float = 1.0

    def at(self, share: float) -> float:
        """See `WeightSchedule.at`."""
        return self.weight


@dataclass(frozen=True)
class Linear:
    """From one weight to another, along the share of the budget.

    >>> Linear(first=1.0, last=0.0).at(0.25)
    0.75
    """

    first: float
    last: float

    def at(self, share: float) -> float:
        """See `WeightSchedule.at`."""
        return self.first + (self.last - self.first) * share
