"""What kinds of run can be converted: each knows its teacher, and how a student is saved in its place."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Shaped
from torch import Tensor

from distill.teacher import Teacher
from nfield.checkpoint import Checkpoint
from nfield.config_json import to_json
from nfield.devices import device_of
from nfield.fields import Field
from nfield.rendering.samplers.base import Sampler
from nfield.rendering.samplers.occupancy import OccupancySampler
from nfield.saved_scene import SavedScene, camera_tensors
from nfield.training.loop import TrainConfig
from nfield.types import Box


@runtime_checkable
class Source(Protocol):
    """A trained run that is converted."""

    @property
    def teacher(self) -> Teacher:
        """The field that it holds, with what renders it."""
        ...

    @property
    def checkpoint(self) -> Checkpoint:
        """What it was loaded from."""
        ...

    @property
    def box(self) -> Box:
        """The box of a student, metres."""
        ...

    def learning(self, field: Field) -> Field:
        """A student where it learns: on the teacher's device, as this run's fields are kept there."""
        ...

    def wrapped(self, field: Field) -> Field:
        """A student as its run would ask it."""
        ...

    def sampler(self) -> Sampler:
        """A new sampler for the student, which knows what is empty for any field of this run."""
        ...

    def carried(self) -> tuple[dict[str, Shaped[Tensor, "..."]], dict[str, Any]]:
        """Tensors and entries of the checkpoint that the student's run takes over."""
        ...

    def carry_files(self, folder: Path) -> None:
        """Writes what the student's run needs beside its checkpoint.

        Args:
            folder: The student's run folder.
        """
        ...


@dataclass(frozen=True)
class SceneSource:
    """A scene.

    Attributes:
        saved: Its run.
    """

    saved: SavedScene

    @property
    def device(self) -> torch.device:
        """The scene's."""
        return device_of(self.saved.shown.field)

    def learning(self, field: Field) -> Field:
        """The field itself, on the scene's device."""
        return field.to(self.device)

    @property
    def teacher(self) -> Teacher:
        """The scene's field."""
        sampler = self.saved.shown.renderer.sampler
        assert isinstance(sampler, OccupancySampler)
        return Teacher(self.saved.shown, self.saved.cameras, sampler)

    @property
    def checkpoint(self) -> Checkpoint:
        """The scene's."""
        return self.saved.checkpoint

    @property
    def box(self) -> Box:
        """The scene's."""
        return self.saved.shown.box

    def wrapped(self, field: Field) -> Field:
        """The field itself."""
        return field

    def sampler(self) -> OccupancySampler:
        """A grid of its own within the teacher's: what the teacher does not show stays empty."""
        grid = OccupancySampler(self.saved.record.inner.box, self.saved.record.sampler).to(self.device)
        grid.keep_cells(self.teacher.grid.occupied_cells())
        return grid

    def carried(self) -> tuple[dict[str, Shaped[Tensor, "..."]], dict[str, Any]]:
        """The cameras; how the scene is rendered, and from which data it was made."""
        extra = self.checkpoint.extra
        return camera_tensors(self.saved.cameras), {key: extra[key] for key in ("plan", "scene") if key in extra}

    def carry_files(self, folder: Path) -> None:
        """A scene's checkpoint needs nothing beside it."""


def student_checkpoint(
    source: Source, checkpoint: Checkpoint, plan: Mapping[str, Any], train: TrainConfig
) -> Checkpoint:
    """A student's checkpoint as a run of its source's kind.

    Args:
        source: What was converted.
        checkpoint: The student's field, sampler and training state.
        plan: How it is converted: the entry "convert".
        train: Its budget, which takes the place of its source's.
    """
    tensors, extra = source.carried()
    if "plan" in extra:
        extra["plan"] = {**extra["plan"], "train": to_json(train)}
    return replace(checkpoint, tensors={**checkpoint.tensors, **tensors}, extra={**extra, "convert": dict(plan)})
