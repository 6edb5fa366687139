"""`nfield eval`: a trained scene against its held-out photos; a fitted picture is left to `eval_image`."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from nfield.checkpoint import FILE, kind_of
from nfield.cli.options import at_least, parse_options
from nfield.saved_scene import load_scene_run
from nfield.training.evaluation import rendered_views, spread
from nfield.training.run_folder import write_json
from nfield.training.scene_run import plan_of

_EXAMPLES = ("nfield eval runs/lego", "nfield eval runs/lego --views 5")
_DIGITS = 4


@dataclass(frozen=True)
class EvalOptions:
    """Measure a trained scene on its held-out photos, or a fitted picture: PSNR and SSIM, into eval.json."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Folder that nfield train wrote."""
    views: int | None = None
    """Held-out views to measure, evenly spread. Default: all."""
    data: Path | None = None
    """Where the data set or picture lies now, if it was moved."""


def parse(arguments: Sequence[str]) -> EvalOptions:
    """Options of this command."""
    return parse_options(EvalOptions, arguments, command="eval", examples=_EXAMPLES)


def run(options: EvalOptions) -> None:
    """Measures, in the way of the kind of run."""
    at_least(options.views, 1, name="--views")
    if kind_of(options.run) == "image":
        return importlib.import_module("nfield.cli.eval_image").evaluate(options)
    return evaluate(options)


def evaluate(options: EvalOptions) -> None:
    """Measures a scene, shows a table and writes it."""
    saved = load_scene_run(options.run)
    plan = plan_of(saved.checkpoint, where=options.run)
    scene = plan.load_scene(options.data)
    console = Console(highlight=False, soft_wrap=True)
    rows: list[dict[str, str | float]] = []
    indices = spread(len(scene.test), options.views)
    with console.status("rendering held-out views") as status:
        for view in rendered_views(saved.shown, scene.test, indices):
            rows.append({"view": view.name, "psnr": round(view.psnr, _DIGITS), "ssim": round(view.ssim, _DIGITS)})
            status.update(f"rendering held-out views: {len(rows)} of {len(indices)}")
    mean = {key: round(sum(float(row[key]) for row in rows) / len(rows), _DIGITS) for key in ("psnr", "ssim")}
    megabytes = round((options.run / FILE).stat().st_size / 1e6, 2)
    result = {
        "data": plan.data,
        "size": list(plan.size),
        "background": list(saved.shown.background),
        "views": rows,
        "mean": mean,
        "step": saved.checkpoint.step,
        "seconds": round(saved.checkpoint.seconds, 1),
        "megabytes": megabytes,
    }
    write_json(options.run / "eval.json", result)
    table = Table("view", "PSNR (dB)", "SSIM")
    for row in rows:
        table.add_row(str(row["view"]), f"{row['psnr']:.2f}", f"{row['ssim']:.4f}")
    table.add_section()
    table.add_row("mean", f"{mean['psnr']:.2f}", f"{mean['ssim']:.4f}")
    console.print(table)
    console.print(
        f"{saved.checkpoint.step} steps in {saved.checkpoint.seconds:.0f} s of training, {megabytes:g} MB; "
        f"written to {options.run / 'eval.json'}"
    )
