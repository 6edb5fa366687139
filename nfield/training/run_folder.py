"""What a training run leaves in its folder, and how it is continued from there."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nfield.checkpoint import FILE, Checkpoint, Config, restore_module, save_checkpoint
from nfield.config_json import from_json, to_json
from nfield.errors import CheckpointError
from nfield.training.loop import TrainState
from nfield.training.optim import Adam, OptimConfig
from nfield.training.task import Task
from nfield.types import Box
from nfield.whole_file import write_atomically

RUN_FILE = "run.json"
LOG_FILE = "log.jsonl"


@dataclass(frozen=True)
class LogRow:
    """A line of `log.jsonl`."""

    seconds: float
    """Of training."""
    step: int
    """Steps done."""
    rays_per_second: float
    """Of training: rays, pixels or points."""
    train_psnr: float | None = None
    """Of recent batches, decibels."""
    test_psnr: float | None = None
    """Of what is held out; None where nothing was compared."""
    train_error: float | None = None
    """Of recent batches of distances, relative."""
    test_error: float | None = None
    """Of distances that are held out."""


def checkpoint_of(
    task: Task,
    state: TrainState,
    *,
    kind: str,
    field: Config,
    box: Box,
    extra: Mapping[str, Any],
) -> Checkpoint:
    """Everything that a task and its training hold, under the names that `state_of` and `restore_task` know.

    Args:
        task: Its modules are saved by name: `field.*`, `sampler.*`.
        state: The training's.
        kind: Of the run: "radiance" for scenes.
        field: Options of the module called "field".
        box: World box of the field, metres.
        extra: Further JSON values.
    """
    tensors = {
        f"{part}.{name}": value
        for part, module in task.modules().items()
        for name, value in module.state_dict().items()
    }
    tensors |= training_tensors(state)
    return Checkpoint(kind, field, box, tensors, state.step, state.seconds, state.numbers, extra)


def save_run(folder: Path, checkpoint: Checkpoint, *, what: str, plan: object, about: Mapping[str, Any]) -> None:
    """Writes a run's checkpoint and, for people, `run.json`.

    Args:
        folder: The run folder.
        checkpoint: What is saved.
        what: The run in a few words.
        plan: What was asked for, a dataclass.
        about: What there is to say of this kind of run; may say more of "seconds" than those of training.
    """
    size = save_checkpoint(folder, checkpoint).stat().st_size
    told = {
        "what": what,
        "nfield": version("nfield"),
        "torch": torch.__version__,
        "plan": to_json(plan),
        "field": to_json(checkpoint.config),
        "step": checkpoint.step,
        "seconds": round(checkpoint.seconds, 1),
        **about,
        "checkpoint": {"file": FILE, "megabytes": round(size / 1e6, 2)},
    }
    write_json(folder / RUN_FILE, told)


def training_tensors(state: TrainState) -> dict[str, Tensor]:
    """The tensors of a training's state, by the names that `state_of` knows."""
    return {**{f"optimizer.{name}": moment for name, moment in state.moments.items()}, "generator": state.generator}


def state_of(checkpoint: Checkpoint, *, where: Path) -> TrainState:
    """The training state in a checkpoint.

    Args:
        checkpoint: The checkpoint.
        where: Its run folder, for messages.
    """
    if "generator" not in checkpoint.tensors:
        raise CheckpointError(f"{where}: holds a field but no training state, so it cannot be resumed; train again")
    moments = checkpoint.part("optimizer")
    return TrainState(checkpoint.step, checkpoint.seconds, moments, checkpoint.tensors["generator"], checkpoint.numbers)


def restore_task(task: Task, checkpoint: Checkpoint, *, where: Path) -> None:
    """Loads the saved tensors into a task's modules, after checking that the optimiser's fit, too."""
    for part, module in task.modules().items():
        restore_module(module, checkpoint.part(part), where=f"{where}: {part}")
    require_moments(task, checkpoint, where=where)


def require_moments(task: Task, checkpoint: Checkpoint, *, where: Path) -> None:
    """Refuses a checkpoint whose optimiser or running numbers are not those of the task."""
    missing = sorted(set(task.state()) - set(checkpoint.numbers))
    if missing:
        raise CheckpointError(f"{where}: numbers lacks the entry {missing[0]!r}, so it cannot be resumed; train again")
    saved = checkpoint.part("optimizer")
    for name, moment in Adam(task.param_groups(), OptimConfig()).state().items():
        if name not in saved or saved[name].shape != moment.shape:
            raise CheckpointError(f"{where}: optimizer.{name} is missing or of another shape; train again")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file for people, atomically."""
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file for people; empty where it is missing or was edited into something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def read_log(run: Path) -> list[dict[str, Any]]:
    """The rows of a run's log, the first first; what is no row, cut off or edited, is left out."""
    path = run / LOG_FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    found = (_row(line) for line in lines)
    return [row for row in found if row is not None]


def _row(line: str) -> dict[str, Any] | None:
    """A row of a log; None for what is none, because it was cut off or edited."""
    try:
        row = json.loads(line)
        from_json(LogRow, row, where="log")
    except (ValueError, RecursionError, CheckpointError):
        return None
    return row


def write_log(run: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replaces a run's log."""
    write_atomically(run / LOG_FILE, "".join(json.dumps(row) + "\n" for row in rows).encode())
