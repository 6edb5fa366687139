"""A mesh's training in its run folder: what was asked for, saving, continuing, measuring."""

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from trimesh import Trimesh

from nfield.checkpoint import Checkpoint, building, load_checkpoint, restore_module
from nfield.config_json import to_json
from nfield.data.picture_files import side_by_side, write_png
from nfield.data.world import World
from nfield.devices import CPU
from nfield.encodings.initial_centers import CentersRule
from nfield.errors import OptionError
from nfield.fields.base import put_down_to
from nfield.fields.distance import CUBE, DistanceConfig
from nfield.fields.signal import Signal
from nfield.shapes.drawing import drawn, front
from nfield.shapes.initialisation import initialise_on_surface
from nfield.shapes.measures import measured
from nfield.shapes.signed_distance import SignedDistance, distance_to
from nfield.shapes.surface import zero_set
from nfield.shapes.task import DistanceTask, Sampling
from nfield.shapes.user_mesh import read_mesh
from nfield.training.loop import TrainConfig, TrainState
from nfield.training.run_folder import checkpoint_of, restore_task, save_run, state_of, write_json

KIND = "distance"
"""The kind of a mesh's run."""

_PICTURE = (480, 480)


@dataclass(frozen=True)
class ShapePlan:
    """What is trained, on what, and for how long: the entry "plan" of a checkpoint, from which a run is continued."""

    mesh: str
    """The mesh's file."""
    train: TrainConfig
    """Budget, optimiser and seed."""
    placing: CentersRule
    """How kernels were placed."""
    sampling: Sampling
    """How points are drawn."""
    world: World
    """How the field's cube lies in the user's world."""


@dataclass(frozen=True)
class ShapeRun:
    """A training on a mesh, and the folder it is saved in.

    Attributes:
        folder: The run folder.
        plan: What was asked for.
        config: Options of the field, with its number of kernels.
        task: What is trained.
        placing_seconds: Time that placing the kernels took.
        state: Of the training that is continued, if there is one.
    """

    folder: Path
    plan: ShapePlan
    config: DistanceConfig
    task: DistanceTask
    placing_seconds: float
    state: TrainState | None = None

    def save(self, state: TrainState) -> None:
        """Writes the checkpoint and, for people, `run.json`."""
        extra = {"plan": to_json(self.plan), "placing_seconds": self.placing_seconds}
        saved = checkpoint_of(self.task, state, kind=KIND, field=self.config, box=CUBE, extra=extra)
        about = {
            "numbers": self.numbers,
            "seconds": {"placing": round(self.placing_seconds, 2), "training": round(state.seconds, 1)},
        }
        save_run(self.folder, saved, what=f"signed distances of {self.plan.mesh}", plan=self.plan, about=about)

    @property
    def numbers(self) -> dict[str, int]:
        """How many there are, for people."""
        trained, total = self.task.signal.counts()
        return {"trainable": trained, "total": total}

    def evaluate(self, state: TrainState, *, resolution: int) -> dict[str, Any]:
        """Writes `eval.json`, and `surface.png`, the field's surface beside the mesh; what the former holds.

        Args:
            state: Of the training.
            resolution: Cubes along the longest edge of the surface that is compared.
        """
        surface = zero_set(self.task.signal, resolution)
        self._draw(surface)
        found = measured(self.task.signal, surface, self.task.truth)
        result = {
            "mesh": self.plan.mesh,
            "mesh_triangles": len(self.task.truth.mesh.faces),
            "resolution": resolution,
            **{name: _rounded(value) for name, value in asdict(found).items()},
            "numbers": self.numbers,
            "step": state.step,
            "seconds": {"placing": round(self.placing_seconds, 2), "training": round(state.seconds, 1)},
        }
        write_json(self.folder / "eval.json", result)
        return result

    def _draw(self, surface: Trimesh) -> None:
        pair, camera = (surface, self.task.truth.mesh.trimesh), front(_PICTURE)
        write_png(self.folder / "surface.png", side_by_side([drawn(mesh, camera, _PICTURE).color for mesh in pair]))


def start_run(
    folder: Path, plan: ShapePlan, config: DistanceConfig, truth: SignedDistance, *, device: torch.device = CPU
) -> ShapeRun:
    """A run from nothing: sizes the field and places its kernels.

    Args:
        folder: The run folder.
        plan: What is asked for.
        config: Options of the field.
        truth: Distance of the mesh.
        device: Where the field learns.
    """
    generator = torch.Generator().manual_seed(plan.train.seed)
    begun = time.perf_counter()
    with put_down_to(config):
        sized = config.sized()
        signal = sized.build(generator)
    initialise_on_surface(signal, truth.mesh, how=plan.placing, generator=generator)
    seconds = time.perf_counter() - begun
    task = DistanceTask(signal.to(device), truth, plan.sampling, seed=plan.train.seed)
    return ShapeRun(folder, plan, sized, task, seconds)


def continue_run(
    folder: Path, plan: ShapePlan, checkpoint: Checkpoint, truth: SignedDistance, *, device: torch.device = CPU
) -> ShapeRun:
    """A run from its checkpoint; the plan may have another budget than the saved one.

    Args:
        folder: The run folder.
        plan: What is asked for.
        checkpoint: What was saved.
        truth: Distance of the mesh, which lies where it lay.
        device: Where the field learns.
    """
    if truth.mesh.world != plan.world:
        raise OptionError(
            f"{plan.mesh}: lies elsewhere or is of another size than the mesh that the run in {folder} was begun with; "
            "give the same mesh"
        )
    signal = _restored(checkpoint, where=folder).to(device)
    task = DistanceTask(signal, truth, plan.sampling, seed=plan.train.seed)
    restore_task(task, checkpoint, where=folder)
    seconds = checkpoint.value("placing_seconds", float, default=0.0, where=folder)
    assert isinstance(checkpoint.config, DistanceConfig), "the field was restored from it"
    return ShapeRun(folder, plan, checkpoint.config, task, seconds, state_of(checkpoint, where=folder))


@dataclass(frozen=True)
class SavedShape:
    """A fitted mesh, ready to be looked at.

    Attributes:
        signal: What was fitted.
        plan: To what.
        checkpoint: All that was saved.
    """

    signal: Signal
    plan: ShapePlan
    checkpoint: Checkpoint


def load_shape_run(run: Path, *, device: torch.device = CPU) -> SavedShape:
    """The field of a run folder.

    Args:
        run: The folder.
        device: Where the field answers.

    Raises:
        CheckpointError: The checkpoint cannot be used, or it is not that of a mesh.
    """
    checkpoint = load_checkpoint(run)
    plan = plan_of(checkpoint, where=run)
    return SavedShape(_restored(checkpoint, where=run).to(device).eval(), plan, checkpoint)


def plan_of(checkpoint: Checkpoint, *, where: Path) -> ShapePlan:
    """The plan in a checkpoint of a mesh."""
    checkpoint.require_kind(KIND, where=where, made_by="nfield train MESH")
    return checkpoint.entry("plan", ShapePlan, where=where)


def load_truth(path: Path) -> SignedDistance:
    """The distance of a file's mesh.

    Raises:
        DataError: It is missing, damaged, or encloses nothing.
    """
    return distance_to(read_mesh(path), where=path)


def _restored(checkpoint: Checkpoint, *, where: Path) -> Signal:
    assert isinstance(checkpoint.config, DistanceConfig), "callers have looked at the kind"
    with building(where):
        signal = checkpoint.config.build()
    restore_module(signal, checkpoint.part("field"), where=f"{where}: field")
    return signal


def _rounded(value: float | int) -> float | int:
    """Six digits that count."""
    return value if isinstance(value, int) or not math.isfinite(value) else float(f"{value:.6g}")
