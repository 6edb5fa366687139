"""The product as it is: what `nfield fit` does with its defaults, which stays the first row for good."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from avatars.avatar import Avatar, Portrait
from avatars.benchmark.methods import ROWS, Case, Fitted, Render
from avatars.body import BodyPose
from avatars.fit import FitConfig, PersonPhoto, fit_avatar
from nfield.cameras import Cameras
from nfield.training.loop import Hook, TrainConfig

_MINUTES = 4.0
_FIRST_SHARE = 1.0 / 8.0
_FIRST_PACE, _PHOTO_PACE = 300.0, 150.0


@dataclass(frozen=True)
class Today:
    """Two stages: the painted body, then the photo."""

    def fit(self, case: Case) -> Fitted:
        """The avatar."""
        height, width = case.camera.size
        portrait = Portrait(case.pose, float(case.camera.intrinsics[0, 0, 0]), (height, width))
        person = PersonPhoto(case.photo, case.alpha, portrait)
        config = configuration(_MINUTES if case.minutes is None else case.minutes, case.seed)
        return TodayFitted(fit_avatar(case.model, person, config, watch=_unwatched).avatar, case.camera)


@dataclass(frozen=True)
class TodayFitted:
    """The avatar.

    Attributes:
        avatar: The avatar.
        camera: The photo's, as it was given.
    """

    avatar: Avatar
    camera: Cameras

    @property
    def pose(self) -> BodyPose:
        """As it was given."""
        return self.avatar.portrait.pose

    def posed(self, pose: BodyPose) -> Render:
        """The avatar in a pose."""
        posed = self.avatar.posed(pose)
        posed.refresh(torch.Generator().manual_seed(0))
        return posed.image


def configuration(minutes: float, seed: int) -> FitConfig:
    """What `nfield fit --minutes` makes of its minutes."""
    config = FitConfig(seed=seed)
    first, photo = (
        TrainConfig(minutes * share, None, budget.optim, least_steps=round(minutes * share * pace))
        for share, budget, pace in (
            (_FIRST_SHARE, config.first_budget, _FIRST_PACE),
            (1.0 - _FIRST_SHARE, config.photo_budget, _PHOTO_PACE),
        )
    )
    return dataclasses.replace(config, first_budget=first, photo_budget=photo)


@contextmanager
def _unwatched(stage: str) -> Iterator[Sequence[Hook]]:
    yield ()


ROWS["today"] = Today()
