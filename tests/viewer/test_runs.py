"""From run folders to subjects, on tiny runs that learned nothing."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import named_pose
from avatars.body.skinning import blend, transform
from avatars.motion import bank
from avatars.portrait import Portrait
from avatars.posed.avatar import Avatar, FigureConfig
from avatars.posed.run import save_avatar
from avatars.surface.dressed import DressedSurface
from nfield.cameras import Cameras
from nfield.cli.kinds import kind_at
from nfield.data.analytic import write_synthetic
from nfield.data.scenes import load_scene
from nfield.errors import OptionError
from nfield.fields import HashConfig
from nfield.rendering.samplers.occupancy import OccupancyConfig
from nfield.saved_scene import load_scene_run
from nfield.training.loop import TrainConfig, TrainState
from nfield.training.radiance import RadianceConfig
from nfield.training.scene_run import ScenePlan, start_run
from viewer.app import warm_up
from viewer.camera import home_camera, rotation_matrix
from viewer.interface import FigurePose, Subject
from viewer.page import strongest

SIZE = (24, 32)
FIELD = HashConfig(levels=4, log2_table_size=10, finest_resolution=32, hidden=32)


def _never():
    return False


def load_subject(run: Path, *, motion: Path | None = None) -> Subject:
    return kind_at(run).subject(run, motion=motion)


@pytest.fixture(scope="module")
def scene_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scene")
    write_synthetic(folder / "data", generator=torch.Generator().manual_seed(0), n_train=5, n_test=1, size=(16, 20))
    plan = ScenePlan(str(folder / "data"), TrainConfig(steps=1), RadianceConfig(), (16, 20))
    run = start_run(folder / "run", plan, FIELD, load_scene(folder / "data"))
    run.folder.mkdir()
    run.save(TrainState(7, 1.5, {}, torch.Generator().get_state(), {}))
    return run.folder


@pytest.fixture(scope="module")
def avatar_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("avatar")
    model = BodyModel.load()
    shape = torch.zeros(10)
    portrait = Portrait(BodyPose(torch.zeros(24, 3), torch.zeros(3), shape), Cameras.pinhole(100.0, (40, 40)))
    config = FigureConfig(FIELD, OccupancyConfig(resolution=24, steps=64, coarse=1.0))
    avatar = Avatar.start(
        model, DressedSurface(model.template, model.faces), portrait, config, torch.Generator().manual_seed(0)
    )
    save_avatar(folder, avatar, step=3, seconds=0.5)
    (folder / "report.json").write_text(json.dumps({"psnr": 21.5, "iou": "broken"}))
    return folder


def test_a_scene_is_shown_as_its_renderer_does(scene_run: Path):
    subject = load_subject(scene_run)
    assert (subject.name, subject.kind) == ("run", "scene")
    camera = home_camera(subject.home, SIZE)
    shown = subject.views["scene"](camera, SIZE, _never)
    saved = load_scene_run(scene_run)
    assert shown is not None
    torch.testing.assert_close(shown.color, saved.shown.image(camera, 0).color)
    # The first look is that of the run's orbit, up to the shape of the window.
    torch.testing.assert_close(camera.world_from_camera, saved.orbit.cameras(1).world_from_camera, atol=1e-5, rtol=0)


def test_a_scene_can_be_stopped(scene_run: Path):
    subject = load_subject(scene_run)
    assert subject.views["scene"](home_camera(subject.home, SIZE), SIZE, lambda: True) is None


def test_a_scene_brings_its_training_cameras_and_facts(scene_run: Path):
    subject = load_subject(scene_run)
    assert subject.cameras is not None
    torch.testing.assert_close(
        subject.cameras.world_from_camera, load_scene(scene_run.parent / "data").train.cameras.world_from_camera
    )
    assert subject.facts["training"] == "7 steps, 2 s"
    assert subject.facts["field"] == "hash"


def test_measured_quality_is_told(scene_run: Path):
    (scene_run / "eval.json").write_text(json.dumps({"mean": {"psnr": 30.125}}))
    try:
        assert load_subject(scene_run).facts["PSNR, held-out views"] == "30.12 dB"
    finally:
        (scene_run / "eval.json").unlink()


def test_a_motion_for_a_scene_is_refused(scene_run: Path):
    with pytest.raises(OptionError, match="no joints"):
        load_subject(scene_run, motion=Path("dance.npz"))


def test_an_avatar_takes_poses(avatar_run: Path):
    subject = load_subject(avatar_run)
    assert subject.figure is not None
    assert subject.facts["PSNR inside the person"] == "21.50 dB"
    assert "overlap with the photo (IoU)" not in subject.facts
    camera = home_camera(subject.home, SIZE)
    rest, raised = (
        subject.figure.posed(subject.figure.poses[name])(camera, SIZE, _never) for name in ("t-pose", "arms-up")
    )
    assert rest is not None
    assert raised is not None
    assert rest.opacity.max() > 0.0
    assert (rest.opacity - raised.opacity).abs().max() > 0.01
    again = subject.figure.posed(subject.figure.poses["t-pose"])(camera, SIZE, _never)
    assert again is not None
    torch.testing.assert_close(again.color, rest.color)


@pytest.mark.parametrize("name", ["t-pose", "walk", "sit"])
def test_bones_carry_the_mesh_like_the_body_itself(avatar_run: Path, name: str):
    """Skinning as a browser does it, against the body's own maps of its joints."""
    figure = load_subject(avatar_run).figure
    assert figure is not None
    model, pose = BodyModel.load(), BodyPose(named_pose(name), torch.zeros(3), torch.zeros(10))
    bones, skin = figure.bones(FigurePose(pose.rotations)), figure.skin
    rotations = np.stack([rotation_matrix(quaternion) for quaternion in bones.quaternions])
    local = skin.vertices[:, None] - skin.joints[None]
    moved = np.einsum("jab,vjb->vja", rotations, local) + bones.positions[None]
    skinned = np.einsum("vj,vja->va", skin.weights, moved)
    expected = transform(blend(model.weights, model.pose(pose).joints_from_rest), model.template)
    np.testing.assert_allclose(skinned, expected.numpy(), atol=2e-5)


def test_an_avatar_lists_the_shipped_motions_and_its_own(avatar_run: Path):
    folder = avatar_run / "motions"
    folder.mkdir(exist_ok=True)
    (folder / "nod.json").write_text(json.dumps({"poses": ["stand", "sit"], "seconds": 0.5}))
    (folder / "broken.json").write_text("{")
    try:
        with pytest.warns(UserWarning, match="broken.json: not readable as a motion"):
            figure = load_subject(avatar_run, motion=Path("walk")).figure
    finally:
        shutil.rmtree(folder)
    assert figure is not None
    assert list(figure.motions)[:2] == ["walk", "nod"]
    assert set(bank()) < set(figure.motions)
    walk = figure.motions["walk"]
    assert walk.seconds == pytest.approx(1.08, abs=0.01)
    begin, later = (walk.at(seconds, on_the_spot=True) for seconds in (0.0, 10.0 * walk.seconds))
    torch.testing.assert_close(begin.travel, later.travel, atol=1e-3, rtol=0.0)
    assert float(walk.at(0.9 * walk.seconds, on_the_spot=False).travel[2]) > 0.5
    # On the ground: the bones go where the pelvis goes.
    moved = figure.bones(begin).positions - figure.bones(FigurePose(begin.rotations)).positions
    np.testing.assert_allclose(moved, np.tile(begin.travel.numpy(), (24, 1)), atol=1e-5)


def test_sliders_name_each_joint_once_per_axis(avatar_run: Path):
    figure = load_subject(avatar_run).figure
    assert figure is not None
    sliders = [slider for part in figure.sliders.values() for slider in part]
    assert len({(slider.joint, slider.axis) for slider in sliders}) == len(sliders)
    assert all(len({slider.label for slider in part}) == len(part) for part in figure.sliders.values())


def test_only_the_four_strongest_bones_remain():
    weights = np.random.default_rng(0).dirichlet(np.ones(24), size=50).astype(np.float32)
    kept = strongest(weights)
    assert (np.count_nonzero(kept, axis=1) == 4).all()
    np.testing.assert_allclose(kept.sum(1), 1.0, atol=1e-5)
    assert (kept.argmax(1) == weights.argmax(1)).all()


def test_warming_up_forgives_what_fails(scene_run: Path):
    subject = load_subject(scene_run)

    def broken(camera: object, size: object, should_stop: object):
        raise ValueError("no")

    warm_up([subject, type(subject)("b", "scene", {"scene": broken}, subject.home, {})])
