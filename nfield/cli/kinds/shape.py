"""Runs of meshes: fields that were fitted to signed distances."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import torch
from rich.console import Console

import nfield.shapes.formats  # noqa: F401 - registers the formats
from distill.run import ConvertRun
from nfield.cli.edit_options import Chosen
from nfield.cli.eval import EvalOptions
from nfield.cli.film import write_film
from nfield.cli.kinds.base import RunKind
from nfield.cli.options import chosen_device
from nfield.cli.render import RenderOptions
from nfield.cli.train_shape import quality
from nfield.devices import CPU
from nfield.errors import CheckpointError
from nfield.shapes.drawing import drawn, orbit
from nfield.shapes.run import KIND as NAME
from nfield.shapes.run import continue_run, load_shape_run, load_truth
from nfield.shapes.surface import zero_set
from viewer.interface import Subject
from viewer.shape_run import load_subject

_FILMED = 256
"""Cubes along the longest edge of the surface that is filmed."""
_SIZE = (512, 512)


@dataclass(frozen=True)
class ShapeKind:
    """See `RunKind`."""

    name: str = NAME

    def device(self, asked: str) -> torch.device:
        """As for fields in space."""
        return chosen_device(asked)

    def measure(self, options: EvalOptions) -> None:
        """The field against its mesh."""
        console, device = Console(highlight=False, soft_wrap=True), self.device(options.device)
        saved = load_shape_run(options.run)
        plan = saved.plan if options.data is None else replace(saved.plan, mesh=str(options.data.resolve()))
        run = continue_run(options.run, plan, saved.checkpoint, load_truth(Path(plan.mesh)), device=device)
        assert run.state is not None, "the run was loaded with its state"
        with console.status("measuring the surface"):
            found = run.evaluate(run.state, resolution=options.resolution)
        console.print(quality(found))
        console.print(
            f"{found['numbers']['trainable']} trainable numbers, {found['numbers']['total']} in all; {found['step']} "
            f"steps in {found['seconds']['training']:.0f} s of training; written to {options.run / 'eval.json'}"
        )

    def render(self, options: RenderOptions) -> None:
        """The surface from all around."""
        options.require_no_motion("mesh")
        options.require_no_path("a mesh")
        console, device = Console(highlight=False, soft_wrap=True), self.device(options.device)
        with console.status("looking for the surface"):
            mesh = zero_set(load_shape_run(options.run, device=device).signal, _FILMED)
        length, size = options.turn(), options.size or _SIZE
        cameras = orbit(size).cameras(length.count)
        frames = (drawn(mesh, cameras[index : index + 1], size).color for index in range(length.count))
        folder = options.out or options.run / "render"
        write_film(console, folder, frames, count=length.count, name="turntable", rate=length.rate)

    def source(self, run: Path, device: torch.device = CPU) -> NoReturn:
        """Refused."""
        raise CheckpointError(
            f"{run}: holds a run of kind {self.name!r}, which has no density and no colours to convert; "
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
        """The surface, slices through the distances, and the mesh."""
        return load_subject(run, motion=motion, device=device)


KIND: RunKind = ShapeKind()
