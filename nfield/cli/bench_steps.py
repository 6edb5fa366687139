"""`nfield bench steps`: training steps of radial bases against those of hash grids of the same size."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from nfield.bench.steps import FIELDS, step_times
from nfield.cli.options import at_least, parse_options
from nfield.training.run_folder import write_json

_EXAMPLES = (
    "nfield bench steps",
    "nfield bench steps --data data/lego --mesh armadillo.obj --out steps.json",
)


@dataclass(frozen=True)
class BenchStepsOptions:
    """Time training steps on a picture, a mesh and a scene, by radial bases and by a hash grid of the same size."""

    picture: Path | None = None
    """Picture to fit. Default: one of scikit-image's photographs, 512 pixels wide."""
    mesh: Path | None = None
    """Mesh to fit. Default: a sphere with bumps."""
    data: Path | None = None
    """Data set to train on. Default: a scene that is computed."""
    rounds: int = 5
    """Timed rounds; medians are shown."""
    steps: int = 100
    """Steps of a field in a round."""
    out: Path | None = None
    """JSON file for the figures."""


def parse(arguments: Sequence[str]) -> BenchStepsOptions:
    """Options of this command."""
    return parse_options(BenchStepsOptions, arguments, command="bench steps", examples=_EXAMPLES)


def run(options: BenchStepsOptions) -> None:
    """Measures, shows the table and writes it where that is asked for."""
    at_least(options.rounds, 1, name="--rounds")
    at_least(options.steps, 10, name="--steps")
    console, found = Console(highlight=False, soft_wrap=True), []
    table = Table("training", *(f"{name}, ms a step" for name in FIELDS), "ratio", *(f"{n}, numbers" for n in FIELDS))
    given = {"picture": options.picture, "mesh": options.mesh, "data": options.data}
    for times in step_times(rounds=options.rounds, steps=options.steps, **given):
        console.print(f"{times.what}: {times.ratio:.2f} times as long as {FIELDS[0]}")
        table.add_row(
            times.what,
            *(f"{times.milliseconds[name]:.1f}" for name in FIELDS),
            f"{times.ratio:.2f}",
            *(str(times.numbers[name]) for name in FIELDS),
        )
        found.append({**asdict(times), "ratio": round(times.ratio, 3)})
    console.print(table)
    if options.out is not None:
        write_json(options.out, {"rounds": options.rounds, "steps": options.steps, "times": found})
        console.print(f"written to {options.out}")
