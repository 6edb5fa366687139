"""Runs of scenes: radiance fields of posed photos."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

import nfield.scene_export.formats  # noqa: F401 - registers the formats
from distill.run import ConvertRun
from distill.source import SceneSource
from nfield.camera_path import read_camera_path
from nfield.cameras import Cameras
from nfield.checkpoint import FILE
from nfield.cli.edit_options import Chosen
from nfield.cli.edit_scene import edit_scene
from nfield.cli.eval import EvalOptions
from nfield.cli.film import write_film
from nfield.cli.kinds.base import RunKind
from nfield.cli.options import chosen_device
from nfield.cli.render import RenderOptions
from nfield.data.base import PosedImages
from nfield.devices import CPU
from nfield.saved_scene import KIND as NAME
from nfield.saved_scene import SavedScene, load_scene_run
from nfield.training.alignment import aligned_cameras
from nfield.training.evaluation import View, rendered_views, spread
from nfield.training.run_folder import write_json
from nfield.training.scene_run import plan_of
from nfield.training.view_measures import Measures, Row, Worst, available_measures, mean_of, write_csv
from viewer.interface import Subject
from viewer.scene_run import load_subject


@dataclass(frozen=True)
class SceneKind:
    """See `RunKind`."""

    name: str = NAME

    def device(self, asked: str) -> torch.device:
        """Any."""
        return chosen_device(asked)

    def measure(self, options: EvalOptions) -> None:
        """Held-out views against their photos: each view's measures, their means, and the worst views."""
        console = Console(highlight=False, soft_wrap=True)
        saved = load_scene_run(options.run, device=self.device(options.device))
        measures, lacking = available_measures(options.lpips)
        plan = plan_of(saved.checkpoint, where=options.run)
        scene = plan.load_scene(options.data)
        held_out = scene.test.subset(torch.tensor(spread(len(scene.test), options.views)))
        worst = Worst(options.worst)
        rows = _measured(console, saved, held_out, measures, see=worst.see)
        worst.write(options.run / "worst")
        mean = mean_of(rows, measures.names)
        aligned = _aligned(console, saved, held_out, measures) if options.align_views else None
        megabytes = round((options.run / FILE).stat().st_size / 1e6, 2)
        result = {
            "data": plan.data,
            "size": list(plan.size),
            "background": list(saved.shown.background),
            "views": rows,
            "mean": mean,
            **({} if aligned is None else {"mean_aligned": aligned}),
            "step": saved.checkpoint.step,
            "seconds": round(saved.checkpoint.seconds, 1),
            "megabytes": megabytes,
        }
        write_json(options.run / "eval.json", result)
        write_csv(options.run / "eval.csv", rows)
        console.print(_table(rows, mean, aligned))
        if lacking is not None:
            console.print(f"note: {lacking}", style="dim", markup=False)
        console.print(
            f"{saved.checkpoint.step} steps in {saved.checkpoint.seconds:.0f} s of training, {megabytes:g} MB; "
            f"written to {options.run / 'eval.json'} and eval.csv, the worst views to {options.run / 'worst'}"
        )

    def render(self, options: RenderOptions) -> None:
        """An orbit, or a given path: the video, its frames and a strip."""
        options.require_no_motion("scene")
        saved = load_scene_run(options.run, device=self.device(options.device))
        name, cameras, rate = _orbit(saved, options) if options.path is None else _path(saved, options, options.path)
        folder = options.out or options.run / "render"
        console = Console(highlight=False, soft_wrap=True)
        frames = (saved.shown.image(cameras, index).color for index in range(len(cameras)))
        write_film(console, folder, frames, count=len(cameras), name=name, rate=rate)

    def source(self, run: Path, device: torch.device = CPU) -> SceneSource:
        """The scene's field and cameras."""
        return SceneSource(load_scene_run(run, device=device))

    def edit(self, chosen: Chosen) -> None:
        """All edits."""
        edit_scene(chosen)

    def finish_conversion(self, begun: ConvertRun, console: Console) -> None:
        """Nothing: the report shows it all."""

    def subject(self, run: Path, *, motion: Path | None, device: torch.device = CPU) -> Subject:
        """The field from anywhere, and the cameras that it was trained from."""
        return load_subject(run, motion=motion, device=device)


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


def _measured(
    console: Console,
    saved: SavedScene,
    held_out: PosedImages,
    measures: Measures,
    *,
    see: Callable[[View], None] = lambda view: None,
) -> list[Row]:
    """What is measured of each view, which `see` is shown too."""
    rows: list[Row] = []
    with console.status("rendering held-out views") as status:
        for view in rendered_views(saved.shown, held_out, range(len(held_out))):
            rows.append(measures.of(view))
            see(view)
            status.update(f"rendering held-out views: {len(rows)} of {len(held_out)}")
    return rows


def _aligned(console: Console, saved: SavedScene, held_out: PosedImages, measures: Measures) -> dict[str, float]:
    """The means with each camera moved to where its photo fits best."""
    with console.status("aligning held-out views"):
        cameras = aligned_cameras(saved.shown, held_out)
    return mean_of(_measured(console, saved, replace(held_out, cameras=cameras), measures), measures.names)


_COLUMNS = {"psnr": ("PSNR (dB)", ".2f"), "ssim": ("SSIM", ".4f"), "flip": ("FLIP", ".4f"), "lpips": ("LPIPS", ".4f")}
"""Headings and formats of what is measured."""


def _table(rows: Sequence[Row], mean: Mapping[str, float], aligned: Mapping[str, float] | None) -> Table:
    table = Table("view", *(_COLUMNS[name][0] for name in mean))
    for row in rows:
        table.add_row(str(row["view"]), *(format(row[name], _COLUMNS[name][1]) for name in mean))
    table.add_section()
    for title, means in (("mean", mean), ("mean, aligned", aligned or {})):
        if means:
            table.add_row(title, *(format(value, _COLUMNS[name][1]) for name, value in means.items()))
    return table


KIND: RunKind = SceneKind()
