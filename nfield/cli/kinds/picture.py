"""Runs of pictures: signals that were fitted to one picture."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import torch
from rich.console import Console

import nfield.pictures.formats  # noqa: F401 - registers the formats
from distill.run import ConvertRun
from nfield.checkpoint import beside
from nfield.cli.edit_options import Chosen
from nfield.cli.eval import EvalOptions
from nfield.cli.kinds.base import RunKind
from nfield.cli.options import chosen_device
from nfield.cli.render import RenderOptions
from nfield.cli.train_image import quality
from nfield.data.picture_files import write_png_of
from nfield.devices import CPU
from nfield.errors import CheckpointError
from nfield.pictures.decoding import render_signal
from nfield.pictures.run import KIND as NAME
from nfield.pictures.run import evaluation, finished_run, load_image_run, prepare_picture
from nfield.training.run_folder import write_json
from viewer.image_run import load_subject
from viewer.interface import Subject


@dataclass(frozen=True)
class PictureKind:
    """See `RunKind`."""

    name: str = NAME

    def device(self, asked: str) -> torch.device:
        """As for fields in space."""
        return chosen_device(asked)

    def measure(self, options: EvalOptions) -> None:
        """The fitted picture against the picture itself."""
        saved = load_image_run(options.run, device=self.device(options.device))
        plan = saved.plan if options.data is None else replace(saved.plan, picture=str(options.data.resolve()))
        picture = prepare_picture(options.data or Path(plan.picture), size=plan.size)
        run = finished_run(options.run, replace(saved, plan=plan), picture)
        found = evaluation(run, run.decoded(), step=saved.checkpoint.step, seconds=saved.checkpoint.seconds)
        written = beside(options.run, "eval.json")
        write_json(written, found)
        numbers = found["numbers"]
        console = Console(highlight=False, soft_wrap=True)
        console.print(quality(found))
        console.print(
            f"{numbers['trainable']} trainable numbers, {numbers['total']} in all; {found['step']} steps in "
            f"{found['seconds']['training']:.0f} s of training; written to {written}"
        )

    def render(self, options: RenderOptions) -> None:
        """The picture, decoded at any size."""
        options.require_no_motion("picture")
        options.require_no_path("a picture")
        saved = load_image_run(options.run, device=self.device(options.device))
        height, width = size = options.size or saved.plan.size
        path = (options.out or beside(options.run, "render")) / "decoded.png"
        write_png_of(path, render_signal(saved.signal, size, fitted=saved.plan.size).eight_bits())
        Console(highlight=False, soft_wrap=True).print(f"decoded at {width}x{height} pixels: see {path}")

    def source(self, run: Path, device: torch.device = CPU) -> NoReturn:
        """Refused."""
        raise CheckpointError(
            f"{run}: holds a run of kind {self.name!r}, which has no volume to convert; "
            "give one of a scene or an avatar"
        )

    def edit(self, chosen: Chosen) -> NoReturn:
        """Refused."""
        raise CheckpointError(
            f"{chosen.options.run}: holds a run of kind {self.name!r}, which cannot be edited; "
            "give one of a scene or an avatar"
        )

    def finish_conversion(self, begun: ConvertRun, console: Console) -> None:
        """Never comes to this."""

    def subject(self, run: Path, *, motion: Path | None, device: torch.device = CPU) -> Subject:
        """The picture as a sheet in space, and its errors."""
        return load_subject(run, motion=motion, device=device)


KIND: RunKind = PictureKind()
