"""A scene's training in its run folder: what was asked for, saving, continuing, test renders."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from nfield.checkpoint import Checkpoint, building
from nfield.config_json import to_json
from nfield.data.base import Scene
from nfield.data.conventions import Convention
from nfield.data.picture_files import side_by_side, write_png
from nfield.data.scenes import load_scene
from nfield.devices import CPU
from nfield.errors import CheckpointError
from nfield.fields import FieldConfig
from nfield.saved_scene import KIND, camera_tensors
from nfield.training.evaluation import rendered_views, spread
from nfield.training.loop import TrainConfig, TrainState
from nfield.training.radiance import RadianceConfig
from nfield.training.run_folder import checkpoint_of, read_log, restore_task, save_run, state_of
from nfield.training.scene import SceneSetup, record_of, set_up


@dataclass(frozen=True)
class ScenePlan:
    """What is trained, on what, and for how long: the entry "plan" of a checkpoint, from which a run is continued."""

    data: str
    """The data set's folder or file."""
    train: TrainConfig
    """Budget, optimiser and seed."""
    radiance: RadianceConfig
    """Samples and rays of a step."""
    size: tuple[int, int]
    """Height and width of the images that are trained on; of the largest, where they differ."""
    convention: Convention | None = None
    """In which convention poses are written, where the user said so."""
    downscale: int | None = None
    """By which whole number the user had the photos made smaller."""
    frames: int | None = None
    """Frames to choose from a video, at most."""

    def load_scene(self, data: Path | None = None) -> Scene:
        """The data set as the run saw it.

        Args:
            data: Where it lies now, if it was moved.
        """
        return load_scene(data or self.data, size=self.size, convention=self.convention)


@dataclass(frozen=True)
class SceneRun:
    """A training on a scene, and the folder it is saved in.

    Attributes:
        folder: The run folder.
        plan: What was asked for.
        field: Backend and options of the field.
        scene: The loaded data.
        setup: The task.
        state: Of the training that is continued, if there is one.
    """

    folder: Path
    plan: ScenePlan
    field: FieldConfig
    scene: Scene
    setup: SceneSetup
    state: TrainState | None = None

    def save(self, state: TrainState) -> None:
        """Writes the checkpoint and, for people, `run.json`."""
        extra = {
            "plan": to_json(self.plan),
            "scene": to_json(record_of(self.setup, self.scene.train, self.scene.world)),
        }
        checkpoint = checkpoint_of(
            self.setup.task, state, kind=KIND, field=self.field, box=self.scene.train.box, extra=extra
        )
        tensors = {**checkpoint.tensors, **camera_tensors(self.setup.task.cameras)}
        checkpoint = replace(checkpoint, tensors=tensors)
        tested = [row["test_psnr"] for row in read_log(self.folder) if row["test_psnr"] is not None]
        about = {
            "images": {
                "train": len(self.scene.train),
                "test": len(self.scene.test),
                "missing": list(self.scene.missing),
            },
            "last_test_psnr": tested[-1] if tested else None,
        }
        save_run(self.folder, checkpoint, what=f"a radiance field of {self.plan.data}", plan=self.plan, about=about)

    def mean_psnr(self, views: int) -> float:
        """Mean PSNR of some held-out views, decibels."""
        indices = spread(len(self.scene.test), views)
        values = [view.psnr for view in rendered_views(self.setup.shown, self.scene.test, indices)]
        return sum(values) / len(values)

    def write_test_renders(self, views: int) -> None:
        """Renders held-out views into `test/NNN.png`, each beside its photo."""
        indices = spread(len(self.scene.test), views)
        for index, view in zip(indices, rendered_views(self.setup.shown, self.scene.test, indices), strict=True):
            write_png(self.folder / "test" / f"{index:03d}.png", side_by_side([view.rendered, view.photo]))


def start_run(
    folder: Path, plan: ScenePlan, field: FieldConfig, scene: Scene, *, device: torch.device = CPU
) -> SceneRun:
    """A run from nothing, whose field is trained on a device."""
    generator = torch.Generator().manual_seed(plan.train.seed)
    setup = set_up(scene.train, field, radiance=plan.radiance, generator=generator, device=device)
    return SceneRun(folder, plan, field, scene, setup)


def continue_run(
    folder: Path, plan: ScenePlan, checkpoint: Checkpoint, scene: Scene, *, device: torch.device = CPU
) -> SceneRun:
    """A run from its checkpoint, on any device; the plan may have another budget than the saved one."""
    with building(folder):
        begun = start_run(folder, plan, checkpoint.field, scene, device=device)
    restore_task(begun.setup.task, checkpoint, where=folder)
    state = state_of(checkpoint, where=folder)
    return SceneRun(folder, plan, checkpoint.field, scene, begun.setup, state)


def plan_of(checkpoint: Checkpoint, *, where: Path) -> ScenePlan:
    """The plan in a checkpoint of a scene.

    Raises:
        CheckpointError: It is not that of a scene, or of one that was edited: no photos show that.
    """
    checkpoint.require_kind(KIND, where=where, made_by="nfield train")
    if "plan" not in checkpoint.extra:
        raise CheckpointError(
            f"{where}: holds a scene that was edited or converted from splats, or made from one, so that no photos "
            "show it, expected one that nfield train wrote; nfield convert takes it, and its report compares the two"
        )
    return checkpoint.entry("plan", ScenePlan, where=where)
