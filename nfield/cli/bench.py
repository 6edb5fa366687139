"""`nfield bench`: how fast this machine's kernels are, and how exact."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
import tyro
from rich.console import Console
from rich.table import Table

from nfield.bench.kernels import Comparison, compare_kernels
from nfield.cli.options import at_least, parse_options
from nfield.errors import BackendUnavailable
from nfield.kernels import native_core
from nfield.training.run_folder import write_json

_EXAMPLES = ("nfield bench kernels", "nfield bench kernels --samples 65536 --rounds 9 --out kernels.json")


@dataclass(frozen=True)
class BenchOptions:
    """Time the native kernels against their torch twins, in turns, and measure their errors."""

    what: Annotated[tyro.conf.Positional[Literal["kernels"]], tyro.conf.arg(metavar="kernels")]
    """What to time."""
    samples: int = 1 << 18
    """Samples along rays."""
    log2_table: int = 17
    """Logarithm of the entries of a level of the hash grid."""
    rounds: int = 5
    """Timed rounds; medians are shown."""
    out: Path | None = None
    """JSON file for the figures."""


def parse(arguments: Sequence[str]) -> BenchOptions:
    """Options of this command."""
    return parse_options(BenchOptions, arguments, command="bench", examples=_EXAMPLES)


def run(options: BenchOptions) -> None:
    """Times, shows the table and writes it where that is asked for."""
    at_least(options.samples, 1 << 14, name="--samples")
    at_least(options.log2_table, 10, name="--log2-table")
    at_least(options.rounds, 1, name="--rounds")
    core = native_core.core()
    if core is None:
        raise BackendUnavailable(
            "there is no native core to compare with its twins; nfield doctor says what is missing"
        )
    console = Console(highlight=False)
    with console.status("timing kernels against their twins"):
        rows = compare_kernels(options.samples, options.log2_table, rounds=options.rounds)
    console.print(_table(rows, f"{core.__name__.rpartition('_')[2]}, {torch.get_num_threads()} threads"))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    console.print(f"medians of {options.rounds} interleaved rounds; load of the machine at the end: {load:.1f}")
    console.print(
        "error: largest difference from the twin in float64, over its largest value (marching: share of samples)"
    )
    if options.out is not None:
        write_json(
            options.out, {"rows": [asdict(row) for row in rows], "threads": torch.get_num_threads(), "load": load}
        )


def _table(rows: Sequence[Comparison], title: str) -> Table:
    table = Table("kernel", "native ms", "twin ms", "twin / native", "million / s", "error", title=title)
    for row in rows:
        ratio = row.twin.median / row.native.median
        rate = row.items / row.native.median / 1e6
        error = "-" if row.error is None else f"{row.error:.1e}"
        cells = (f"{row.native.median * 1e3:.1f}", f"{row.twin.median * 1e3:.1f}", f"{ratio:.1f}", f"{rate:.2f}", error)
        table.add_row(row.name, *cells)
    return table
