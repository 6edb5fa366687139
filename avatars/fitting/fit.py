"""The stages of a fit, one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from avatars.fitting.keeper import Forgetful, Keeper
from avatars.fitting.stages import AvatarStage
from avatars.fitting.subject import FitSubject
from avatars.fitting.watcher import Watcher
from avatars.posed.avatar import Avatar, PosedAvatar
from nfield.training.loop import train


@dataclass(frozen=True)
class FitBudget:
    """How long a whole fit takes, and its seed."""

    minutes: float | None = 4.0
    """Training time of all stages together; None leaves it open."""
    steps: int | None = None
    """Steps of each stage at most, as a second limit; None leaves them open."""
    seed: int = 0
    """Of everything random; stages count on from it."""
    least: float = 1.0 / 3.0
    """Share of the steps of two free cores that are done even where the machine is slower; 1 makes results that do
    not depend on what else the machine does."""


@dataclass(frozen=True)
class FittedAvatar:
    """The result of a fit.

    Attributes:
        avatar: The avatar.
        posed: The same as the photo shows it.
        seconds: Training time of each stage.
        interrupted: Whether the user stopped the fit early.
        steps: Training steps done.
    """

    avatar: Avatar
    posed: PosedAvatar
    seconds: Mapping[str, float]
    interrupted: bool
    steps: int


def fit_stages(
    subject: FitSubject,
    stages: Sequence[AvatarStage],
    budget: FitBudget,
    *,
    generator: torch.Generator,
    watcher: Watcher,
    keeper: Keeper | None = None,
) -> FittedAvatar:
    """Trains a subject's avatar; Ctrl-C ends it after the current step.

    Args:
        subject: What is fitted; its avatar's field is changed.
        stages: In their order.
        budget: For all of them.
        generator: Draws where the posed field is looked at to find its empty parts, after each stage.
        watcher: Shows progress.
        keeper: Keeps what was reached, and knows where the fit goes on; it begins, and nobody keeps it, where it is
            left out.
    """
    keeper = keeper or Forgetful()
    _wake(subject)
    position, interrupted = keeper.start(generator), False
    for index, stage in list(enumerate(stages))[position.stage :]:
        config = stage.budget.train_config(budget.minutes, budget.steps, least=budget.least, seed=budget.seed + index)
        config = replace(config, optim=config.optim.completed(subject.avatar.config.field.learning().rates))
        task = stage.task(subject)
        state = keeper.restored(position, task)
        with watcher.training(stage.name) as hooks:
            result = train(task, config, hooks=(*hooks, *keeper.hooks(position, task, generator)), state=state)
        position, interrupted = position.after(stage.name, result.state), result.interrupted
        subject.posed.refresh(generator)
        if interrupted:
            break
    return FittedAvatar(subject.avatar, subject.posed, position.seconds, interrupted, position.steps)


@torch.no_grad()
def _wake(subject: FitSubject) -> None:
    """Asks the field once: the first native op of a process imports parts of torch, for seconds that train nothing."""
    middle = subject.avatar.vertices.mean(0, keepdim=True).to(subject.avatar.device)
    subject.avatar.canonical.field(middle, torch.nn.functional.normalize(torch.ones_like(middle), dim=-1))
