"""`nfield bench gpu`: the whole check of a device, one JSON file, in some minutes."""

import itertools
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import trimesh
from rich.console import Console
from torch import Tensor

from assets import path
from avatars.body.pose_file import read_pose
from avatars.fit_config import FitConfig
from avatars.fitting.fit import FitBudget
from avatars.photo_inputs import PhotoFiles
from avatars.pipeline import fit_from_photo
from avatars.posed.avatar import orbit_around
from avatars.posed.run import load_avatar
from distill.run import ConvertPlan, start_conversion
from distill.source import SceneSource
from distill.task import DistillConfig
from nfield.bench.device import Facts, SceneCheck, Stage, field_speed, measured, nearest_centers, seconds_of
from nfield.cli.options import chosen_device, parse_options, positive
from nfield.data.world import World
from nfield.devices import CPU
from nfield.fields import BACKENDS, VmConfig
from nfield.fields.distance import RbfDistanceConfig
from nfield.fields.signal import RbfSignalConfig
from nfield.kernels.first_call import trouble_with
from nfield.metrics import psnr
from nfield.pictures.run import ImagePlan, prepare_picture
from nfield.pictures.run import start_run as start_picture
from nfield.pictures.task import image_optim
from nfield.saved_scene import load_scene_run
from nfield.shapes.run import ShapePlan
from nfield.shapes.run import start_run as start_shape
from nfield.shapes.signed_distance import distance_to
from nfield.shapes.task import Sampling, distance_optim
from nfield.shapes.user_mesh import UserMesh
from nfield.training.loop import TrainConfig, train
from nfield.training.run_folder import write_json
from nfield.training.scene import preset

_EXAMPLES = (
    "nfield bench gpu",
    "nfield bench gpu --data data/lego --out gpu.json",
    "nfield bench gpu --device cpu --seconds 2",
)
_STEPS = 200
"""Of the comparison with the CPU, which takes most of its time."""


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
        Stage("equal steps", lambda: check.equal_steps(_STEPS)),
        Stage("a view", check.view_time),
        Stage("one checkpoint on both", check.same_pictures),
        *(Stage(f"{name}, {2 * part / 3:g} s", _training_of(check, name, 2 * part / 3)) for name in others),
        Stage("hash to vm", lambda: _conversion(folder / "hash", device, part)),
        Stage("hash to vm on the CPU", lambda: _conversion(folder / "hash", CPU, part)),
        Stage("fit of the sample", lambda: _fit(folder / "person", device, options.minutes)),
        Stage("an avatar on both", lambda: _same_avatar(folder / "person", device)),
        Stage("nearest centres", lambda: nearest_centers(device)),
        Stage(f"rbf, a picture, {2 * part / 3:g} s", lambda: _picture(folder / "picture", device, 2 * part / 3)),
        Stage(f"rbf, a ball, {2 * part / 3:g} s", lambda: _ball(folder / "ball", device, 2 * part / 3)),
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


def _same_avatar(run: Path, device: torch.device) -> Facts:
    """The avatar of a run in a pose, on the device and on the CPU, and milliseconds of a view."""
    shown: list[Tensor] = []
    for where in (CPU, device):
        avatar = load_avatar(run, device=where)
        posed = avatar.upright(read_pose("stand", avatar.model), generator=torch.Generator().manual_seed(0))
        cameras = orbit_around(posed.box).cameras(8)
        shown.append(posed.image(cameras, 0).color)
    turn = itertools.cycle(range(8))
    seconds = seconds_of(lambda: posed.image(cameras, next(turn)), device, rounds=3)
    return {"psnr between": round(psnr(shown[1], shown[0]), 1), "milliseconds": round(1e3 * seconds, 1)}


def _picture(folder: Path, device: torch.device, seconds: float) -> Facts:
    """Radial bases on the shipped photo."""
    picture = prepare_picture(path("sample/photo.jpg"), size=None)
    budget = TrainConfig(seconds / 60.0, None, image_optim(picture.size))
    plan = ImagePlan("sample", budget, "kmeans", picture.size, picture.channels)
    begun = start_picture(folder, plan, RbfSignalConfig(), picture, device=device)
    state = train(begun.task, budget).state
    return {"steps": state.step, "psnr": round(begun.psnr(), 2), "placing, s": round(begun.placing_seconds, 1)}


def _ball(folder: Path, device: torch.device, seconds: float) -> Facts:
    """Radial bases on the distance of a ball."""
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.7)
    truth = distance_to(UserMesh(np.asarray(ball.vertices), np.asarray(ball.faces), World()), where=folder)
    budget = TrainConfig(seconds / 60.0, None, distance_optim())
    plan = ShapePlan("ball", budget, "kmeans", Sampling(), truth.mesh.world)
    begun = start_shape(folder, plan, RbfDistanceConfig(), truth, device=device)
    state = train(begun.task, budget).state
    return {"steps": state.step, "relative error off the surface": round(begun.task.held_out_error(), 5)}


def _name(device: torch.device) -> str:
    return "CPU" if device.type == "cpu" else torch.cuda.get_device_name(device)
