"""`nfield bench convert`: every architecture taught by every other, beside what each learns from photos."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from distill.benchmark.job import SMALLER, Job, Settings, jobs_of, launch, needs
from distill.benchmark.results import Results
from nfield.bench.jobs import Pace, do_all
from nfield.cli.bench_reporter import Reporter, failed_jobs
from nfield.cli.options import at_least, parse_options, positive
from nfield.errors import CheckpointError, OptionError
from nfield.fields import BACKENDS
from nfield.training.run_folder import read_json, write_json
from nfield.whole_file import write_atomically

RESULTS, _SETTINGS = "RESULTS.md", "settings.json"
_EXAMPLES = (
    "nfield bench convert data/lego",
    "nfield bench convert data/lego --teachers hash --students vm mlp --minutes 1",
    "nfield bench convert data/lego --teachers hash --students mlp --seeds 0 1 2 --out runs/three",
    "nfield bench convert data/lego --table-only --out runs/convert",
)


@dataclass(frozen=True)
class BenchConvertOptions:
    """Convert every architecture to every other and compare with training on photos; a rerun goes on where it was."""

    data: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DATA")]
    """A capture, as nfield train takes it."""
    out: Path = Path("runs/convert")
    """Folder that keeps all runs and RESULTS.md."""
    teachers: tuple[str, ...] = ()
    """Architectures that teach. Default: all."""
    students: tuple[str, ...] = ()
    """Architectures that learn. Default: all."""
    teacher_minutes: float = 5.0
    """Training time of teachers, and of students from photos that count as converged."""
    minutes: float = 2.0
    """Time of each conversion, and of students from photos at equal time."""
    views: int = 8
    """Held-out views that everything is measured on."""
    size: tuple[int, int] | None = None
    """Height and width to which the photos are made smaller."""
    seeds: tuple[int, ...] = (0,)
    """Each conversion is done with each."""
    table_only: bool = False
    """Write RESULTS.md anew from the runs in the folder, and train nothing."""


def parse(arguments: Sequence[str]) -> BenchConvertOptions:
    """Options of this command."""
    return parse_options(BenchConvertOptions, arguments, command="bench convert", examples=_EXAMPLES)


def run(options: BenchConvertOptions) -> None:
    """Does what is not done yet; writes the tables of what there is."""
    console = Console(highlight=False, soft_wrap=True)
    jobs = plan(options)
    if options.table_only:
        _write_table(options, jobs, console)
        return
    _keep_settings(options)
    pace = Pace()
    for job in jobs:
        figures = job.figures()
        if figures is not None:
            pace.learn(job.kind, float(figures["seconds"]))
    failed: list[Job] = []
    try:
        failed = do_all(jobs, is_done=_is_done, needs=needs, launch=launch, watch=Reporter(console), pace=pace)
    finally:
        if any(map(_is_done, jobs)):
            _write_table(options, jobs, console)
    failed_jobs(failed)


def plan(options: BenchConvertOptions) -> list[Job]:
    """What the options ask for.

    Raises:
        OptionError: A name is unknown, or a number makes no sense.
    """
    for option, names in (("--teachers", options.teachers), ("--students", options.students)):
        unknown = [name for name in names if name not in BACKENDS]
        if unknown:
            raise OptionError(f"{option}: {unknown[0]!r} is no backend, expected some of {', '.join(BACKENDS)}")
    positive(options.minutes, name="--minutes", unit="minutes")
    positive(options.teacher_minutes, name="--teacher-minutes", unit="minutes")
    at_least(options.views, 1, name="--views")
    if not options.seeds or min(options.seeds) < 0:
        raise OptionError("--seeds: expected at least one whole number from 0 on")
    settings = Settings(
        options.data, options.out, options.teacher_minutes, options.minutes, options.views, options.size
    )
    return jobs_of(settings, options.teachers or tuple(BACKENDS), options.students or tuple(BACKENDS), options.seeds)


def _is_done(job: Job) -> bool:
    return job.figures() is not None


def _keep_settings(options: BenchConvertOptions) -> None:
    """Writes down what figures of the folder have in common, which no other run may change.

    Raises:
        CheckpointError: The folder holds figures of other settings.
    """
    path = options.out / _SETTINGS
    asked = {
        "data": str(options.data.resolve()),
        "teacher_minutes": options.teacher_minutes,
        "minutes": options.minutes,
        "views": options.views,
        "size": None if options.size is None else list(options.size),
    }
    if path.is_file() and read_json(path) != asked:
        raise CheckpointError(
            f"{path}: says that the runs in {options.out} were made with other data, minutes, views or size; give the "
            "same ones, or another folder to --out"
        )
    write_json(path, asked)


def _write_table(options: BenchConvertOptions, jobs: Sequence[Job], console: Console) -> None:
    smaller = "; ".join(f"{name}: {' '.join(words)}" for name, words in SMALLER.items())
    text = Results(jobs, command_line(options), smaller).markdown()
    write_atomically(options.out / RESULTS, text.encode())
    console.print(f"the tables are in {options.out / RESULTS}")


def command_line(options: BenchConvertOptions) -> str:
    """The command, without where this machine keeps things."""
    words = ["nfield", "bench", "convert", options.data.name]
    for name in ("teachers", "students"):
        values = getattr(options, name)
        words += [f"--{name}", *values] if values else []
    words += ["--teacher-minutes", f"{options.teacher_minutes:g}", "--minutes", f"{options.minutes:g}"]
    words += ["--views", str(options.views)]
    words += [] if options.size is None else ["--size", *map(str, options.size)]
    words += [] if options.seeds == (0,) else ["--seeds", *map(str, options.seeds)]
    return shlex.join(words)
