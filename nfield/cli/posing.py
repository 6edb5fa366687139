"""Data without poses at the command line: they are found before the training, and how far that is, is shown."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nfield.data.posing import find_poses, lacks_poses
from nfield.data.posing.record import PosesFolder
from nfield.training.run_lock import only_writer

_LINE_SECONDS = 5.0


def posed_data(data: Path, folder: Path, *, frames: int) -> Path:
    """Data that have poses: those that are given, or a folder where poses of them were found.

    Args:
        data: What the user gave.
        folder: Where to keep poses that are found.
        frames: How many to take of a video, at most.

    Raises:
        KeyboardInterrupt: It was stopped; says how to go on.
    """
    if not lacks_poses(data):
        return data
    console = Console(highlight=False, soft_wrap=True)
    try:
        with only_writer(folder), StepProgress(console) as progress:
            posed = find_poses(data, folder, frames=frames, watch=progress)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt("stopped while poses are found; give the same command to go on") from stop
    for note in posed.notes:
        console.print(f"note: {note}", style="dim", markup=False)
    console.print(f"poses are in {posed.folder}")
    return posed.folder


def resumed_data(data: Path, kept: Sequence[Path]) -> Path:
    """Data of a run that goes on: those that are given, unless they lack poses and some were found before.

    A run goes on with the pictures that it began with, whatever happened to the photos since.

    Args:
        data: What the user gave, which may be gone.
        kept: Folders where poses may have been found.
    """
    if data.exists() and not lacks_poses(data):
        return data
    return next((folder for folder in kept if PosesFolder(folder).finished), data)


class StepProgress:
    """Shows steps one after the other, each with a bar and the time left; plain lines where there is no terminal.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, console=console)
        self._step, self._row = "", self._bars.add_task("", visible=False)
        self._began = self._shown = 0.0

    def __enter__(self) -> "StepProgress":
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def __call__(self, step: str, done: int, total: int) -> None:
        """Shows how far a step is; a step of another name begins a bar of its own."""
        now = time.perf_counter()
        if step != self._step:
            self._step, self._began, self._shown = step, now, now
            self._row = self._bars.add_task(step, total=total)
        self._bars.update(self._row, completed=done, total=total)
        if not self._console.is_terminal and (done == total or now - self._shown > _LINE_SECONDS):
            self._shown = now
            left = (now - self._began) / max(done, 1) * (total - done)
            self._console.print(f"{step}: {done} of {total}, {left:.0f} s left")
