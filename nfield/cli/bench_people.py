"""`nfield bench people`: avatars of generated people against the truth, from every side and in other poses."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console

from avatars.benchmark.cell import Settings
from avatars.benchmark.results import RESULTS, Results, keep_command
from avatars.benchmark.rows import methods, rows
from avatars.benchmark.run import Benchmark, do_all, launch, write_sheets
from avatars.benchmark.subjects import chosen, key_of
from avatars.benchmark.views import PLANS
from nfield.cli.bench_reporter import Reporter, failed_jobs
from nfield.cli.options import parse_options
from nfield.errors import DataError, OptionError
from nfield.flip import require_flip
from nfield.whole_file import write_atomically

_QUICK_SUBJECTS, _QUICK_MINUTES = 2, 0.5
_EXAMPLES = (
    "nfield bench people",
    "nfield bench people --quick",
    "nfield bench people --tracks A --rows today 'mean colours' --subjects open-coat",
    "nfield bench people --ablations --subjects emblem open-coat --views few",
    "nfield bench people --wardrobe data/wardrobe --out runs/wardrobe",
    "nfield bench people --table-only --out benchmarks/people",
)


@dataclass(frozen=True)
class BenchPeopleOptions:
    """Make avatars of generated people and compare them with the truth; stopped at any time, a rerun goes on."""

    out: Path = Path("runs/people")
    """Folder that keeps truth, figures, pictures, contact sheets and RESULTS.md."""
    subjects: tuple[str, ...] = ()
    """Names of the people. Default: all."""
    tracks: tuple[Literal["A", "C"], ...] = ()
    """A: exact body and mask are given; C: the photo only. Default: both."""
    rows: tuple[str, ...] = ()
    """Names of the methods. Default: all, without ablations."""
    ablations: bool = False
    """Also the product's method without each of its parts."""
    wardrobe: Path | None = None
    """Folder of garments, for further people who wear them."""
    minutes: float | None = None
    """Training time of each method. Default: its own."""
    views: Literal["full", "third", "few"] | None = None
    """144, 48 or 18 held-out views. Default: full, with --quick few."""
    quick: bool = False
    """Two people, track A, few views and half a minute of training: ten minutes on two cores."""
    seed: int = 0
    """Of everything random."""
    table_only: bool = False
    """Write RESULTS.md anew from the figures in the folder, and measure nothing."""


def parse(arguments: Sequence[str]) -> BenchPeopleOptions:
    """Options of this command."""
    return parse_options(BenchPeopleOptions, arguments, command="bench people", examples=_EXAMPLES)


def run(options: BenchPeopleOptions) -> None:
    """Measures what is not measured yet; writes table and contact sheets of what there is."""
    console = Console(highlight=False, soft_wrap=True)
    if options.table_only:
        _write_table(options.out, None, console)
        return
    benchmark = plan(options)
    require_flip()
    keep_command(options.out, command_line(options))
    try:
        failed = do_all(benchmark, launch, Reporter(console))
    finally:
        _write_what_there_is(benchmark, console)
    failed_jobs(failed)


def plan(options: BenchPeopleOptions) -> Benchmark:
    """What the options ask for.

    Raises:
        OptionError: A name is unknown, or the training time is not positive.
    """
    if options.minutes is not None and not options.minutes > 0.0:
        raise OptionError(f"--minutes: is {options.minutes:g}, expected a positive number")
    names = tuple(options.rows or (rows() if options.ablations else methods()))
    unknown = [name for name in names if name not in rows()]
    if unknown:
        raise OptionError(f"--rows: {unknown[0]!r} is no row, expected some of: {'; '.join(rows())}")
    people = chosen(options.subjects, options.wardrobe)
    if options.quick and not options.subjects:
        people = dict(list(people.items())[:: max(1, len(people) // _QUICK_SUBJECTS)][:_QUICK_SUBJECTS])
    minutes = _QUICK_MINUTES if options.quick and options.minutes is None else options.minutes
    settings = Settings(PLANS[options.views or ("few" if options.quick else "full")], minutes, options.seed)
    tracks = options.tracks or (("A",) if options.quick else ("A", "C"))
    keys = {name: key_of(subject) for name, subject in people.items()}
    return Benchmark(options.out, keys, tracks, names, settings, options.wardrobe)


def command_line(options: BenchPeopleOptions) -> str:
    """The command, without where this machine keeps things."""
    words = ["nfield", "bench", "people"]
    for name in ("subjects", "tracks", "rows"):
        values = getattr(options, name)
        words += [f"--{name}", *values] if values else []
    words += ["--ablations"] if options.ablations else []
    words += ["--wardrobe", "WARDROBE"] if options.wardrobe is not None else []
    words += ["--minutes", f"{options.minutes:g}"] if options.minutes is not None else []
    words += ["--views", options.views] if options.views is not None else []
    words += ["--quick"] if options.quick else []
    words += ["--seed", str(options.seed)] if options.seed else []
    return shlex.join(words)


def _write_what_there_is(benchmark: Benchmark, console: Console) -> None:
    """The table and the sheets of what is measured; nothing where that is nothing."""
    try:
        _write_table(benchmark.out, benchmark.settings, console)
    except DataError:
        return
    console.print(f"contact sheets are in {write_sheets(benchmark, list(rows()))}")


def _write_table(out: Path, settings: Settings | None, console: Console) -> None:
    text = Results.load(out, list(rows()), settings).markdown()
    write_atomically(out / RESULTS, text.encode())
    console.print(f"the table is in {out / RESULTS}")
