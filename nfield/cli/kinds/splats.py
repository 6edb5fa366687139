"""PLY files of Gaussian splats, ours and anybody's: no run, but something to look at."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import torch
from rich.console import Console

from distill.run import ConvertRun
from distill.source import Source
from nfield.cli.edit_options import Chosen
from nfield.cli.eval import EvalOptions
from nfield.cli.film import write_film
from nfield.cli.kinds.base import RunKind
from nfield.cli.options import cpu_alone
from nfield.cli.render import RenderOptions
from nfield.devices import CPU
from nfield.errors import OptionError
from nfield.export.splat_file import read_splats
from nfield.splats.shown import splat_image
from viewer.interface import Subject
from viewer.splat_file import load_subject, orbit_of

NAME = "splats"


@dataclass(frozen=True)
class SplatsKind:
    """See `RunKind`."""

    name: str = NAME

    def device(self, asked: str) -> torch.device:
        """The CPU."""
        return cpu_alone(asked, what="files of splats are")

    def measure(self, options: EvalOptions) -> None:
        """Refused: a file of splats knows no photos."""
        _refuse(options.run, "measured")

    def render(self, options: RenderOptions) -> None:
        """An orbit: the video, its frames and a strip, beside the file."""
        self.device(options.device)
        options.require_no_motion("cloud of splats")
        options.require_no_path("splats")
        file = read_splats(options.run)
        orbit, length = orbit_of(file), options.turn()
        if options.size is not None:
            orbit = replace(orbit, size=options.size, focal=orbit.focal * min(options.size) / min(orbit.size))
        cameras = orbit.cameras(length.count)
        frames = (splat_image(file.splats, cameras, index).color for index in range(len(cameras)))
        folder = options.out or options.run.with_suffix(".render")
        console = Console(highlight=False, soft_wrap=True)
        write_film(console, folder, frames, count=len(cameras), name="orbit", rate=length.rate)

    def source(self, run: Path, device: torch.device = CPU) -> Source:
        """Refused: splats are no field; they have a conversion of their own (`nfield.cli.convert_splats`)."""
        _refuse(run, "converted like a field")

    def edit(self, chosen: Chosen) -> None:
        """Refused: a field is edited, which nfield convert makes of splats."""
        raise OptionError(
            f"{chosen.options.run}: is a file of splats, which cannot be edited; nfield convert makes a field of it"
        )

    def finish_conversion(self, begun: ConvertRun, console: Console) -> None:
        """Nothing: it never begins."""

    def subject(self, run: Path, *, motion: Path | None, device: torch.device = CPU) -> Subject:
        """The splats from anywhere; no field answers, so there is nothing to do on a device."""
        return load_subject(run, motion=motion)


def _refuse(path: Path, what: str) -> NoReturn:
    raise OptionError(
        f"{path}: is a file of splats, which cannot be {what}; give the folder of the run that it is from"
    )


KIND: RunKind = SplatsKind()
