"""`nfield fit`: one photo of a person to an avatar in a run folder."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from avatars.body import BodyModel
from avatars.fit_run.folder import FitFolder
from avatars.pipeline import SavedFit, fit_from_photo
from avatars.report import table
from nfield.cli.fit_options import FitOptions, fit_config, photo_files, require_encoder, resumed
from nfield.cli.options import chosen_device, parse_options
from nfield.errors import OptionError
from nfield.training.loop import Hook
from nfield.training.progress import TrainProgress

_EXAMPLES = (
    "nfield fit photo.jpg --out runs/me",
    "nfield fit --resume --out runs/me",
    "nfield fit photo.jpg --out runs/me --mask mask.png --minutes 6",
    "nfield fit group.jpg --out runs/her --person 2",
    "nfield fit photo.jpg --out runs/me-rbf --field rbf",
    "nfield fit photo.jpg --out runs/me --guidance clip --prompt 'a person wearing a red coat'",
    "nfield render runs/me --motion dance",
)


def parse(arguments: Sequence[str]) -> FitOptions:
    """Options of this command."""
    return parse_options(FitOptions, arguments, command="fit", examples=_EXAMPLES)


def run(options: FitOptions) -> None:
    """Fits, saves and reports."""
    _check(options)
    if options.resume:
        options = resumed(options)
    console = Console(highlight=False, soft_wrap=True)
    try:
        saved = _fit(options, ConsoleWatcher(console))
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(_stopped(options.out)) from stop
    if saved.report is None:
        console.print(f"stopped at step {saved.fitted.steps}, saved; to go on: nfield fit --resume --out {options.out}")
        return
    console.print(table(saved.report))
    console.print(f"made in {saved.report['seconds_total']:.0f} s: see source.png and strip.png in {options.out}")
    console.print(f"next: nfield view {options.out}, or nfield export {options.out} --to glb")


def _fit(options: FitOptions, watcher: "ConsoleWatcher") -> SavedFit:
    config = fit_config(options)
    require_encoder(config)
    return fit_from_photo(
        photo_files(options),
        options.out,
        config,
        model=None if options.model is None else BodyModel.load(options.model),
        watcher=watcher,
        overwrite=options.overwrite,
        resume=options.resume,
        device=chosen_device(options.device),
    )


def _stopped(out: Path) -> str:
    """What a fit says that was stopped where there was nothing to save."""
    if FitFolder(out).finished:
        return f"stopped; {out} holds the run that it held before"
    return f"stopped; to go on: nfield fit --resume --out {out}"


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


def _check(options: FitOptions) -> None:
    if options.photo is None and not options.resume:
        raise OptionError("PHOTO: is left out, expected a picture of a person; give its file")
    if options.focal is not None and not (0.0 < options.focal < math.inf):
        raise OptionError(f"--focal: is {options.focal:g}, expected a positive number of pixels")
