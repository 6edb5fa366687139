"""The training of a fit in its run folder: an avatar, and beside it in the same file all that going on needs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from avatars.fit_run.folder import FitFolder
from avatars.fitting.keeper import FitPosition
from avatars.posed.avatar import Avatar
from avatars.posed.run import UNFINISHED, avatar_checkpoint, restore_avatar
from nfield.checkpoint import Checkpoint, restore_module, save_checkpoint
from nfield.config_json import to_json
from nfield.errors import CheckpointError
from nfield.training.hooks import PeriodicSave
from nfield.training.loop import Hook, TrainState
from nfield.training.run_folder import require_moments, state_of, training_tensors
from nfield.training.task import Task

SAVE_EVERY = 25.0
"""Seconds of training between two saves: with saves and pictures between, no more than 30 s go by."""

_OF_AVATAR = ("field", "sampler")
"""Modules of a stage that an avatar's checkpoint holds anyway."""
_GENERATOR = "fit.generator"


@dataclass(frozen=True)
class FitMoment:
    """The entry "fit" of a checkpoint: where its fit was."""

    position: FitPosition
    """The stage, and what was before it."""
    step: int
    """Of the stage's training."""
    seconds: float
    """Of the stage's training."""


@dataclass(frozen=True)
class RunKeeper:
    """Keeps a fit in its run folder; a `Keeper`.

    Attributes:
        folder: The run folder.
        avatar: What is fitted.
        pictures: Hooks that show it.
    """

    folder: FitFolder
    avatar: Avatar
    pictures: Sequence[Hook] = ()

    def start(self, generator: torch.Generator) -> FitPosition:
        """See `Keeper.start`."""
        saved = self.folder.checkpoint()
        if saved is None:
            return FitPosition()
        position = _begun(saved, self.folder.path).position
        generator.set_state(saved.tensors[_GENERATOR])
        return position

    def restored(self, position: FitPosition, task: Task) -> TrainState | None:
        """See `Keeper.restored`."""
        saved, where = self.folder.checkpoint(), self.folder.path
        if saved is None:
            return None
        begun = _begun(saved, where)
        if begun.position.stage != position.stage:
            return None
        restore_avatar(self.avatar, saved, where=where)
        for name, module in _others(task).items():
            restore_module(module, saved.part(name), where=f"{where}: {name}")
        require_moments(task, saved, where=where)
        return replace(state_of(saved, where=where), step=begun.step, seconds=begun.seconds)

    def hooks(self, position: FitPosition, task: Task, generator: torch.Generator) -> Sequence[Hook]:
        """See `Keeper.hooks`."""

        def save(state: TrainState) -> None:
            save_checkpoint(self.folder.path, fit_checkpoint(self.avatar, task, position, state, generator))

        return (PeriodicSave(save, every=SAVE_EVERY), *self.pictures)


def fit_checkpoint(
    avatar: Avatar, task: Task, position: FitPosition, state: TrainState, generator: torch.Generator
) -> Checkpoint:
    """An avatar that is being fitted: it opens as any other, and its fit can go on.

    Args:
        avatar: What is fitted.
        task: The stage's.
        position: The stage's.
        state: Of its training.
        generator: Of the fit.
    """
    seconds = sum(position.seconds.values()) + state.seconds
    saved = avatar_checkpoint(avatar, step=position.steps + state.step, seconds=seconds)
    tensors: dict[str, Tensor] = {**saved.tensors, **training_tensors(state), _GENERATOR: generator.get_state()}
    for part, module in _others(task).items():
        tensors |= {f"{part}.{name}": value for name, value in module.state_dict().items()}
    entry = FitMoment(position, state.step, state.seconds)
    extra = {**saved.extra, UNFINISHED: to_json(entry)}
    return replace(saved, tensors=tensors, numbers=state.numbers, extra=extra)


def _others(task: Task) -> dict[str, nn.Module]:
    """What a stage trains along beside the avatar."""
    return {name: module for name, module in task.modules().items() if name not in _OF_AVATAR}


def _begun(saved: Checkpoint, where: Path) -> FitMoment:
    """Where a fit was."""
    if UNFINISHED not in saved.extra or _GENERATOR not in saved.tensors:
        raise CheckpointError(f"{where}: does not say where its fit was; begin anew with --overwrite")
    return saved.entry(UNFINISHED, FitMoment, where=where)
