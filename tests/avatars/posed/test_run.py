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
from avatars.surface.mesh import vertex_normals
from nfield.cameras import Cameras
from nfield.checkpoint import load_checkpoint, save_checkpoint
from nfield.errors import CheckpointError
from nfield.fields import HashConfig
from nfield.rendering.samplers.occupancy import OccupancyConfig
from tests.avatars.surface.shapes import floating_garment

_CONFIG = FigureConfig(
    HashConfig(levels=4, log2_table_size=8, finest_resolution=32, hidden=32),
    OccupancyConfig(resolution=16, steps=64, coarse=1.0),
)


@pytest.fixture(scope="module")
def taller():
    """A body of a user's own."""
    shipped = BodyModel.load()
    return replace(shipped, template=1.05 * shipped.template, shape_space="other", provenance="taller.npz")


def _saved(folder: Path, model: BodyModel, dressed: DressedSurface | None = None) -> Path:
    portrait = Portrait(
        BodyPose(torch.zeros(24, 3), torch.tensor([0.0, 0.1, 3.0]), torch.zeros(10)), Cameras.pinhole(100.5, (40, 30))
    )
    dressed = dressed or DressedSurface(model.template, model.faces)
    avatar = Avatar.start(model, dressed, portrait, _CONFIG, torch.Generator().manual_seed(0))
    save_avatar(folder, avatar, step=3, seconds=0.5)
    return folder


def _of_older_format(run: Path) -> None:
    """The run as it was written before dressed surfaces had triangles and garments of their own."""
    saved = load_checkpoint(run)
    tensors = {name: value for name, value in saved.tensors.items() if name != "body.faces"}
    assert len(tensors) == len(saved.tensors) - 1
    extra = {name: value for name, value in saved.extra.items() if name not in ("skinning", "room", "garment")}
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
    dressed = DressedSurface.wearing(floating_garment(taller), taller.faces[100:])
    avatar = load_avatar(_saved(tmp_path, taller, dressed))
    assert torch.equal(avatar.dressed.rest, dressed.rest)
    assert torch.equal(avatar.dressed.faces, dressed.faces)
    before, after = dressed.garment, avatar.dressed.garment
    assert before is not None
    assert after is not None
    assert set(after.tensors()) == set(before.tensors())
    for name, value in before.tensors().items():
        assert torch.equal(after.tensors()[name], value)
    assert (after.kinds, after.solid) == (before.kinds, before.solid)
    assert (avatar.config.skinning, avatar.config.room) == (_CONFIG.skinning, _CONFIG.room)


def test_a_loaded_avatar_moves_its_garment_with_the_hips(taller: BodyModel, tmp_path: Path):
    dressed = DressedSurface.wearing(floating_garment(taller), taller.faces[100:])
    avatar = load_avatar(_saved(tmp_path, taller, dressed))
    rotations = torch.zeros(24, 3)
    rotations[0, 1] = 0.7
    pose = BodyPose(rotations, torch.tensor([0.0, 0.5, 0.0]), torch.zeros(10))
    vertices, body = avatar.posed(pose).vertices, avatar.body_in(pose)
    whole = body.joints_from_rest[0]  # Only the root turns: all joints move as one.
    expected = avatar.dressed.rest[-4:] @ whole[:, :3].T + whole[:, 3]
    torch.testing.assert_close(vertices[-4:], expected, atol=2e-3, rtol=0)
    posed = avatar.posed(pose)
    assert torch.equal(posed.faces, avatar.dressed.faces)
    torch.testing.assert_close(posed.vertices, avatar.dressed.posed(taller, body))


def test_a_tight_dressed_run_has_no_garment(taller: BodyModel, tmp_path: Path):
    avatar = load_avatar(_saved(tmp_path, taller, DressedSurface(1.01 * taller.template, taller.faces[50:])))
    assert avatar.dressed.garment is None
    assert torch.equal(avatar.dressed.faces, taller.faces[50:])
    assert torch.equal(avatar.dressed.rest, 1.01 * taller.template)


def test_runs_without_a_surface_of_their_own_have_the_bodys(taller: BodyModel, tmp_path: Path):
    run = _saved(tmp_path, taller)
    _of_older_format(run)
    avatar = load_avatar(run)
    assert torch.equal(avatar.dressed.faces, taller.faces)
    assert avatar.dressed.garment is None
    assert torch.equal(avatar.dressed.rest, taller.template)
    assert (avatar.config.skinning, avatar.config.room) == (SkinningConfig(), 0.035)


@pytest.mark.parametrize(
    ("tensor", "message"), [("garment.weights", "its loose clothes cannot be read"), ("body.rotations", "another body")]
)
def test_a_run_that_lacks_a_part_is_refused(taller: BodyModel, tmp_path: Path, tensor: str, message: str):
    run = _saved(tmp_path, taller, DressedSurface.wearing(floating_garment(taller), taller.faces))
    saved = load_checkpoint(run)
    tensors = {name: value for name, value in saved.tensors.items() if name != tensor}
    assert len(tensors) == len(saved.tensors) - 1
    save_checkpoint(run, replace(saved, tensors=tensors))
    with pytest.raises(CheckpointError, match=message):
        load_avatar(run)


def test_a_garment_that_its_run_does_not_name_does_not_fit_the_body(taller: BodyModel, tmp_path: Path):
    run = _saved(tmp_path, taller, DressedSurface.wearing(floating_garment(taller), taller.faces))
    saved = load_checkpoint(run)
    save_checkpoint(run, replace(saved, extra={**saved.extra, "garment": None}))
    with pytest.raises(CheckpointError, match="was made with another body model"):
        load_avatar(run)


def test_matter_lies_close_to_a_surface_that_fits_closely():
    """Five millimetres above a shin is air; runs from before, and shoulders, which bend, keep what they had."""
    model = BodyModel.load()
    portrait = Portrait(BodyPose(torch.zeros(24, 3), torch.zeros(3), torch.zeros(10)), Cameras.pinhole(100.5, (40, 30)))
    dressed = DressedSurface(model.template, model.faces)
    fitting = dressed.close_fitting(model)
    shin = int(model.weights[:, model.joint_names.index("left_knee")].argmax())
    shoulder = int((model.weights[:, model.joint_names.index("left_shoulder")] - 0.5).abs().argmin())
    assert bool(fitting[shin])
    assert not bool(fitting[shoulder])
    above = torch.stack(
        [model.template[v] + 0.005 * vertex_normals(model.template, model.faces)[v] for v in (shin, shoulder)]
    )
    for close, expected in ((0.003, [False, True]), (None, [True, True])):
        config = replace(_CONFIG, skinning=replace(SkinningConfig.close(), fitting=close))
        avatar = Avatar.start(model, dressed, portrait, config, torch.Generator().manual_seed(0))
        posed = avatar.posed(BodyPose(torch.zeros(24, 3), torch.zeros(3), torch.zeros(10))).rendered.field
        present = posed.density_and_presence(above)[1] > 0.5
        assert present.tolist() == expected


def test_next_to_a_garment_nothing_fits_closely():
    model = BodyModel.load()
    floating = floating_garment(model)
    thigh = int(model.weights[:, model.joint_names.index("left_hip")].argmax())
    shift = model.template[thigh] + torch.tensor([0.0, 0.0, 0.02]) - floating.rest[0]
    dressed = DressedSurface.wearing(replace(floating, rest=floating.rest + shift), model.faces)
    fitting = dressed.close_fitting(model)
    apart = torch.cdist(dressed.rest, dressed.rest[dressed.body_count :]).amin(1)
    assert float(apart[thigh]) < 0.03
    assert not fitting[apart < 0.03].any()
    assert fitting[apart > 0.04].any()
    assert bool(DressedSurface(model.template, model.faces).close_fitting(model)[thigh])
