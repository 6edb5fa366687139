"""A conversion in its run folder: what was asked for, saving, continuing."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from distill.inherit import inherit, inherit_decoders
from distill.source import Source, student_checkpoint
from distill.task import DistillConfig, DistillTask
from nfield.checkpoint import Checkpoint, building
from nfield.config_json import to_json
from nfield.devices import device_of, generator_on
from nfield.errors import CheckpointError
from nfield.fields import BuildContext, Field, FieldConfig
from nfield.rendering.samplers.base import Sampler
from nfield.training.loop import TrainConfig, TrainState
from nfield.training.run_folder import checkpoint_of, restore_task, save_run, state_of

_INHERITED = "inherited"
"""Entry of a student's checkpoint: what it took over from its teacher, in words."""


@dataclass(frozen=True)
class ConvertPlan:
    """What is converted, and how: the entry "convert" of a checkpoint, from which a conversion is continued."""

    run: str
    """The teacher's run folder."""
    train: TrainConfig
    """Budget, optimiser and seed."""
    distill: DistillConfig
    """Stages and samples."""
    inherit: bool = True
    """Whether the student starts with what it can take over from the teacher."""
    freeze: bool = False
    """Whether it keeps them."""
    fidelity: float | None = None
    """PSNR against the teacher, decibels, that is enough; None trains until the budget is spent."""


@dataclass(frozen=True)
class ConvertRun:
    """A conversion, and the folder it is saved in.

    Attributes:
        folder: The student's run folder.
        plan: What was asked for.
        config: Backend and options of the student.
        source: The run that is converted.
        field: The student, as it is saved.
        sampler: Its own sampler.
        task: How it learns.
        inherited: What it took over from the teacher.
        state: Of the conversion that is continued, if there is one.
    """

    folder: Path
    plan: ConvertPlan
    config: FieldConfig
    source: Source
    field: Field
    sampler: Sampler
    task: DistillTask
    inherited: tuple[str, ...]
    state: TrainState | None = None

    def checkpoint(self, state: TrainState) -> Checkpoint:
        """The student's."""
        bare = checkpoint_of(
            self.task, state, kind=self.source.checkpoint.kind, field=self.config, box=self.source.box, extra={}
        )
        saved = student_checkpoint(self.source, bare, to_json(self.plan), self.plan.train)
        return replace(saved, extra={**saved.extra, _INHERITED: list(self.inherited)})

    def save(self, state: TrainState) -> None:
        """Writes the checkpoint and, for people, `run.json`."""
        what = f"{type(self.config).__name__} taught by {self.plan.run}"
        levels = sorted(level.value for level in self.task.levels)
        about = {"inherited": list(self.inherited), "levels": levels}
        save_run(self.folder, self.checkpoint(state), what=what, plan=self.plan, about=about)

    def learn_grid(self) -> None:
        """Lets the student's own sampler learn where it is empty."""
        generator = generator_on(device_of(self.sampler), self.plan.train.seed)
        self.sampler.rebuild(self.task.student, generator=generator)


def start_conversion(folder: Path, plan: ConvertPlan, config: FieldConfig, source: Source) -> ConvertRun:
    """A conversion from nothing."""
    generator = torch.Generator().manual_seed(plan.train.seed)
    field = source.learning(config.build(BuildContext(source.box, generator, source.teacher.shown.field)))
    inherited = inherit(field, source.teacher, freeze=plan.freeze) if plan.inherit else []
    return _assembled(folder, plan, config, source, field, inherited)


def continue_conversion(folder: Path, plan: ConvertPlan, checkpoint: Checkpoint, source: Source) -> ConvertRun:
    """A conversion from its checkpoint; the plan may have another budget than the saved one."""
    with building(folder):
        begun = _rebuilt(folder, plan, checkpoint, source)
    restore_task(begun.task, checkpoint, where=folder)
    return replace(begun, state=state_of(checkpoint, where=folder))


def _rebuilt(folder: Path, plan: ConvertPlan, checkpoint: Checkpoint, source: Source) -> ConvertRun:
    """A conversion as its options say, with nothing learned yet."""
    field = source.learning(checkpoint.field.build(BuildContext(source.box)))
    if plan.inherit:  # what is restored in a moment; this freezes what was frozen
        inherit_decoders(field, source.teacher.shown.field, freeze=plan.freeze)
    inherited = list(checkpoint.value(_INHERITED, tuple[str, ...], default=(), where=folder))
    return _assembled(folder, plan, checkpoint.field, source, field, inherited)


def _assembled(
    folder: Path, plan: ConvertPlan, config: FieldConfig, source: Source, field: Field, inherited: list[str]
) -> ConvertRun:
    source.carry_files(folder)
    sampler = source.sampler()
    task = DistillTask(source.teacher, source.wrapped(field), {"field": field, "sampler": sampler}, plan.distill)
    return ConvertRun(folder, plan, config, source, field, sampler, task, tuple(inherited))


def convert_plan_of(checkpoint: Checkpoint, *, where: Path) -> ConvertPlan:
    """The plan in a checkpoint.

    Raises:
        CheckpointError: It is no conversion's.
    """
    if "convert" not in checkpoint.extra:
        raise CheckpointError(f"{where}: holds a run that nfield convert did not make; give one that it began")
    return checkpoint.entry("convert", ConvertPlan, where=where)
