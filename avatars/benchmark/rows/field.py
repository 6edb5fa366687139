"""The product's own method, by its configuration."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from avatars.benchmark.methods import Case, Fitted, Render
from avatars.body import BodyPose
from avatars.fitting.fit import FitBudget
from avatars.pipeline import FitConfig, fit_avatar, paint, prepare
from avatars.portrait import PersonPhoto, Portrait
from avatars.posed.avatar import Avatar
from nfield.cameras import Cameras

_MINUTES = 4.0


@dataclass(frozen=True)
class FieldMethod:
    """What `nfield fit` does with a configuration.

    Attributes:
        config: Makes it; the case sets its budget.
    """

    config: Callable[[], FitConfig]

    def fit(self, case: Case) -> Fitted:
        """The avatar."""
        person = PersonPhoto(case.photo, case.alpha, Portrait(case.pose, case.camera))
        config = replace(self.config(), budget=budget(case))
        generator = torch.Generator().manual_seed(case.seed)
        subject = prepare(paint(case.model, person, config), person, config, generator=generator)
        return FittedField(fit_avatar(subject, config, generator=generator).avatar)


def budget(case: Case) -> FitBudget:
    """The case's own time, or the product's, with all steps that two free cores do in it, however busy these are."""
    if case.minutes is not None:
        return FitBudget(case.minutes, seed=case.seed)
    return FitBudget(_MINUTES, seed=case.seed, least=1.0)


@dataclass(frozen=True)
class FittedField:
    """The avatar.

    Attributes:
        avatar: The avatar.
    """

    avatar: Avatar

    @property
    def pose(self) -> BodyPose:
        """As it was given."""
        return self.avatar.portrait.pose

    @property
    def camera(self) -> Cameras:
        """As it was given."""
        return self.avatar.portrait.camera

    def posed(self, pose: BodyPose) -> Render:
        """The avatar in a pose."""
        posed = self.avatar.posed(pose)
        posed.refresh(torch.Generator().manual_seed(0))
        return posed.image
