"""The whole benchmark as jobs, of which only those are done that have not been."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from avatars.benchmark.cell import Cell, Settings, finished, read_figures
from avatars.benchmark.contact_sheet import write_sheet
from avatars.benchmark.job import Job
from avatars.benchmark.truth_cache import CachedTruth, missing_views
from avatars.benchmark.views import planned_views
from avatars.body import BodyModel
from nfield.bench import jobs

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


Event = jobs.Event[Job]
"""Where the benchmark is."""


def do_all(benchmark: Benchmark, launch: Launch, watch: Callable[[Event], None]) -> list[Job]:
    """Does what is left to do; gives the jobs that failed, those among them that lack their truth.

    Args:
        benchmark: What is to be measured.
        launch: Does a job.
        watch: Told before and after each.
    """
    every = benchmark.jobs()
    pace = jobs.Pace()
    for job in every:
        figures = None if job.cell is None else read_figures(job.cell.file(job.out))
        if figures is not None and benchmark.is_done(job):
            pace.learn(job.kind, figures["seconds"] + figures["measuring_seconds"])
    return jobs.do_all(every, is_done=benchmark.is_done, needs=_needs, launch=launch, watch=watch, pace=pace)


def _needs(job: Job, other: Job) -> bool:
    """Whether the other draws the truth that a job compares with."""
    return other.cell is None and other.subject == job.subject


def launch(job: Job) -> bool:
    """Does a job in a process of its own, which writes into the job's log; ends it where somebody interrupts."""
    said = json.dumps(job.to_json()).encode()
    job.log.unlink(missing_ok=True)
    return jobs.run_logged([sys.executable, "-m", "avatars.benchmark.job"], job.log, said=said)


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
