"""`nfield fit`: one photo of a person to an avatar in a run folder."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console

from avatars.body import BodyModel
from avatars.fitting.fit import FitBudget
from avatars.fitting.stages import default_stages
from avatars.pipeline import FitConfig, PhotoFiles, fit_from_photo
from avatars.posed.avatar import FigureConfig
from avatars.report import table
from nfield.checkpoint import FILE
from nfield.cli.options import parse_options
from nfield.errors import CheckpointError, OptionError
from nfield.fields import HashConfig, RbfConfig
from nfield.training.loop import Hook
from nfield.training.progress import TrainProgress

_EXAMPLES = (
    "nfield fit photo.jpg --out runs/me",
    "nfield fit photo.jpg --out runs/me --mask mask.png --minutes 6",
    "nfield fit group.jpg --out runs/her --person 2",
    "nfield fit photo.jpg --out runs/me-rbf --field rbf",
    "nfield render runs/me --motion dance",
)


@dataclass(frozen=True)
class FitOptions:
    """Make a posable avatar from one photo of a person; Ctrl-C saves what exists and stops."""

    photo: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PHOTO")]
    """Picture that shows a person, best from head to feet."""
    out: Path
    """Run folder to write: avatar, report and pictures."""
    person: int | None = None
    """Which of several persons, 1 for the leftmost; persons.png in the run folder shows them. Default: the largest."""
    mask: Path | None = None
    """Picture of the photo's size, white where the person is, or "none" to ignore the alpha channel of a cut-out
    photo. Default: that alpha channel where it is a mask, else found in the photo."""
    keypoints: Path | None = None
    """JSON file with the person's 33, 25 or 17 landmarks. Default: found in the photo."""
    body: Path | None = None
    """Parameters of the body (npz: pose, shape, global_t, focal_l). Default: fitted to the photo."""
    model: Path | None = None
    """Body model file in the SMPL format (npz or pkl). Default: the shipped one."""
    focal: float | None = None
    """Focal length in pixels of the photo. Default: that of --body, else it is fitted."""
    field: Literal["hash", "rbf"] = "hash"
    """Backend of the avatar's field: a hash grid, or one of the same size with adaptive radial bases."""
    minutes: float = 4.0
    """Training time; finding person and body comes before."""
    steps: int | None = None
    """Training steps of both stages each, as a second limit."""
    seed: int = 0
    """Of everything random."""
    overwrite: bool = False
    """Replace the avatar that the folder may hold."""


def parse(arguments: Sequence[str]) -> FitOptions:
    """Options of this command."""
    return parse_options(FitOptions, arguments, command="fit", examples=_EXAMPLES)


def run(options: FitOptions) -> None:
    """Fits, saves and reports."""
    _check(options)
    console = Console(highlight=False, soft_wrap=True)
    no_mask = options.mask is not None and str(options.mask) == "none"
    mask = None if no_mask else options.mask
    files = PhotoFiles(options.photo, options.person, mask, not no_mask, options.keypoints, options.body, options.focal)
    model, out = BodyModel.load(options.model), options.out
    saved = fit_from_photo(files, out, fit_config(options), model=model, watcher=ConsoleWatcher(console))
    console.print(table(saved.report))
    if saved.fitted.interrupted:
        console.print(f"stopped early; what exists is saved in {out}")
        return
    console.print(f"made in {saved.report['seconds_total']:.0f} s: see source.png and strip.png in {out}")
    console.print(f"next: nfield render {out}, or nfield render {out} --motion dance")


def fit_config(options: FitOptions) -> FitConfig:
    """How the avatar is made."""
    return FitConfig(
        figure=_figure(options.field),
        stages=default_stages(initialises=options.field == "rbf"),
        budget=FitBudget(options.minutes, options.steps, options.seed),
    )


@dataclass(frozen=True)
class ConsoleWatcher:
    """Shows a fit on a console."""

    console: Console

    def tell(self, text: str) -> None:
        """Prints it."""
        self.console.print(text)

    @contextmanager
    def training(self, name: str) -> Iterator[Sequence[Hook]]:
        """A bar for each stage."""
        with TrainProgress(self.console, label=name) as bar:
            yield (bar,)


def _figure(backend: Literal["hash", "rbf"]) -> FigureConfig:
    """What an avatar is made of, by the backend of its field."""
    figure = FigureConfig()
    if backend == "hash":
        return figure
    assert isinstance(figure.field, HashConfig)
    return replace(figure, field=RbfConfig.as_large_as(figure.field))


def _check(options: FitOptions) -> None:
    if (options.out / FILE).exists() and not options.overwrite:
        raise CheckpointError(
            f"{options.out}: already holds a run; add --overwrite to replace it, or give another folder to --out"
        )
    if options.focal is not None and not (0.0 < options.focal < math.inf):
        raise OptionError(f"--focal: is {options.focal:g}, expected a positive number of pixels")
