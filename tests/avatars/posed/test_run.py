from dataclasses import replace
from pathlib import Path

import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.saved_model import FILE, save_body
from avatars.portrait import Portrait
from avatars.posed.avatar import Avatar, FigureConfig
from avatars.posed.run import load_avatar, save_avatar
from nfield.cameras import Cameras
from nfield.checkpoint import load_checkpoint, save_checkpoint
from nfield.errors import CheckpointError
from nfield.fields import HashConfig
from nfield.rendering.samplers.occupancy import OccupancyConfig

_CONFIG = FigureConfig(
    HashConfig(levels=4, log2_table_size=8, finest_resolution=32, hidden=32),
    OccupancyConfig(resolution=16, steps=64, coarse=1.0),
)


@pytest.fixture(scope="module")
def taller():
    """A body of a user's own."""
    shipped = BodyModel.load()
    return replace(shipped, template=1.05 * shipped.template, shape_space="other", provenance="taller.npz")


def _saved(folder: Path, model: BodyModel) -> Path:
    portrait = Portrait(
        BodyPose(torch.zeros(24, 3), torch.tensor([0.0, 0.1, 3.0]), torch.zeros(10)), Cameras.pinhole(100.5, (40, 30))
    )
    avatar = Avatar.start(model, model.template, portrait, _CONFIG, torch.Generator().manual_seed(0))
    save_avatar(folder, avatar, step=3, seconds=0.5)
    return folder


def _without_hash(run: Path) -> None:
    """The run as it was written before runs carried their bodies."""
    saved = load_checkpoint(run)
    body = {name: value for name, value in saved.extra["body"].items() if name != "sha256"}
    save_checkpoint(run, replace(saved, extra={**saved.extra, "body": body}))
    (run / FILE).unlink()


def test_a_run_opens_with_the_body_and_the_camera_it_was_made_with(taller: BodyModel, tmp_path: Path):
    avatar = load_avatar(_saved(tmp_path, taller))
    assert torch.equal(avatar.model.template, taller.template)
    assert (avatar.model.shape_space, avatar.model.provenance) == ("other", "taller.npz")
    assert avatar.portrait.camera.size == (40, 30)
    torch.testing.assert_close(avatar.portrait.camera.intrinsics, Cameras.pinhole(100.5, (40, 30)).intrinsics)


def test_a_wrong_body_is_refused_and_both_are_named(taller: BodyModel, tmp_path: Path):
    shipped = BodyModel.load()
    run = _saved(tmp_path, taller)
    with pytest.raises(CheckpointError, match=r"made with the body 'taller.npz' \(SHA-256 \w{12}\), not with '.*leave"):
        load_avatar(run, shipped)
    assert load_avatar(run, taller).model is taller
    (run / FILE).unlink()
    with pytest.raises(CheckpointError, match=r"'taller.npz'.*give the same model file as for the fit"):
        load_avatar(run)


def test_a_body_file_of_another_run_is_refused(taller: BodyModel, tmp_path: Path):
    run = _saved(tmp_path, taller)
    save_body(run / FILE, BodyModel.load())
    with pytest.raises(CheckpointError, match=r"made with the body 'taller\.npz'"):
        load_avatar(run)


def test_old_runs_are_taken_to_be_of_the_shipped_body(tmp_path: Path):
    run = _saved(tmp_path / "old", BodyModel.load())
    _without_hash(run)
    assert torch.equal(load_avatar(run).model.template, BodyModel.load().template)
    part = BodyModel.load().subset(torch.arange(4000))
    other = _saved(tmp_path / "other", part)
    _without_hash(other)
    with pytest.raises(CheckpointError, match="was made with another body model"):
        load_avatar(other)
