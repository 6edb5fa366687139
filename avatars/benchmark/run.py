"""The whole benchmark as jobs, of which only those are done that have not been."""

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from avatars.benchmark.cell import Cell, Settings, finished, read_figures
from avatars.benchmark.contact_sheet import write_sheet
from avatars.benchmark.job import Job
from avatars.benchmark.truth_cache import CachedTruth, missing_views
from avatars.benchmark.views import planned_views
from avatars.body import BodyModel

Launch = Callable[[Job], bool]
"""Does a job; says whether it went well."""


@dataclass(frozen=True)
class Benchmark:
    """What is to be measured.

    Attributes:
        out: Folder that keeps everything.
        keys: Of each person's truth, by the person's name.
        tracks: By name.
        rows: By name.
        settings: Views, training time, seed.
        wardrobe: Folder of garments that are not shipped.
    """

    out: Path
    keys: Mapping[str, str]
    tracks: tuple[str, ...]
    rows: tuple[str, ...]
    settings: Settings
    wardrobe: Path | None = None

    def jobs(self) -> list[Job]:
        """All of them, person by person, the truth before what is compared with it."""
        return [
            Job(self.out, self.wardrobe, self.settings, subject, key, cell)
            for subject, key in self.keys.items()
            for cell in (None, *(Cell(subject, track, row) for track in self.tracks for row in self.rows))
        ]

    def is_done(self, job: Job) -> bool:
        """Whether a job has nothing left to do."""
        if job.cell is None:
            return not missing_views(job.truth, [view.name for view in planned_views(self.settings.plan)])
        return finished(job.cell, self.out, self.settings, job.key)


@dataclass(frozen=True)
class Event:
    """Where the benchmark is.

    Attributes:
        job: Which job.
        number: Of this job, from 1, among those that are to be done now.
        total: Of them.
        left: Seconds from here to the end, by what jobs of each kind took so far; None before any.
        seconds: That the job took; None where it begins.
        well: Whether it went well; None where it begins.
    """

    job: Job
    number: int
    total: int
    left: float | None
    seconds: float | None = None
    well: bool | None = None


def do_all(benchmark: Benchmark, launch: Launch, watch: Callable[[Event], None]) -> list[Job]:
    """Does what is left to do; gives the jobs that failed, those among them that lack their truth.

    Args:
        benchmark: What is to be measured.
        launch: Does a job.
        watch: Told before and after each.
    """
    jobs = benchmark.jobs()
    left = [job for job in jobs if not benchmark.is_done(job)]
    pace = _Pace.of([job for job in jobs if job not in left])
    failed: list[Job] = []
    for number, job in enumerate(left, 1):
        if any(other.cell is None and other.subject == job.subject for other in failed):
            failed.append(job)
            continue
        watch(Event(job, number, len(left), pace.left(left[number - 1 :])))
        begun = time.perf_counter()
        well = launch(job) and benchmark.is_done(job)
        seconds = time.perf_counter() - begun
        if well:
            pace.seconds[job.kind].append(seconds)
        else:
            failed.append(job)
        watch(Event(job, number, len(left), pace.left(left[number:]), seconds, well))
    return failed


def launch(job: Job) -> bool:
    """Does a job in a process of its own, which writes into the job's log; ends it where somebody interrupts."""
    job.log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "avatars.benchmark.job"]
    with job.log.open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)
        try:
            process.communicate(json.dumps(job.to_json()).encode())
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    return process.returncode == 0


def write_sheets(benchmark: Benchmark, rows: Sequence[str]) -> Path:
    """Writes a contact sheet of each person and track, of the rows that have pictures; gives the folder of the sheets.

    Args:
        benchmark: What was measured.
        rows: Names of rows in the order of the sheet.
    """
    model, folder = BodyModel.load(), benchmark.out / "sheets"
    for job in benchmark.jobs():
        if job.cell is not None or not benchmark.is_done(job):
            continue
        truth = CachedTruth.load(job.truth, model)
        for track in benchmark.tracks:
            pictures = {row: Cell(job.subject, track, row).pictures(benchmark.out) for row in rows}
            pictures = {row: place for row, place in pictures.items() if place.is_dir()}
            if pictures:
                write_sheet(
                    folder / f"{job.subject}-{track}.png", truth, planned_views(benchmark.settings.plan), pictures
                )
    return folder


@dataclass(frozen=True)
class _Pace:
    """How long jobs took, by kind."""

    seconds: dict[str, list[float]]

    @staticmethod
    def of(done: Sequence[Job]) -> "_Pace":
        """From the figures of earlier runs."""
        pace = _Pace(defaultdict(list))
        for job in done:
            figures = None if job.cell is None else read_figures(job.cell.file(job.out))
            if figures is not None:
                pace.seconds[job.kind].append(figures["seconds"] + figures["measuring_seconds"])
        return pace

    def left(self, jobs: Sequence[Job]) -> float | None:
        """Seconds that jobs will take; those of a kind that was never done take the mean of all."""
        every = [value for values in self.seconds.values() for value in values]
        if not every:
            return None
        return sum((fmean(self.seconds.get(job.kind) or every) for job in jobs), 0.0)
