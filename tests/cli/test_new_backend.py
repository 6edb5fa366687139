"""A backend of one file: once it is registered, every command knows it, and no list of names has to."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import trimesh

from avatars.body import BodyModel, BodyPose
from avatars.portrait import Portrait
from avatars.posed.avatar import Avatar
from avatars.posed.run import load_avatar, save_avatar
from avatars.surface.dressed import DressedSurface
from nfield.cameras import Cameras
from nfield.checkpoint import load_checkpoint
from nfield.cli import main
from nfield.cli.fit_options import FitOptions, fit_config
from nfield.cli.kinds import kind_at
from nfield.fields import BACKENDS, backend
from nfield.rendering.samplers.occupancy import OccupancyConfig
from tests.toy_backend import ToyConfig


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    backend("toy")(ToyConfig)
    yield
    BACKENDS.pop("toy")


@pytest.fixture(scope="module")
def toy_run(_registered: None, scene_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("toys") / "toy"
    words = ["train", str(scene_folder), "--field", "toy", "--toy.scale", "2", "--out", str(run), "--steps", "30"]
    assert main(words) == 0
    return run


def test_it_trains_with_the_rates_and_samples_of_its_config(toy_run: Path):
    saved = load_checkpoint(toy_run)
    assert saved.config == ToyConfig(scale=2.0)
    optim, radiance = (saved.extra["plan"][part] for part in ("train", "radiance"))
    assert optim["optim"]["rates"] == {"slopes": 0.125}
    assert (radiance["samples"], radiance["first_samples"]) == (2048, 2048)


def test_its_options_are_in_the_help(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "--field", "toy", "--help"]) == 0
    assert "--toy.scale" in capsys.readouterr().out


def test_it_is_measured_rendered_and_shown(toy_run: Path, tmp_path: Path):
    assert main(["eval", str(toy_run), "--views", "1"]) == 0
    assert json.loads((toy_run / "eval.json").read_text())["mean"]["psnr"] > 5.0
    assert main(["render", str(toy_run), "--frames", "1", "--size", "9", "9", "--out", str(tmp_path)]) == 0
    assert kind_at(toy_run).subject(toy_run, motion=None).facts["field"] == "toy"


def test_it_teaches_and_learns(toy_run: Path, finished_run: Path, tmp_path: Path):
    small = ["--steps", "3", "--views", "1", "--samples", "1024"]
    assert main(["convert", str(finished_run), "--to", "toy", "--out", str(tmp_path / "to"), *small]) == 0
    assert load_checkpoint(tmp_path / "to").config == ToyConfig()
    words = ["convert", str(toy_run), "--to", "dense", "--dense.resolution", "8", "--out", str(tmp_path / "from")]
    assert main([*words, *small]) == 0
    assert json.loads((tmp_path / "from" / "report.json").read_text())["teacher"]["backend"] == "toy"


def test_an_avatar_of_it_is_exported(tmp_path: Path):
    config = fit_config(FitOptions(tmp_path, field="toy")).figure
    assert config.field == ToyConfig()
    model = BodyModel.load()
    shape = torch.zeros(model.shape_dirs.shape[-1])
    pose = BodyPose(torch.zeros(len(model.parents), 3), torch.zeros(3), shape)
    dressed = DressedSurface(model.rest(shape)[0], model.faces)
    small = replace(config, sampler=OccupancyConfig(resolution=32, steps=256, coarse=1.0))
    portrait = Portrait(pose, Cameras.pinhole(100.0, (64, 64)))
    save_avatar(tmp_path, Avatar.start(model, dressed, portrait, small), step=1, seconds=1.0)
    assert load_avatar(tmp_path).config.field == ToyConfig()
    assert main(["export", str(tmp_path), "--to", "ply", "--texture", "64", "--out", str(tmp_path / "me.ply")]) == 0
    assert len(trimesh.load(tmp_path / "me.ply", process=False).vertices) > 1000
