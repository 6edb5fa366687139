"""`nfield bench gpu`: the whole check of a device, one JSON file, in some minutes."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console

from assets import path
from avatars.fit_config import FitConfig
from avatars.fitting.fit import FitBudget
from avatars.photo_inputs import PhotoFiles
from avatars.pipeline import fit_from_photo
from distill.run import ConvertPlan, start_conversion
from distill.source import SceneSource
from distill.task import DistillConfig
from nfield.bench.device import Facts, SceneCheck, Stage, field_speed, measured
from nfield.cli.options import chosen_device, parse_options, positive
from nfield.devices import CPU
from nfield.fields import BACKENDS, VmConfig
from nfield.kernels.first_call import trouble_with
from nfield.saved_scene import load_scene_run
from nfield.training.loop import TrainConfig, train
from nfield.training.run_folder import write_json
from nfield.training.scene import preset

_EXAMPLES = (
    "nfield bench gpu",
    "nfield bench gpu --data data/lego --out gpu.json",
    "nfield bench gpu --device cpu --seconds 2",
)


@dataclass(frozen=True)
class BenchGpuOptions:
    """Check and time a device: first calls, trainings of every backend, views, a conversion, a fit; into one JSON.

    Nothing is installed, and a part that fails says so in its place. `pytest -m gpu` is what it leaves out.
    """

    data: Path | None = None
    """Data set to train on. Default: a scene that is computed."""
    device: str = "cuda"
    """What to check: cuda, cuda:N or, for comparison, cpu."""
    seconds: float = 15.0
    """Of the first training of the hash field; the second takes four times as long, others two thirds."""
    points: int = 1 << 20
    """For the speed of the field."""
    minutes: float = 0.6
    """Training time of the fit."""
    out: Path = Path("gpu.json")
    """File for the figures, written after each part."""


def parse(arguments: Sequence[str]) -> BenchGpuOptions:
    """Options of this command."""
    return parse_options(BenchGpuOptions, arguments, command="bench gpu", examples=_EXAMPLES)


def run(options: BenchGpuOptions) -> None:
    """Measures part after part."""
    positive(options.seconds, name="--seconds", unit="seconds")
    positive(options.minutes, name="--minutes", unit="minutes")
    device = chosen_device(options.device)
    console, found = Console(highlight=False, soft_wrap=True), {"device": _name(device), "torch": torch.__version__}
    with tempfile.TemporaryDirectory() as folder:
        for name, facts in measured(stages(options, device, Path(folder))):
            found[name] = facts
            write_json(options.out, found)
            console.print(f"{name}: {', '.join(f'{key} {value}' for key, value in facts.items())}", markup=False)
    console.print(f"written to {options.out}")


def stages(options: BenchGpuOptions, device: torch.device, folder: Path) -> list[Stage]:
    """The parts, in their order.

    Args:
        options: The command's.
        device: What is checked.
        folder: For runs.
    """
    check, part = SceneCheck(device, folder, options.data), options.seconds
    others = [name for name in BACKENDS if name != "hash"]
    return [
        Stage("first calls", lambda: {"trouble": "none" if device == CPU else trouble_with(device) or "none"}),
        Stage("hash field", lambda: field_speed(device, options.points)),
        Stage(f"hash, {part:g} s", lambda: check.training("hash", part)),
        Stage(f"hash, {4 * part:g} s", lambda: check.training("hash", 4 * part)),
        Stage("a view", check.view_time),
        Stage("one checkpoint on both", check.same_pictures),
        *(Stage(f"{name}, {2 * part / 3:g} s", _training_of(check, name, 2 * part / 3)) for name in others),
        Stage("hash to vm", lambda: _conversion(folder / "hash", device, part)),
        Stage("hash to vm on the CPU", lambda: _conversion(folder / "hash", CPU, part)),
        Stage("fit of the sample", lambda: _fit(folder / "person", device, options.minutes)),
    ]


def _training_of(check: SceneCheck, backend: str, seconds: float) -> Callable[[], Facts]:
    return lambda: check.training(backend, seconds)


def _conversion(run: Path, device: torch.device, seconds: float) -> Facts:
    """Steps per second of a conversion that starts from nothing, and what its student reached."""
    chosen = preset(5.0, backend="vm")
    budget = TrainConfig(minutes=seconds / 60.0, optim=chosen.optim)
    plan = ConvertPlan(str(run), budget, DistillConfig(samples=chosen.radiance.samples), inherit=False)
    source = SceneSource(load_scene_run(run, device=device))
    begun = start_conversion(run.with_name(f"vm-{device.type}"), plan, VmConfig(), source)
    state = train(begun.task, plan.train).state
    reached = begun.task.measures().get("psnr")
    facts: Facts = {"steps/s": round(state.step / state.seconds, 2), "steps": state.step}
    return facts if reached is None else {**facts, "psnr to the teacher, last rays": round(reached, 2)}


def _fit(folder: Path, device: torch.device, minutes: float) -> Facts:
    """A fit of the shipped photo: seconds of all of it and of its parts, and the photo's own view."""
    config = replace(FitConfig(), budget=FitBudget(minutes=minutes))
    report = fit_from_photo(PhotoFiles(path("sample/photo.jpg")), folder, config, device=device).report
    assert report is not None
    seconds = {f"{name}, s": spent for name, spent in report["seconds"].items()}
    return {"seconds": report["seconds_total"], "psnr": round(report["psnr"], 2), "iou": report["iou"], **seconds}


def _name(device: torch.device) -> str:
    return "CPU" if device.type == "cpu" else torch.cuda.get_device_name(device)
