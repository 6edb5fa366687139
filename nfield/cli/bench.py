"""`nfield bench`: how fast this machine's kernels are, and how exact; how well fields of one size fit pictures.

What has options of its own has a module of its own: avatars of generated people, conversions, GPUs, steps of trainings.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
import tyro
from rich.console import Console
from rich.table import Table

from nfield.bench.images import (
    QUESTIONS,
    SHIPPED,
    SIDE,
    VARIANTS,
    Asked,
    Fit,
    fit_pictures,
    mean_gain,
    mean_psnr,
    shipped_pictures,
)
from nfield.bench.kernels import Comparison, compare_kernels
from nfield.cli import bench_convert, bench_gpu, bench_people, bench_steps
from nfield.cli.options import at_least, parse_options
from nfield.config_json import from_json
from nfield.errors import BackendUnavailable, OptionError
from nfield.kernels import native_core
from nfield.training.run_folder import read_json, write_json

_EXAMPLES = (
    "nfield bench kernels",
    "nfield bench kernels --samples 65536 --rounds 9 --out kernels.json",
    "nfield bench images --out images.json",
    "nfield bench images photo.png --steps 1000 --shipped 2",
    "nfield bench images --side 512 --seeds 3 --variants hash rbf --out images.json",
    "nfield bench people --quick (see nfield bench people --help)",
    "nfield bench convert data/lego (see nfield bench convert --help)",
    "nfield bench gpu --data data/lego --out gpu.json (see nfield bench gpu --help)",
    "nfield bench steps (see nfield bench steps --help)",
)


@dataclass(frozen=True)
class BenchOptions:
    """Time the native kernels against their torch twins, in turns, and measure their errors; or fit pictures.

    Pictures are fitted by adaptive radial bases and by hash grids of the same size.
    """

    what: Annotated[tyro.conf.Positional[Literal["kernels", "images"]], tyro.conf.arg(metavar="kernels|images")]
    """What to measure."""
    pictures: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="PICTURE")] = ()
    """images: files to fit beside the shipped photographs."""
    samples: int = 1 << 18
    """Samples along rays."""
    log2_table: int = 17
    """Logarithm of the entries of a level of the hash grid."""
    rounds: int = 5
    """Timed rounds; medians are shown."""
    steps: int = 5000
    """images: steps of each training."""
    side: int = SIDE
    """images: pixels along an edge, at most."""
    seeds: int = 1
    """images: trainings of each picture by each variant."""
    every_other: bool = False
    """images: fit every other row and column, and measure between them."""
    shipped: int = len(SHIPPED)
    """images: how many of scikit-image's photographs to fit."""
    variants: tuple[str, ...] = tuple(VARIANTS)
    """images: what to fit them by."""
    out: Path | None = None
    """JSON file for the figures; images: fits that it holds already are not made again."""


_OWN = {"people": bench_people, "convert": bench_convert, "gpu": bench_gpu, "steps": bench_steps}
"""What has options of its own."""

_Options = (
    BenchOptions
    | bench_people.BenchPeopleOptions
    | bench_convert.BenchConvertOptions
    | bench_gpu.BenchGpuOptions
    | bench_steps.BenchStepsOptions
)


def parse(arguments: Sequence[str]) -> _Options:
    """Options of this command, or of one of those that have their own."""
    if arguments[:1] and arguments[0] in _OWN:
        return _OWN[arguments[0]].parse(arguments[1:])
    return parse_options(BenchOptions, arguments, command="bench", examples=_EXAMPLES)


def run(options: _Options) -> None:
    """Measures, shows the table and writes it where that is asked for."""
    match options:
        case bench_people.BenchPeopleOptions():
            bench_people.run(options)
        case bench_convert.BenchConvertOptions():
            bench_convert.run(options)
        case bench_gpu.BenchGpuOptions():
            bench_gpu.run(options)
        case bench_steps.BenchStepsOptions():
            bench_steps.run(options)
        case BenchOptions():
            {"images": _bench_images, "kernels": _bench_kernels}[options.what](options)


def _bench_images(options: BenchOptions) -> None:
    at_least(options.steps, 1, name="--steps")
    at_least(options.shipped, 0, name="--shipped")
    unknown = [name for name in options.variants if name not in VARIANTS]
    if unknown or not options.variants:
        raise OptionError(f"--variants: is {unknown or 'empty'}, expected some of {'; '.join(VARIANTS)}")
    at_least(options.side, 16, name="--side")
    at_least(options.seeds, 1, name="--seeds")
    pictures = dict(list(shipped_pictures().items())[: options.shipped]) | {p.stem: p for p in options.pictures}
    if not pictures:
        raise OptionError("there is no picture to fit; give some, or a larger --shipped")
    console = Console(highlight=False, soft_wrap=True)
    wanted = [
        Asked(name, variant, options.side, options.steps, seed, options.every_other)
        for seed in range(options.seeds)
        for name in pictures
        for variant in options.variants
    ]
    known = _known_fits(options.out)
    for fit in fit_pictures(pictures, [one for one in wanted if one not in known]):
        known[fit.asked] = fit
        between = "" if fit.between is None else f" ({fit.between:.2f} dB between)"
        console.print(
            f"{fit.picture}: {fit.variant}: {fit.psnr:.2f} dB{between}, SSIM {fit.ssim:.4f}, {fit.trainable} trainable "
            f"numbers of {fit.total}, {fit.placing_seconds:.1f} s placing and {fit.training_seconds:.0f} s training"
        )
        if options.out is not None:
            write_json(options.out, {"fits": [asdict(one) for one in known.values()]})
    fits = [known[one] for one in wanted]
    console.print(_picture_table(fits, options.variants))
    for variant, over in QUESTIONS:
        gain = mean_gain(fits, variant, over)
        if gain is not None:
            console.print(f"{variant} over {over}: {gain[0]:+.2f} dB in the mean, better on {gain[1]} of {gain[2]}")


def _known_fits(path: Path | None) -> dict[Asked, Fit]:
    """Fits of a file that is there already."""
    if path is None or not path.is_file():
        return {}
    fits = read_json(path).get("fits")
    if not isinstance(fits, list):
        raise OptionError(f"--out: {path} is there and holds no figures of nfield bench images; give another name")
    found = [from_json(Fit, fit, where=f"{path}: fits") for fit in fits]
    return {fit.asked: fit for fit in found}


def _picture_table(fits: Sequence[Fit], variants: Sequence[str]) -> Table:
    where = "between pixels" if any(fit.between is not None for fit in fits) else "unquantised"
    table = Table("picture", *variants, title=f"PSNR (dB), {where}")
    values = {variant: mean_psnr(fits, variant) for variant in variants}
    for name in dict.fromkeys(fit.picture for fit in fits):
        table.add_row(name, *(f"{values[variant][name]:.2f}" for variant in variants))
    table.add_section()
    table.add_row("mean", *(f"{sum(found.values()) / len(found):.2f}" for found in values.values()))
    return table


def _bench_kernels(options: BenchOptions) -> None:
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
