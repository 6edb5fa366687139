"""A picture's training in its run folder: what was asked for, saving, continuing, measuring."""

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nfield.checkpoint import Checkpoint, building, load_checkpoint, restore_module
from nfield.config_json import to_json
from nfield.data.picture import Picture, load_picture
from nfield.data.picture_files import write_png_of
from nfield.devices import CPU
from nfield.encodings.initial_centers import CentersRule
from nfield.errors import DataError
from nfield.fields.base import put_down_to
from nfield.fields.signal import Canvas, RbfSignalConfig, Signal, SignalConfig
from nfield.metrics import decibels
from nfield.pictures.alpha import premultiplied, straight
from nfield.pictures.bands import WHOLE, Part, area_averaged, bands
from nfield.pictures.drawing import draw_error_map, draw_kernels
from nfield.pictures.initialisation import EXPONENT, PixelWeights, initialise_on_picture
from nfield.pictures.measures import measures
from nfield.pictures.task import ImageTask
from nfield.training.loop import TrainConfig, TrainState
from nfield.training.run_folder import checkpoint_of, restore_task, save_run, state_of, write_json
from nfield.types import Box

KIND = "image"
"""The kind of a picture's run."""

_DIGITS = 4
_WATCHED = 1 << 21


@dataclass(frozen=True)
class ImagePlan:
    """What is trained, on what, and for how long: the entry "plan" of a checkpoint, from which a run is continued."""

    picture: str
    """The picture's file."""
    train: TrainConfig
    """Budget, optimiser and seed."""
    placing: CentersRule
    """How kernels were placed."""
    size: tuple[int, int]
    """Height and width at which the picture is fitted."""
    channels: int
    """Numbers of a pixel."""
    exponent: float = EXPONENT
    """Power of a pixel's change that weighed it when kernels were placed."""

    @property
    def canvas(self) -> Canvas:
        """What the signal covers."""
        return Canvas(self.size, self.channels)


@dataclass(frozen=True)
class ImageRun:
    """A training on a picture, and the folder it is saved in.

    Attributes:
        folder: The run folder.
        plan: What was asked for.
        config: Options of the signal, with its number of kernels.
        picture: What is fitted.
        task: What is trained.
        placing_seconds: Time that placing the kernels took.
        state: Of the training that is continued, if there is one.
    """

    folder: Path
    plan: ImagePlan
    config: SignalConfig
    picture: Picture
    task: ImageTask
    placing_seconds: float
    state: TrainState | None = None

    def save(self, state: TrainState) -> None:
        """Writes the checkpoint and, for people, `run.json`."""
        extra = {"plan": to_json(self.plan), "placing_seconds": self.placing_seconds}
        x, y = self.plan.canvas.extent.tolist()
        box = Box(torch.zeros(3), torch.tensor([x, y, 1.0]))
        saved = checkpoint_of(self.task, state, kind=KIND, field=self.config, box=box, extra=extra)
        trained, total = self.task.signal.counts()
        about = {
            "numbers": {"trainable": trained, "total": total},
            "seconds": {"placing": round(self.placing_seconds, 2), "training": round(state.seconds, 1)},
        }
        save_run(self.folder, saved, what=f"a signal fitted to {self.plan.picture}", plan=self.plan, about=about)

    @property
    def watched(self) -> str:
        """What `psnr` is that of, for the legend of a curve."""
        height, width = self.plan.size
        return "whole picture" if height * width <= _WATCHED else "two megapixels of the picture"

    def psnr(self) -> float:
        """Of the whole picture, or of two megapixels spread over a larger one, decibels."""
        return decibels(self.task.error_at(_WATCHED))

    def decoded(self) -> Picture:
        """The signal at the picture's pixels, clipped and rounded to 16 bits."""
        height, width = self.plan.size
        stored = np.empty((height, width, self.plan.channels), dtype=np.uint16)
        for first, last in bands(self.plan.size):
            stored[first:last] = Picture.of(straight(self.task.decoded(first, last))).stored
        return Picture(stored)

    def finish(self, state: TrainState) -> dict[str, Any]:
        """Writes the decoded picture, its error map, its kernels and `eval.json`; what the last of these holds."""
        fitted = self.decoded()
        result = evaluation(self, fitted, step=state.step, seconds=state.seconds)
        write_json(self.folder / "eval.json", result)
        write_png_of(self.folder / "decoded.png", fitted.eight_bits())
        draw_error_map(fitted, self.picture, self.folder / "error.png", title=f"PSNR {result['psnr']} dB")
        bases = self.task.signal.bases
        if bases is not None:
            draw_kernels(bases, self.picture, self.folder / "kernels.png")
        return result


def evaluation(run: ImageRun, fitted: Picture, *, step: int, seconds: float) -> dict[str, Any]:
    """Measures of a fitted picture, with what it took.

    Args:
        run: The run.
        fitted: What the signal makes of the picture.
        step: Steps of training.
        seconds: Time of training.
    """
    trained, total = run.task.signal.counts()
    height, width = run.plan.size
    measured = {name: _rounded(value) for name, value in asdict(measures(fitted, run.picture)).items()}
    return {
        "picture": run.plan.picture,
        "size": [height, width],
        "channels": run.plan.channels,
        **measured,
        "numbers": {"trainable": trained, "total": total, "total_per_pixel": round(total / (height * width), _DIGITS)},
        "step": step,
        "seconds": {"placing": round(run.placing_seconds, 2), "training": round(seconds, 1)},
    }


def prepare_picture(path: Path, *, size: tuple[int, int] | None) -> Picture:
    """A picture at the size at which it is fitted, made smaller by area averaging.

    Args:
        path: The file.
        size: Height and width, at most those of the file; None for these.
    """
    picture = load_picture(path)
    height, width = picture.size
    if size is None or size == (height, width):
        return picture
    if not (1 <= size[0] <= height and 1 <= size[1] <= width):
        raise DataError(
            f"{path}: asked for a picture of {size[1]}x{size[0]}, expected a size from 1x1 to that of the file, "
            f"{width}x{height}; ask for a smaller one"
        )
    return made_smaller(picture, size)


def made_smaller(picture: Picture, size: tuple[int, int]) -> Picture:
    """A picture made smaller by area averaging, with 16 bits a channel."""
    averaged = area_averaged(_premultiplied_part(picture), WHOLE, picture.size, size)
    return Picture(np.concatenate([Picture.of(straight(band)).stored for band in averaged]))


def _premultiplied_part(picture: Picture) -> Part:
    def part(first: int, last: int, left: int, right: int) -> Float[Tensor, "h w c"]:
        return premultiplied(picture.rows(first, last)[:, left:right])

    return part


def start_run(
    folder: Path, plan: ImagePlan, config: SignalConfig, picture: Picture, *, device: torch.device = CPU
) -> ImageRun:
    """A run from nothing: sizes the signal and places its kernels.

    Args:
        folder: The run folder.
        plan: What is asked for.
        config: Options of the signal.
        picture: What is fitted.
        device: Where the signal learns.
    """
    generator = torch.Generator().manual_seed(plan.train.seed)
    begun = time.perf_counter()
    with put_down_to(config):
        sized = sized_for(config, picture)
        signal = sized.build(plan.canvas, generator)
    initialise_on_picture(signal, picture, how=plan.placing, exponent=plan.exponent, generator=generator)
    seconds = time.perf_counter() - begun
    task = ImageTask(signal.to(device), picture, seed=plan.train.seed)
    return ImageRun(folder, plan, sized, picture, task, seconds)


def sized_for(config: SignalConfig, picture: Picture) -> SignalConfig:
    """A signal's options with the number of its kernels, which no more than the picture's pixels that change."""
    if not isinstance(config, RbfSignalConfig):
        return config
    most = PixelWeights(picture, least=config.bases.neighbours).positive
    return config.sized(Canvas(picture.size, picture.channels), most=most)


def continue_run(
    folder: Path, plan: ImagePlan, checkpoint: Checkpoint, picture: Picture, *, device: torch.device = CPU
) -> ImageRun:
    """A run from its checkpoint; the plan may have another budget than the saved one.

    Args:
        folder: The run folder.
        plan: What is asked for.
        checkpoint: What was saved.
        picture: What is fitted.
        device: Where the signal learns.
    """
    _require_alike(picture, plan, where=folder)
    # Restored before the task is made, which keeps what it finds near every pixel.
    signal = _restored(checkpoint, plan, where=folder).to(device)
    with building(folder):
        task = ImageTask(signal, picture, seed=plan.train.seed)
    restore_task(task, checkpoint, where=folder)
    seconds = checkpoint.value("placing_seconds", float, default=0.0, where=folder)
    state = state_of(checkpoint, where=folder)
    assert isinstance(checkpoint.config, SignalConfig), "the signal was restored from it"
    return ImageRun(folder, plan, checkpoint.config, picture, task, seconds, state)


@dataclass(frozen=True)
class SavedImage:
    """A fitted picture, ready to be looked at.

    Attributes:
        signal: What was fitted.
        plan: To what.
        checkpoint: All that was saved.
    """

    signal: Signal
    plan: ImagePlan
    checkpoint: Checkpoint


def load_image_run(run: Path, *, device: torch.device = CPU) -> SavedImage:
    """The fitted picture of a run folder.

    Args:
        run: The folder, or a compact file.
        device: Where the signal answers.

    Raises:
        CheckpointError: The checkpoint cannot be used, or it is not that of a picture.
    """
    checkpoint = load_checkpoint(run)
    plan = plan_of(checkpoint, where=run)
    return SavedImage(_restored(checkpoint, plan, where=run).to(device).eval(), plan, checkpoint)


def finished_run(folder: Path, saved: SavedImage, picture: Picture) -> ImageRun:
    """A fitted picture beside a picture, to be measured.

    Args:
        folder: The run folder, or a compact file.
        saved: What it holds.
        picture: Of the size and the channels that were fitted.
    """
    _require_alike(picture, saved.plan, where=folder)
    assert isinstance(saved.checkpoint.config, SignalConfig), "the signal was restored from it"
    seconds = saved.checkpoint.value("placing_seconds", float, default=0.0, where=folder)
    task = ImageTask(saved.signal, picture, seed=saved.plan.train.seed)
    return ImageRun(folder, saved.plan, saved.checkpoint.config, picture, task, seconds)


def _require_alike(picture: Picture, plan: ImagePlan, *, where: Path) -> None:
    if picture.stored.shape != (*plan.size, plan.channels):
        raise DataError(
            f"{plan.picture}: has the shape {picture.stored.shape}, expected {(*plan.size, plan.channels)} as the run "
            f"in {where} was begun with; give the same picture"
        )


def plan_of(checkpoint: Checkpoint, *, where: Path) -> ImagePlan:
    """The plan in a checkpoint of a picture."""
    checkpoint.require_kind(KIND, where=where, made_by="nfield train PICTURE")
    return checkpoint.entry("plan", ImagePlan, where=where)


def _restored(checkpoint: Checkpoint, plan: ImagePlan, *, where: Path) -> Signal:
    assert isinstance(checkpoint.config, SignalConfig), "callers have looked at the kind"
    with building(where):
        signal = checkpoint.config.build(plan.canvas)
    restore_module(signal, checkpoint.part("field"), where=f"{where}: field")
    return signal


def _rounded(value: float | None) -> float | None:
    """For JSON, which has no infinity: the PSNR of equal pictures is left out."""
    return None if value is None or math.isinf(value) else round(value, _DIGITS)
