"""What can be trained: fitting a scene, an avatar or another field are all tasks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True)
class Moment:
    """Where a training is.

    Attributes:
        step: Steps done.
        seconds: Training time spent, without evaluation and saving.
        share: Spent share of the budget, in [0, 1].
    """

    step: int
    seconds: float
    share: float


@runtime_checkable
class Task(Protocol):
    """What is optimised, and by which losses."""

    def modules(self) -> Mapping[str, nn.Module]:
        """What is saved, by name: fields, samplers."""
        ...

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """What is optimised, by name of group."""
        ...

    def losses(self, moment: Moment, generator: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """The terms of the loss at a step; their sum is minimised."""
        ...

    def measures(self) -> dict[str, float]:
        """Figures of the last steps for people, for example {"psnr": 29.7, "rays": 8192}."""
        ...

    def state(self) -> dict[str, float]:
        """Running numbers that a resumed training needs."""
        ...

    def restore(self, state: Mapping[str, float]) -> None:
        """Takes saved running numbers."""
        ...
