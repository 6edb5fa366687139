"""Runs of scenes: radiance fields of posed photos."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

import nfield.scene_export.formats  # noqa: F401 - registers the formats
from distill.run import ConvertRun
from distill.source import SceneSource
from nfield.camera_path import read_camera_path
from nfield.cameras import Cameras
from nfield.checkpoint import FILE
from nfield.cli.eval import EvalOptions
from nfield.cli.film import write_film
from nfield.cli.kinds.base import RunKind
from nfield.cli.render import RenderOptions
from nfield.saved_scene import KIND as NAME
from nfield.saved_scene import SavedScene, load_scene_run
from nfield.training.evaluation import rendered_views, spread
from nfield.training.run_folder import write_json
from nfield.training.scene_run import plan_of
from viewer.scene_run import load_subject
from viewer.seam import Subject

_DIGITS = 4

Rows = list[dict[str, str | float]]


@dataclass(frozen=True)
class SceneKind:
    """See `RunKind`."""

    name: str = NAME

    def measure(self, options: EvalOptions) -> None:
        """Held-out views against their photos: PSNR and SSIM of each, and their means."""
        console = Console(highlight=False, soft_wrap=True)
        saved = load_scene_run(options.run)
        rows = _measured(console, saved, options)
        mean = {key: round(sum(float(row[key]) for row in rows) / len(rows), _DIGITS) for key in ("psnr", "ssim")}
        megabytes = round((options.run / FILE).stat().st_size / 1e6, 2)
        plan = plan_of(saved.checkpoint, where=options.run)
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
        console.print(_table(rows, mean))
        console.print(
            f"{saved.checkpoint.step} steps in {saved.checkpoint.seconds:.0f} s of training, {megabytes:g} MB; "
            f"written to {options.run / 'eval.json'}"
        )

    def render(self, options: RenderOptions) -> None:
        """An orbit, or a given path: the video, its frames and a strip."""
        options.require_no_motion("scene")
        saved = load_scene_run(options.run)
        name, cameras, rate = _orbit(saved, options) if options.path is None else _path(saved, options, options.path)
        folder = options.out or options.run / "render"
        console = Console(highlight=False, soft_wrap=True)
        frames = (saved.shown.image(cameras, index).color for index in range(len(cameras)))
        write_film(console, folder, frames, count=len(cameras), name=name, rate=rate)

    def source(self, run: Path) -> SceneSource:
        """The scene's field and cameras."""
        return SceneSource(load_scene_run(run))

    def finish_conversion(self, begun: ConvertRun, console: Console) -> None:
        """Nothing: the report shows it all."""

    def subject(self, run: Path, *, motion: Path | None) -> Subject:
        """The field from anywhere, and the cameras that it was trained from."""
        return load_subject(run, motion=motion)


def _orbit(saved: SavedScene, options: RenderOptions) -> tuple[str, Cameras, float]:
    """A film's name, cameras and pictures per second: once around."""
    orbit, length = saved.orbit, options.turn()
    if options.size is not None:
        orbit = replace(orbit, size=options.size, focal=orbit.focal * options.size[0] / orbit.size[0])
    return "orbit", orbit.cameras(length.count), length.rate


def _path(saved: SavedScene, options: RenderOptions, path: Path) -> tuple[str, Cameras, float]:
    """The same along a path."""
    read = read_camera_path(path)
    return path.stem, read.cameras(saved.record.world, size=options.size), options.fps or read.rate


def _measured(console: Console, saved: SavedScene, options: EvalOptions) -> Rows:
    """PSNR and SSIM of each view."""
    plan = plan_of(saved.checkpoint, where=options.run)
    scene = plan.load_scene(options.data)
    indices = spread(len(scene.test), options.views)
    rows: Rows = []
    with console.status("rendering held-out views") as status:
        for view in rendered_views(saved.shown, scene.test, indices):
            rows.append({"view": view.name, "psnr": round(view.psnr, _DIGITS), "ssim": round(view.ssim, _DIGITS)})
            status.update(f"rendering held-out views: {len(rows)} of {len(indices)}")
    return rows


def _table(rows: Rows, mean: Mapping[str, float]) -> Table:
    table = Table("view", "PSNR (dB)", "SSIM")
    for row in rows:
        table.add_row(str(row["view"]), f"{row['psnr']:.2f}", f"{row['ssim']:.4f}")
    table.add_section()
    table.add_row("mean", f"{mean['psnr']:.2f}", f"{mean['ssim']:.4f}")
    return table


KIND: RunKind = SceneKind()
