from dataclasses import replace
from pathlib import Path

import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.saved_model import FILE, save_body
from avatars.portrait import Portrait
from avatars.posed.avatar import Avatar, FigureConfig
from avatars.posed.run import load_avatar, save_avatar
from avatars.posed.warp import SkinningConfig
from avatars.surface.dressed import DressedSurface
from nfield.cameras import Cameras
from nfield.checkpoint import load_checkpoint, save_checkpoint
from nfield.errors import CheckpointError
from nfield.fields import HashConfig
from nfield.rendering.samplers.occupancy import OccupancyConfig

_CONFIG = FigureConfig(
    HashConfig(levels=4, log2_table_size=8, finest_resolution=32, hidden=32),
    OccupancyConfig(resolution=16, steps=64, coarse=1.0),
)

_NEWER = ("body.faces", "body.garment_weights")


@pytest.fixture(scope="module")
def taller():
    """A body of a user's own."""
    shipped = BodyModel.load()
    return replace(shipped, template=1.05 * shipped.template, shape_space="other", provenance="taller.npz")


def _saved(folder: Path, model: BodyModel, dressed: DressedSurface | None = None) -> Path:
    portrait = Portrait(
        BodyPose(torch.zeros(24, 3), torch.tensor([0.0, 0.1, 3.0]), torch.zeros(10)), Cameras.pinhole(100.5, (40, 30))
    )
    dressed = dressed or DressedSurface.tight(model.template, model.faces)
    avatar = Avatar.start(model, dressed, portrait, _CONFIG, torch.Generator().manual_seed(0))
    save_avatar(folder, avatar, step=3, seconds=0.5)
    return folder


def _with_skirt(model: BodyModel) -> DressedSurface:
    """A body without its first hundred triangles, and a garment of two triangles that hangs on the hips."""
    garment = torch.tensor([[0.3, -0.4, 0.2], [0.3, -0.7, 0.2], [-0.3, -0.4, 0.2], [-0.3, -0.7, 0.2]])
    weights = torch.zeros(4, 24)
    weights[:2, 1], weights[2:, 2] = 0.75, 0.5
    weights[:, 0] = 1.0 - weights.sum(-1)
    number = len(model.template)
    faces = torch.cat([model.faces[100:], number + torch.tensor([[0, 1, 2], [2, 1, 3]])])
    return DressedSurface(torch.cat([1.01 * model.template, garment]), faces, weights)


def _of_older_format(run: Path) -> None:
    """The run as it was written before dressed surfaces had triangles and garments of their own."""
    saved = load_checkpoint(run)
    tensors = {name: value for name, value in saved.tensors.items() if name not in _NEWER}
    assert len(tensors) == len(saved.tensors) - 2
    extra = {name: value for name, value in saved.extra.items() if name not in ("skinning", "room")}
    save_checkpoint(run, replace(saved, tensors=tensors, extra=extra))


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


def test_a_run_keeps_its_surface_and_its_garments(taller: BodyModel, tmp_path: Path):
    dressed = _with_skirt(taller)
    avatar = load_avatar(_saved(tmp_path, taller, dressed))
    assert torch.equal(avatar.dressed.rest, dressed.rest)
    assert torch.equal(avatar.dressed.faces, dressed.faces)
    assert torch.equal(avatar.dressed.garment_weights, dressed.garment_weights)
    assert (avatar.config.skinning, avatar.config.room) == (_CONFIG.skinning, _CONFIG.room)


def test_a_loaded_avatar_moves_its_garment_with_the_hips(taller: BodyModel, tmp_path: Path):
    avatar = load_avatar(_saved(tmp_path, taller, _with_skirt(taller)))
    rotations = torch.zeros(24, 3)
    rotations[0, 1] = 0.7
    vertices, body = avatar.posed_body(BodyPose(rotations, torch.tensor([0.0, 0.5, 0.0]), torch.zeros(10)))
    whole = body.joints_from_rest[0]  # Only the root turns: all joints move as one.
    expected = avatar.dressed.rest[-4:] @ whole[:, :3].T + whole[:, 3]
    torch.testing.assert_close(vertices[-4:], expected, atol=1e-5, rtol=0)
    posed = avatar.posed(BodyPose(rotations, torch.zeros(3), torch.zeros(10)))
    assert torch.equal(posed.faces, avatar.dressed.faces)


def test_runs_without_a_surface_of_their_own_have_the_bodys(taller: BodyModel, tmp_path: Path):
    run = _saved(tmp_path, taller)
    _of_older_format(run)
    avatar = load_avatar(run)
    assert torch.equal(avatar.dressed.faces, taller.faces)
    assert avatar.dressed.garment_weights.shape == (0, 24)
    assert torch.equal(avatar.dressed.rest, taller.template)
    assert (avatar.config.skinning, avatar.config.room) == (SkinningConfig(), 0.035)


def test_a_surface_that_does_not_fit_its_body_is_refused(taller: BodyModel, tmp_path: Path):
    run = _saved(tmp_path, taller, _with_skirt(taller))
    saved = load_checkpoint(run)
    tensors = {name: value for name, value in saved.tensors.items() if name != "body.garment_weights"}
    save_checkpoint(run, replace(saved, tensors=tensors))
    with pytest.raises(CheckpointError, match="was made with another body model"):
        load_avatar(run)
