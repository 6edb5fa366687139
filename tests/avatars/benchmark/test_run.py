"""The benchmark as a list of jobs: what is done once is not done again."""

import dataclasses
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from avatars.benchmark.cell import FORMAT, Cell, Settings
from avatars.benchmark.job import Job
from avatars.benchmark.run import Benchmark, Event, do_all, launch, write_sheets
from avatars.benchmark.truth_cache import CachedTruth
from avatars.benchmark.views import ViewPlan
from avatars.body import BodyModel
from nfield.data.picture_files import write_png


@pytest.fixture
def benchmark_of_two_rows(out: Path, drawn: CachedTruth, plan: ViewPlan) -> Benchmark:
    """One person, whose truth is there, on two tracks."""
    return Benchmark(out, {"painted": drawn.key}, ("A", "C"), ("today", "mean colours"), Settings(plan, None, 0))


class Doing:
    """Does jobs by writing what they should leave; some fail, some are interrupted."""

    def __init__(self, *, fails: str = "", interrupts: str = "") -> None:
        self.done: list[str] = []
        self.fails, self.interrupts = fails, interrupts

    def __call__(self, job: Job) -> bool:
        assert job.cell is not None
        if self.interrupts == job.name:
            raise KeyboardInterrupt
        self.done.append(job.name)
        if self.fails == job.name:
            return False
        figures = {"format": FORMAT, "settings": job.settings.to_json(), "truth": job.key}
        path = job.cell.file(job.out)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**figures, "seconds": 7.0, "measuring_seconds": 3.0}))
        return True


NAMES = [f"painted, track {track}, {row}" for track in "AC" for row in ("today", "mean colours")]


def run(benchmark: Benchmark, doing: Doing) -> tuple[list[Job], list[Event]]:
    events: list[Event] = []
    return do_all(benchmark, doing, events.append), events


def test_a_finished_cell_is_not_run_again(benchmark_of_two_rows: Benchmark):
    first, second = Doing(), Doing()
    assert run(benchmark_of_two_rows, first)[0] == []
    assert first.done == NAMES
    failed, events = run(benchmark_of_two_rows, second)
    assert (failed, events, second.done) == ([], [], [])


def test_after_an_interruption_the_rest_is_done(benchmark_of_two_rows: Benchmark):
    with pytest.raises(KeyboardInterrupt):
        run(benchmark_of_two_rows, Doing(interrupts=NAMES[2]))
    rest = Doing()
    run(benchmark_of_two_rows, rest)
    assert rest.done == NAMES[2:]


def test_a_half_written_cell_is_done_again(benchmark_of_two_rows: Benchmark):
    run(benchmark_of_two_rows, Doing())
    path = Cell("painted", "C", "today").file(benchmark_of_two_rows.out)
    path.write_text(path.read_text()[:40])
    again = Doing()
    run(benchmark_of_two_rows, again)
    assert again.done == [NAMES[2]]


@pytest.mark.parametrize("change", [{"seed": 1}, {"minutes": 2.0}, {"plan": ViewPlan(size=96)}])
def test_cells_of_other_settings_do_not_count(benchmark_of_two_rows: Benchmark, change: dict):
    run(benchmark_of_two_rows, Doing())
    other = dataclasses.replace(
        benchmark_of_two_rows, settings=dataclasses.replace(benchmark_of_two_rows.settings, **change)
    )
    assert [job.name for job in other.jobs() if job.cell is not None and not other.is_done(job)] == NAMES


def test_a_cell_that_fails_costs_that_cell_only_and_is_tried_again(benchmark_of_two_rows: Benchmark):
    first, second = Doing(fails=NAMES[1]), Doing()
    failed, events = run(benchmark_of_two_rows, first)
    assert [job.name for job in failed] == [NAMES[1]]
    assert first.done == NAMES
    assert [event.well for event in events if event.seconds is not None] == [True, False, True, True]
    run(benchmark_of_two_rows, second)
    assert second.done == [NAMES[1]]


def test_a_job_that_says_it_went_well_but_left_nothing_has_failed(benchmark_of_two_rows: Benchmark):
    failed = do_all(benchmark_of_two_rows, lambda job: True, lambda event: None)
    assert [job.name for job in failed] == NAMES


def test_without_truth_no_cell_is_tried(benchmark_of_two_rows: Benchmark, tmp_path: Path):
    nobody = dataclasses.replace(benchmark_of_two_rows, keys={"nobody": "00"}, out=tmp_path / "elsewhere")
    tried: list[str] = []
    failed = do_all(nobody, lambda job: bool(tried.append(job.name)), lambda event: None)
    assert tried == ["nobody, truth"]
    assert len(failed) == 5


def test_the_time_left_follows_what_jobs_of_each_kind_took(benchmark_of_two_rows: Benchmark):
    run(benchmark_of_two_rows, Doing())
    Cell("painted", "C", "today").file(benchmark_of_two_rows.out).unlink()
    _, events = run(benchmark_of_two_rows, Doing())
    assert events[0].left == pytest.approx(10.0)  # The others took 7 s and 3 s, as their files say.
    assert events[-1].left == 0.0


def test_a_job_survives_being_written_as_json(benchmark_of_two_rows: Benchmark):
    for job in (
        *benchmark_of_two_rows.jobs(),
        dataclasses.replace(benchmark_of_two_rows.jobs()[0], wardrobe=Path("w")),
    ):
        assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job


def test_a_process_that_dies_is_a_failure_with_a_log(
    benchmark_of_two_rows: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho out of memory; exit 3\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    job = benchmark_of_two_rows.jobs()[1]
    assert launch(job) is False
    assert job.log.read_text() == "out of memory\n"


def test_a_sheet_shows_the_truth_and_each_row_that_has_pictures(benchmark_of_two_rows: Benchmark):
    folder = Cell("painted", "A", "mean colours").pictures(benchmark_of_two_rows.out)
    truth = CachedTruth.load(benchmark_of_two_rows.jobs()[0].truth, BodyModel.load())
    write_png(folder / "photo-pose-e00-a180.png", 0.0 * truth.view("photo-pose-e00-a180").color)
    sheets = write_sheets(benchmark_of_two_rows, ["today", "mean colours"])
    assert [path.name for path in sheets.iterdir()] == ["painted-A.png"]
    with Image.open(sheets / "painted-A.png") as sheet:
        assert sheet.size == (170 + 7 * 240, 24 + 2 * 320)
        black = sheet.crop((170 + 5 * 240, 24 + 320, 170 + 6 * 240, 24 + 2 * 320))
        assert black.getextrema() == ((0, 0),) * 3
