"""Who keeps what a fit has reached, so that it can go on from there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch

from nfield.training.loop import Hook, TrainState
from nfield.training.task import Task


@dataclass(frozen=True)
class FitPosition:
    """Between which stages a fit is.

    Attributes:
        stage: Index of the stage that is trained.
        seconds: Training time of each stage before it, by name.
        steps: Training steps of the stages before it.
    """

    stage: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    steps: int = 0

    def after(self, name: str, state: TrainState) -> "FitPosition":
        """The position when a stage of this name has ended."""
        return FitPosition(self.stage + 1, {**self.seconds, name: state.seconds}, self.steps + state.step)


@runtime_checkable
class Keeper(Protocol):
    """Keeps a fit, and gives back what it kept."""

    def start(self, generator: torch.Generator) -> FitPosition:
        """Where the fit goes on; the generator is set to what it was there.

        Args:
            generator: Of the fit.
        """
        ...

    def restored(self, position: FitPosition, task: Task) -> TrainState | None:
        """The state of a stage that was begun before, with which the task's modules are filled; None for a new one.

        Args:
            position: The stage's.
            task: The stage's.
        """
        ...

    def hooks(self, position: FitPosition, task: Task, generator: torch.Generator) -> Sequence[Hook]:
        """What keeps a stage while it is trained.

        Args:
            position: The stage's.
            task: The stage's.
            generator: Of the fit.
        """
        ...


class Forgetful:
    """Keeps nothing: the fit begins with its first stage."""

    def start(self, generator: torch.Generator) -> FitPosition:
        """The beginning."""
        return FitPosition()

    def restored(self, position: FitPosition, task: Task) -> TrainState | None:
        """Nothing."""
        return None

    def hooks(self, position: FitPosition, task: Task, generator: torch.Generator) -> Sequence[Hook]:
        """None."""
        return ()
