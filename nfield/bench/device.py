"""What a device is worth: speeds of the field, trainings, pictures of one checkpoint on it and on the CPU."""

import itertools
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch.nn.functional import normalize

from nfield.data.analytic import analytic_scene
from nfield.data.base import Scene
from nfield.data.scenes import load_scene
from nfield.devices import CPU
from nfield.fields import BuildContext, HashConfig
from nfield.kernels.nearest import NearestCenters
from nfield.metrics import psnr
from nfield.saved_scene import load_scene_run
from nfield.training.evaluation import rendered_views, spread
from nfield.training.loop import StepEvent, TrainConfig, train
from nfield.training.scene import Preset, preset
from nfield.training.scene_run import ScenePlan, SceneRun, start_run
from nfield.types import Box

Facts = Mapping[str, float | int | str]
"""Figures of a stage, by name."""
_VIEWS = 8
_LARGE = (800, 800)
_ANALYTIC_VIEWS, _ANALYTIC_SIZE = 24, (200, 200)


@dataclass(frozen=True)
class Stage:
    """A part of a check that needs none of the others.

    Attributes:
        name: What it measures.
        measure: Does it.
    """

    name: str
    measure: Callable[[], Facts]


def measured(stages: list[Stage]) -> Iterator[tuple[str, Facts]]:
    """The figures of each stage; one that fails says why, and the next one begins."""
    for stage in stages:
        start = time.perf_counter()
        try:
            facts = dict(stage.measure())
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            facts = {"failed": f"{type(error).__name__}: {error}", "where": f"{where.filename}:{where.lineno}"}
        yield stage.name, {**facts, "stage_seconds": round(time.perf_counter() - start, 1)}


def seconds_of(call: Callable[[], object], device: torch.device, *, rounds: int = 5) -> float:
    """Median time of a call with all that the device does for it, after one that is not counted."""
    times = []
    for _ in range(rounds + 1):
        _finish(device)
        start = time.perf_counter()
        call()
        _finish(device)
        times.append(time.perf_counter() - start)
    return sorted(times[1:])[rounds // 2]


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def field_speed(device: torch.device, points: int) -> Facts:
    """Points per second of the default hash field, forward, and forward with gradients."""
    generator = torch.Generator().manual_seed(0)
    field = HashConfig().build(BuildContext(Box.cube(1.0), generator)).to(device)
    place = (torch.rand(points, 3, generator=generator) * 2.0 - 1.0).to(device)
    dirs = normalize(torch.randn(points, 3, generator=generator), dim=-1).to(device)

    def learn() -> None:
        out = field(place, dirs)
        (out.color.mean() + out.log_density.mean()).backward()
        field.zero_grad()

    with torch.no_grad():
        forward = seconds_of(lambda: field(place, dirs), device)
    rate = {"forward": forward, "forward and backward": seconds_of(learn, device)}
    return {f"{name}, million points/s": round(points / seconds / 1e6, 2) for name, seconds in rate.items()}


def nearest_centers(device: torch.device, *, centers: int = 1 << 16, points: int = 1 << 16) -> Facts:
    """Four nearest centres on a crumpled sheet, on the device and on the CPU: how many differ, and how fast."""
    generator = torch.Generator().manual_seed(0)
    sheet = torch.rand(centers, 3, generator=generator)
    sheet[:, 2] = 0.1 * (20.0 * sheet[:, 0]).sin() * (13.0 * sheet[:, 1]).cos()
    asked = sheet[torch.randint(centers, (points,), generator=generator)]
    asked = asked + 0.005 * torch.randn(points, 3, generator=generator)
    index, place = NearestCenters(sheet.to(device)), asked.to(device)
    found, wanted = index.query(place, 4)[1].cpu(), NearestCenters(sheet).query(asked, 4)[1]
    seconds = seconds_of(lambda: index.query(place, 4), device)
    return {"different": int((found != wanted).sum()), "million points/s": round(points / seconds / 1e6, 3)}


@dataclass(frozen=True)
class SceneCheck:
    """Trainings of one scene, and what follows from them.

    Attributes:
        device: What is checked.
        folder: For runs.
        data: A data set's folder; None for a sphere and a brick that are computed.
    """

    device: torch.device
    folder: Path
    data: Path | None = None

    @cached_property
    def scene(self) -> Scene:
        """The pictures."""
        if self.data is not None:
            return load_scene(self.data)
        images = analytic_scene(_ANALYTIC_VIEWS, _ANALYTIC_SIZE, torch.Generator().manual_seed(0))
        return Scene(images.subset(slice(0, -4)), images.subset(slice(-4, None)))

    def training(self, backend: str, seconds: float) -> Facts:
        """A training of so many seconds: steps, rays per second, and PSNR of held-out views."""
        run, chosen = self._begun(backend, seconds)
        rays: list[float] = []

        def count(event: StepEvent) -> None:
            rays.append(event.measures["rays"])

        result = train(run.setup.task, run.plan.train, hooks=(count,))
        _finish(self.device)
        run.save(result.state)
        return {
            "psnr": round(self._psnr(run), 2),
            "views": min(len(self.scene.test), _VIEWS),
            "steps": result.state.step,
            "seconds": round(result.state.seconds, 1),
            "rays/s": round(sum(rays) / result.state.seconds),
            "samples of a step": chosen,
        }

    def equal_steps(self, steps: int) -> Facts:
        """The hash field after so many steps on the device, in half precision where it has it, and on the CPU."""
        chosen = preset(5.0, backend="hash")
        budget = TrainConfig(minutes=None, steps=steps, optim=chosen.optim)
        reached: list[float] = []
        for device in (CPU, self.device):
            run = self._run(f"equal-{device.type}-{len(reached)}", chosen, budget, device)
            train(run.setup.task, budget)
            reached.append(self._psnr(run))
        return {"steps": steps, "psnr": round(reached[1], 2), "the CPU's": round(reached[0], 2)}

    def _begun(self, backend: str, seconds: float) -> tuple[SceneRun, int]:
        chosen = preset(5.0, backend=backend)
        budget = TrainConfig(minutes=seconds / 60.0, optim=chosen.optim)
        return self._run(backend, chosen, budget, self.device), chosen.radiance.samples

    def _run(self, name: str, chosen: Preset, budget: TrainConfig, device: torch.device) -> SceneRun:
        plan = ScenePlan("bench", budget, chosen.radiance, self.scene.train.cameras.size)
        return start_run(self.folder / name, plan, chosen.field, self.scene, device=device)

    def _psnr(self, run: SceneRun) -> float:
        """Mean over some held-out views, decibels."""
        found = rendered_views(run.setup.shown, self.scene.test, spread(len(self.scene.test), _VIEWS))
        values = [view.psnr for view in found]
        return sum(values) / len(values)

    def same_pictures(self) -> Facts:
        """One checkpoint of the hash field, rendered on the device and on the CPU."""
        shown = [load_scene_run(self.folder / "hash", device=device) for device in (CPU, self.device)]
        pictures = [one.shown.image(one.cameras, 0).color for one in shown]
        worst = (pictures[0] - pictures[1]).abs().max()
        return {"psnr between": round(psnr(pictures[1], pictures[0]), 1), "largest difference": round(float(worst), 4)}

    def view_time(self) -> Facts:
        """Milliseconds of a large view of the hash field."""
        saved = load_scene_run(self.folder / "hash", device=self.device)
        orbit = replace(saved.orbit, size=_LARGE, focal=saved.orbit.focal * _LARGE[0] / saved.orbit.size[0])
        cameras = orbit.cameras(8)
        turn = itertools.cycle(range(8))
        seconds = seconds_of(lambda: saved.shown.image(cameras, next(turn)), self.device, rounds=3)
        return {"size": f"{_LARGE[1]}x{_LARGE[0]}", "milliseconds": round(1e3 * seconds, 1)}
