"""The stages of a fit, as data: what each trains, by which terms, for how long."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar, runtime_checkable

from torch import nn

from avatars.fitting.painted_rays import PaintedRays
from avatars.fitting.photo_rays import PhotoRays
from avatars.fitting.semantic_term import SemanticTerm
from avatars.fitting.subject import FitSubject
from avatars.fitting.surface_terms import SolidTerm, SurfaceColorTerm
from avatars.fitting.task import StageTask
from avatars.fitting.terms import ColorTerm, SilhouetteTerm, Term
from avatars.fitting.weights import Constant
from nfield.training.loop import TrainConfig
from nfield.training.optim import OptimConfig
from nfield.training.radiance import RadianceConfig, RadianceTask
from nfield.training.task import Task

Trained = Callable[[FitSubject], dict[str, list[nn.Parameter]]]
"""Which parameters of a subject a stage optimises, by name of group."""


def canonical_field(subject: FitSubject) -> dict[str, list[nn.Parameter]]:
    """The canonical field's parameters: what most stages train."""
    return subject.avatar.canonical.field.param_groups()


@dataclass(frozen=True)
class StageBudget:
    """A stage's part of the time, and how it is used."""

    share: float
    """Of the fit's minutes."""
    steps_per_minute: float
    """Steps that two free cores do."""
    optim: OptimConfig = field(default_factory=OptimConfig)
    """Learning rates and their schedule."""

    def train_config(self, minutes: float | None, steps: int | None, *, least: float, seed: int) -> TrainConfig:
        """The training loop's options.

        Args:
            minutes: Of the whole fit; None leaves them open.
            steps: Of this stage at most; None leaves them open.
            least: Share of the steps of two free cores that are done even where the machine is slower.
            seed: Of what the stage draws.

        >>> StageBudget(share=0.25, steps_per_minute=300.0).train_config(8.0, None, least=0.5, seed=0).least_steps
        300
        """
        own = None if minutes is None else minutes * self.share
        least_steps = 0 if own is None else round(own * self.steps_per_minute * least)
        return TrainConfig(own, steps, self.optim, seed, least_steps)


@runtime_checkable
class AvatarStage(Protocol):
    """A stage of a fit."""

    @property
    def name(self) -> str:
        """What it does, for people."""
        ...

    @property
    def budget(self) -> StageBudget:
        """Its part of the time."""
        ...

    def task(self, subject: FitSubject) -> Task:
        """What the training loop optimises."""
        ...


@dataclass(frozen=True)
class FitStage:
    """A stage of terms."""

    name: str
    """What it does, for people."""
    terms: tuple[Term, ...]
    """Their weighted sum is minimised."""
    budget: StageBudget
    """Its part of the time."""
    trained: Trained = canonical_field
    """What is optimised."""

    def task(self, subject: FitSubject) -> StageTask:
        """See `AvatarStage.task`."""
        return StageTask(self.terms, subject, self.trained(subject))


@dataclass(frozen=True)
class PaintedStage:
    """The canonical field learns the pictures of the painted body, as any field learns a scene."""

    name: str
    """What it does, for people."""
    budget: StageBudget
    """Its part of the time."""
    radiance: RadianceConfig = field(default_factory=lambda: RadianceConfig(samples=1 << 16))
    """How it learns them."""

    def task(self, subject: FitSubject) -> RadianceTask:
        """See `AvatarStage.task`."""
        canonical = subject.avatar.canonical
        return RadianceTask(canonical.field, canonical.renderer, subject.views.images, self.radiance)


def default_stages(*, initialises: bool = False) -> tuple[AvatarStage, ...]:
    """First the painted surface, point by point, then the photo, while all that it does not show stays as it was.

    Args:
        initialises: Whether the field has centres to be initialised, which needs pictures of the painted body first.
    """
    return (learn_body() if initialises else learn_surface(), fit_surface_and_photo())


def learn_surface() -> FitStage:
    """The canonical field learns the painted surface: its colours, and what is inside and outside."""
    optim = OptimConfig(rates={"table": 2e-2, "network": 2e-3, "features": 2e-2}, warmup=20, final=0.1)
    terms = (SurfaceColorTerm("surface"), SolidTerm("solid"))
    return FitStage("learning the surface", terms, StageBudget(0.3, steps_per_minute=600.0, optim=optim))


def fit_surface_and_photo(photo: PhotoRays | None = None) -> FitStage:
    """Colours and outline of the photo, colours and density of the painted surface.

    Args:
        photo: Rays through the photo.
    """
    photo = photo or PhotoRays(count=4096, reach=12)
    optim = OptimConfig(rates={"table": 2e-2, "network": 1e-3, "features": 2e-2}, warmup=30, final=0.02)
    terms = (
        ColorTerm("color", photo),
        SilhouetteTerm("silhouette", photo, Constant(0.01)),
        SurfaceColorTerm("surface", visible_weight=0.1),
        SolidTerm("solid"),
    )
    return FitStage("fitting the photo", terms, StageBudget(0.7, steps_per_minute=300.0, optim=optim))


def guided_stages(semantic: SemanticTerm, *, initialises: bool = False) -> tuple[AvatarStage, ...]:
    """The same stages, shorter, and then one that imagines what the photo does not show.

    Args:
        semantic: Says what that is to mean.
        initialises: As for `default_stages`.
    """
    first = _with_share(learn_body(), 0.2) if initialises else _with_share(learn_surface(), 0.2)
    return (first, _with_share(fit_surface_and_photo(), 0.4), imagine(semantic))


_Stage = TypeVar("_Stage", FitStage, PaintedStage)


def _with_share(stage: _Stage, share: float) -> _Stage:
    """The same stage with another part of the time."""
    return replace(stage, budget=replace(stage.budget, share=share))


def imagine(semantic: SemanticTerm, photo: PhotoRays | None = None) -> FitStage:
    """What the photo does not show changes its colours until it means what the photo does (ELICIT, stage 2).

    The painted colours still hold there, a twentieth as strongly as before; the surface stays where it is.

    Args:
        semantic: The loss of meaning.
        photo: Rays through the photo.
    """
    photo = photo or PhotoRays(count=4096, reach=12)
    optim = OptimConfig(rates={"table": 5e-3, "network": 5e-4, "features": 5e-3}, scale=0.25, warmup=10, final=0.1)
    terms = (
        ColorTerm("color", photo),
        SilhouetteTerm("silhouette", photo, Constant(0.01)),
        SurfaceColorTerm("surface", Constant(0.2)),
        SolidTerm("solid"),
        semantic,
    )
    return FitStage(
        "imagining what the photo does not show", terms, StageBudget(0.4, steps_per_minute=120.0, optim=optim)
    )


def picture_stages() -> tuple[AvatarStage, ...]:
    """First pictures of the painted body, then the photo while the sides that it does not show stay as painted."""
    return (learn_body(), fit_photo())


def learn_body() -> PaintedStage:
    """The first stage."""
    return PaintedStage("learning the body", StageBudget(share=1.0 / 8.0, steps_per_minute=900.0))


def fit_photo(photo: PhotoRays | None = None, painted: PaintedRays | None = None) -> FitStage:
    """The second stage: colours and outline of the photo, colours of the painted body.

    Args:
        photo: Rays through the photo.
        painted: Rays through pictures of the painted body.
    """
    photo, painted = photo or PhotoRays(), painted or PaintedRays()
    optim = OptimConfig(rates={"table": 2e-2, "network": 1e-3, "features": 2e-2}, warmup=30, final=0.05)
    return FitStage(
        "fitting the photo",
        (
            ColorTerm("color", photo),
            SilhouetteTerm("silhouette", photo, Constant(0.01)),
            ColorTerm("views", painted),
        ),
        StageBudget(share=7.0 / 8.0, steps_per_minute=450.0, optim=optim),
    )
