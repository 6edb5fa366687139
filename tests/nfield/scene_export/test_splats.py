"""Splats of a ball: they look like it from where no camera stood, lie in the user's world, and bad options are told."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from nfield.cameras import Cameras, look_at
from nfield.cli import main
from nfield.data.world import World
from nfield.export.splat_file import read_splats
from nfield.kernels.gaussians import splat
from nfield.metrics import psnr
from nfield.saved_scene import SavedScene
from nfield.scene_export.formats import splats as module
from nfield.scene_export.formats.splats import SplatsFile, SplatsOptions, in_world, teller
from nfield.splats import Progress, SplatConfig
from tests.nfield.scene_export.ball import CENTER, RADIUS, ball_scene

_FAR = World((5_400_000.0, 300_000.0, 120.0), 0.05)
_OPTIONS = SplatsOptions(count=1000, degree=1, edge=48, minutes=0.4)


@pytest.fixture(autouse=True)
def _ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time goes on by a third of a second whenever somebody asks for it."""
    ticks = itertools.count()
    optimise = module.optimise
    monkeypatch.setattr(
        module, "optimise", lambda *args, **options: optimise(*args, **options, clock=lambda: next(ticks) / 3.0)
    )


@pytest.mark.parametrize("world", [World(), _FAR], ids=["near", "survey"])
def test_splats_are_the_ball_in_the_users_world(world: World, as_run: Callable[[SavedScene], Path], tmp_path: Path):
    said: list[str] = []
    saved = ball_scene(world)
    SplatsFile().write(as_run(saved), tmp_path / "a.splats.ply", _OPTIONS, said.append)
    file = read_splats(tmp_path / "a.splats.ply")
    assert len(file.splats) == 1000
    own = world.scene_from_user(file.splats.means.double().numpy() + np.array(file.origin)) - np.array(CENTER)
    distance = np.linalg.norm(own, axis=-1)
    assert np.quantile(distance, 0.9) < 1.1 * RADIUS
    assert np.quantile(distance, 0.1) > 0.85 * RADIUS
    np.testing.assert_allclose(file.up, np.array([0.05, 0.0, 0.99]) / math.hypot(0.05, 0.99), atol=1e-4)
    assert said[0] == "looking for surfaces"
    assert said[-1].split("%")[0].strip().isdigit()
    assert said[-1].endswith("s left")
    assert _quality(saved, world, tmp_path / "a.splats.ply") > 22.0


def _quality(saved: SavedScene, world: World, path: Path) -> float:
    """Of the file in a view that the field's cameras do not have, decibels."""
    place = torch.tensor(CENTER) + 3.0 * torch.nn.functional.normalize(torch.tensor([[0.3, -0.5, 0.8]]), dim=-1)
    pose = look_at(place, torch.tensor(CENTER), torch.tensor([0.0, 0.0, 1.0]))
    cameras = Cameras.pinhole(60.0, (40, 40), world_from_camera=pose)
    file = read_splats(path)
    users = world.poses_to_user(pose.double().numpy())
    users[:, :3, 3] -= np.array(file.origin)
    seen = splat(file.splats, Cameras(cameras.intrinsics, torch.from_numpy(users).float(), (40, 40)), 0)
    return psnr(seen.over(torch.ones(3)), saved.shown.image(cameras, 0).color)


def test_a_world_of_another_scale_changes_places_and_sizes_alone(as_run: Callable[[SavedScene], Path]):
    splats = module.optimised(ball_scene(), _OPTIONS, lambda _: None)
    moved = in_world(splats, World((1.0, 2.0, 3.0), 4.0))
    torch.testing.assert_close(moved.means, splats.means / 4.0 + torch.tensor([1.0, 2.0, 3.0]))
    torch.testing.assert_close(moved.log_scales.exp(), splats.log_scales.exp() / 4.0)
    assert torch.equal(moved.harmonics, splats.harmonics)
    assert torch.equal(moved.quaternions, splats.quaternions)


def test_progress_is_told_now_and_then_with_the_time_that_is_left():
    said: list[str] = []
    watch = teller(said.append)
    for second in range(1, 31):
        watch(Progress(second, second / 60.0, float(second), 7, 0.01))
    assert said == [
        " 17%  step 10  7 views  20.0 dB  50 s left",
        " 33%  step 20  7 views  20.0 dB  40 s left",
        " 50%  step 30  7 views  20.0 dB  30 s left",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--minutes", "0"], "--minutes: is 0, expected a positive number of minutes"),
        (["--count", "5"], "--count: is 5, expected 1000 to 2,000,000 splats"),
        (["--degree", "4"], "--degree: is 4, expected 0 to 3"),
        (["--edge", "8"], "--edge: is 8, expected 32 to 4096 pixels"),
        (["--out", "a.obj"], "--out: is a.obj, expected a file whose name ends with .ply or .spz"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_options_that_cannot_be_are_refused_by_a_line(
    words: list[str], message: str, finished_run: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["export", str(finished_run), "--to", "splats", *words]) != 0
    assert message in capsys.readouterr().err


def test_the_options_defaults_are_those_of_the_config():
    assert SplatConfig().seconds == 60.0 * SplatsOptions().minutes
