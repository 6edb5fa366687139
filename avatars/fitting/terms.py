"""Terms of the loss: each is options, a weight schedule, and a loss. Terms know no stage and no other term."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.fitting.rendering import RaySampling, StepRenderings
from avatars.fitting.subject import FitSubject
from avatars.fitting.weights import Constant, WeightSchedule
from nfield.losses import binary_cross_entropy, huber


@dataclass(frozen=True)
class FitStep:
    """What a term may use at a step.

    Attributes:
        step: Steps done.
        share: Spent share of the stage's budget, in [0, 1].
        generator: For what the term draws itself.
        subject: What is fitted.
        renderings: The step's renderings, shared by all terms.
    """

    step: int
    share: float
    generator: torch.Generator
    subject: FitSubject
    renderings: StepRenderings


@runtime_checkable
class Term(Protocol):
    """A term of the loss."""

    @property
    def name(self) -> str:
        """What it is called in logs; no two terms of a stage share one."""
        ...

    @property
    def weight(self) -> WeightSchedule:
        """How much it counts; while that is 0 the term is not evaluated."""
        ...

    @property
    def samplings(self) -> tuple[RaySampling, ...]:
        """The rays that it looks at; equal samplings of several terms are drawn and rendered once a step."""
        ...

    def prepare(self, subject: FitSubject) -> None:
        """Makes, before the stage's time begins, what its first step would have to wait for."""
        ...

    def loss(self, step: FitStep) -> Float[Tensor, ""]:
        """The mean loss without its weight, differentiable in what is trained."""
        ...


@dataclass(frozen=True)
class ColorTerm:
    """Mean Huber loss of rendered colours, each ray by its confidence."""

    name: str
    """See `Term.name`."""
    rays: RaySampling
    """Whose colours."""
    weight: WeightSchedule = Constant()  # noqa: RUF009 - frozen
    """See `Term.weight`."""
    delta: float = 0.1
    """Where the Huber loss turns from square to linear."""

    @property
    def samplings(self) -> tuple[RaySampling, ...]:
        """Its one."""
        return (self.rays,)

    def prepare(self, subject: FitSubject) -> None:
        """Nothing: see `Term.prepare`."""

    def loss(self, step: FitStep) -> Float[Tensor, ""]:
        """See `Term.loss`."""
        shown = step.renderings.of(self.rays)
        error = huber(shown.out.color, shown.target, delta=self.delta)
        confidence = shown.batch.confidence
        return error.mean() if confidence is None else (error.mean(-1) * confidence).mean()


@dataclass(frozen=True)
class SilhouetteTerm:
    """Mean binary cross-entropy of rendered opacities against the pixels' alphas, each ray by its confidence."""

    name: str
    """See `Term.name`."""
    rays: RaySampling
    """Whose opacities."""
    weight: WeightSchedule = Constant()  # noqa: RUF009 - frozen
    """See `Term.weight`."""

    @property
    def samplings(self) -> tuple[RaySampling, ...]:
        """Its one."""
        return (self.rays,)

    def prepare(self, subject: FitSubject) -> None:
        """Nothing: see `Term.prepare`."""

    def loss(self, step: FitStep) -> Float[Tensor, ""]:
        """See `Term.loss`."""
        shown = step.renderings.of(self.rays)
        error, confidence = binary_cross_entropy(shown.out.opacity, shown.batch.alpha), shown.batch.alpha_confidence
        return error.mean() if confidence is None else (error * confidence).mean()
