"""Adam for fields, and how learning rates fall over a training."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor, nn

from nfield.kernels.sparse_adam import sparse_adam_
from nfield.kernels.zeroed import give_back


@dataclass(frozen=True)
class OptimConfig:
    """Learning rates and their schedule."""

    rates: Mapping[str, float] = field(default_factory=lambda: {"table": 3e-2, "network": 1e-2, "features": 2e-2})
    """First learning rate of each parameter group; groups that are not named here take `default_rate`."""
    scale: float = 1.0
    """On the rates that a group takes from elsewhere, see `completed`."""
    default_rate: float = 1e-3
    """Learning rate of groups without a rate of their own."""
    warmup: int = 20
    """Steps over which rates rise from nothing."""
    hold: float = 0.4
    """Share of the budget after which rates begin to fall."""
    final: float = 0.02
    """Rates end at this share of the first."""
    decay: Literal["exponential", "cosine"] = "exponential"
    """How they fall."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Adam's decay rates (instant-ngp's)."""
    epsilon: float = 1e-15
    """Adam's epsilon: small, because the gradients of hash tables are (instant-ngp, section 4)."""

    def completed(self, rates: Mapping[str, float]) -> "OptimConfig":
        """The same, with rates of groups that have none of their own.

        >>> OptimConfig(rates={"network": 0.1}).completed({"network": 1.0, "planes": 0.2}).rates
        {'network': 0.1, 'planes': 0.2}
        """
        scaled = {name: self.scale * rate for name, rate in rates.items()}
        return replace(self, rates={**scaled, **self.rates})

    def factor(self, step: int, share: float) -> float:
        """What rates are multiplied by at a step (from 0 on) when `share` of the budget is spent."""
        fallen = min(max((share - self.hold) / max(1.0 - self.hold, 1e-9), 0.0), 1.0)
        cosine = self.final + (1.0 - self.final) * 0.5 * (1.0 + math.cos(math.pi * fallen))
        left = cosine if self.decay == "cosine" else self.final**fallen
        return min(1.0, (step + 1) / max(self.warmup, 1)) * left


class Adam:
    """Adam over named parameters; entries without gradient keep value and moments (see `sparse_adam_`).

    Args:
        groups: Parameters by name of group.
        config: Rates and schedule.
    """

    def __init__(self, groups: Mapping[str, list[nn.Parameter]], config: OptimConfig) -> None:
        self.config = config
        self.groups = {name: list(parameters) for name, parameters in groups.items()}
        self.moments = {
            f"{name}.{index}.{moment}": torch.zeros_like(parameter, memory_format=torch.contiguous_format)
            for name, parameters in self.groups.items()
            for index, parameter in enumerate(parameters)
            for moment in ("first", "second")
        }

    def step(self, step: int, share: float) -> None:
        """One update from the gradients that are there, which it then drops."""
        factor = self.config.factor(step, share)
        for name, parameters in self.groups.items():
            rate = self.config.rates.get(name, self.config.default_rate) * factor
            for index, parameter in enumerate(parameters):
                if parameter.grad is None:
                    continue
                grad, parameter.grad = parameter.grad.contiguous(), None
                sparse_adam_(
                    parameter.data.view(-1),
                    grad.view(-1),
                    self.moments[f"{name}.{index}.first"].view(-1),
                    self.moments[f"{name}.{index}.second"].view(-1),
                    rate=rate,
                    betas=self.config.betas,
                    epsilon=self.config.epsilon,
                    step=step + 1,
                )
                give_back(grad)

    def state(self) -> dict[str, Tensor]:
        """The moments by name, to be saved."""
        return dict(self.moments)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes saved moments."""
        for name, moment in self.moments.items():
            moment.copy_(state[name])
