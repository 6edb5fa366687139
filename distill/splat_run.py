"""A conversion of splats in its run folder: what was asked for, saving, continuing, its report."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch

from distill.compare import Nearness, Pair
from distill.report import agreement, student_figures
from distill.splat_teacher import SplatTeacher
from nfield.cameras import Cameras
from nfield.checkpoint import Checkpoint, building
from nfield.config_json import to_json
from nfield.data.base import PosedImages
from nfield.devices import CPU
from nfield.errors import CheckpointError
from nfield.fields import FieldConfig
from nfield.saved_scene import KIND, camera_tensors
from nfield.training.loop import TrainConfig, TrainState
from nfield.training.radiance import RadianceConfig
from nfield.training.run_folder import checkpoint_of, restore_task, save_run, state_of
from nfield.training.scene import SceneSetup, record_of, set_up

_PLAN = "convert_splats"
_JUDGED = 200
"""Pixels along an edge of the pictures by which nearness is told."""


@dataclass(frozen=True)
class SplatPlan:
    """What is converted, and how: the entry "convert_splats" of a checkpoint."""

    file: str
    """The file of splats."""
    train: TrainConfig
    """Budget, optimiser and seed."""
    radiance: RadianceConfig
    """Samples and rays of a step."""
    views: int
    """Views of the splats that are learned from."""
    edge: int
    """Pixels along an edge of each."""
    fidelity: float | None = None
    """PSNR against the splats, decibels, that is enough; None trains until the budget is spent."""


@dataclass(frozen=True)
class SplatConversion:
    """A conversion, and the folder it is saved in.

    Attributes:
        folder: The student's run folder.
        plan: What was asked for.
        config: Backend and options of the student.
        teacher: The splats.
        images: Views of them.
        setup: How the student learns.
        state: Of the conversion that is continued, if there is one.
    """

    folder: Path
    plan: SplatPlan
    config: FieldConfig
    teacher: SplatTeacher
    images: PosedImages
    setup: SceneSetup
    state: TrainState | None = None

    def save(self, state: TrainState) -> None:
        """Writes the checkpoint and, for people, `run.json`."""
        record = record_of(self.setup, self.images, self.teacher.world)
        extra = {_PLAN: to_json(self.plan), "scene": to_json(record)}
        bare = checkpoint_of(self.setup.task, state, kind=KIND, field=self.config, box=self.images.box, extra=extra)
        saved = replace(bare, tensors={**bare.tensors, **camera_tensors(self.images.cameras)})
        what = f"{type(self.config).__name__} taught by {self.plan.file}"
        save_run(self.folder, saved, what=what, plan=self.plan, about={})

    def nearness(self, count: int) -> Nearness:
        """To the splats, in small pictures by cameras from which nothing was learned.

        Args:
            count: Of the pictures.
        """
        edge = min(self.plan.edge, _JUDGED)
        cameras = self.teacher.cameras(count, edge, generator=torch.Generator().manual_seed(3))
        wanted = [self.teacher.image(cameras, index).color for index in range(count)]
        return Nearness(self.setup.shown, cameras, wanted)

    def pairs(self, count: int) -> list[Pair]:
        """Views of both from which nothing was learned."""
        cameras = self.teacher.cameras(count, self.plan.edge, generator=torch.Generator().manual_seed(2))
        return [self._pair(cameras, index) for index in range(count)]

    def _pair(self, cameras: Cameras, index: int) -> Pair:
        start = time.perf_counter()
        taught = self.teacher.image(cameras, index).color
        middle = time.perf_counter()
        learned = self.setup.shown.image(cameras, index).color
        spent = middle - start, time.perf_counter() - middle
        return Pair(f"view {index}", taught, learned, None, learned, None, *spent)

    def report(self, state: TrainState, pairs: Sequence[Pair]) -> dict[str, Any]:
        """Everything that was measured."""
        numbers = sum(part.numel() for part in self.teacher.splats.parts)
        return {
            "teacher": {
                "run": self.plan.file,
                "backend": "splats",
                "splats": len(self.teacher.splats),
                "parameters": numbers,
                "field_megabytes": round(4e-6 * numbers, 2),
                "file_megabytes": round(Path(self.plan.file).stat().st_size / 1e6, 2),
                "training_seconds": None,
                "ms_per_view": round(1e3 * median(pair.teacher_seconds for pair in pairs), 1),
            },
            "student": student_figures(self.config, self.setup.shown.field, self.folder, pairs),
            "seconds": round(state.seconds, 1),
            "steps": state.step,
            "schedule": "rendered",
            "fidelity_asked": self.plan.fidelity,
            "levels": [],
            "inherited": [],
            **agreement(pairs, self.images.box, views="cameras around the splats from which nothing was learned"),
        }


def start_splat_conversion(
    folder: Path, plan: SplatPlan, config: FieldConfig, teacher: SplatTeacher, *, device: torch.device = CPU
) -> SplatConversion:
    """A conversion from nothing: the views are rendered, which takes some seconds."""
    generator = torch.Generator().manual_seed(plan.train.seed)
    cameras = teacher.cameras(plan.views, plan.edge, generator=generator)
    images = teacher.pictures(cameras)
    setup = set_up(images, config, radiance=plan.radiance, generator=generator, device=device)
    return SplatConversion(folder, plan, config, teacher, images, setup)


def continue_splat_conversion(
    folder: Path, plan: SplatPlan, checkpoint: Checkpoint, teacher: SplatTeacher, *, device: torch.device = CPU
) -> SplatConversion:
    """A conversion from its checkpoint; the plan may have another budget than the saved one."""
    with building(folder):
        begun = start_splat_conversion(folder, plan, checkpoint.field, teacher, device=device)
    restore_task(begun.setup.task, checkpoint, where=folder)
    return replace(begun, state=state_of(checkpoint, where=folder))


def splat_plan_of(checkpoint: Checkpoint, *, where: Path) -> SplatPlan:
    """The plan in a checkpoint.

    Raises:
        CheckpointError: It is no conversion of splats.
    """
    if _PLAN not in checkpoint.extra:
        raise CheckpointError(
            f"{where}: holds a run that was not converted from splats; give one that was, or another folder"
        )
    return checkpoint.entry(_PLAN, SplatPlan, where=where)
