"""A user's own body with fingers from its file through a run folder to a posed picture; the field learned nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from avatars.body import BodyModel, BodyPose
from avatars.body.joints import SMPLX_JOINT_NAMES
from avatars.body.pose_file import read_pose
from avatars.portrait import Portrait
from avatars.posed.avatar import Avatar, FigureConfig
from avatars.posed.run import load_avatar, save_avatar
from avatars.surface.dressed import DressedSurface
from nfield.cameras import Cameras
from nfield.cli import main
from nfield.fields import HashConfig
from nfield.rendering.samplers.occupancy import OccupancyConfig
from tests.avatars.body.made_up_bodies import SMPLX, made_up_person, write_npz


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> BodyModel:
    pytest.importorskip("smplx", reason="the extra smplx is not installed")
    arrays = made_up_person(SMPLX, noise=0.0)
    return BodyModel.load(write_npz(tmp_path_factory.mktemp("body") / "mine.npz", arrays))


@pytest.fixture(scope="module")
def run(model: BodyModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    field = HashConfig(levels=4, log2_table_size=12, finest_resolution=64, hidden=32)
    config = FigureConfig(field, OccupancyConfig(resolution=24, steps=64, coarse=1.0))
    pose = BodyPose(model.relaxed_hands, torch.zeros(3), torch.zeros(10))
    portrait = Portrait(pose, Cameras.pinhole(100.0, (40, 40)))
    dressed = DressedSurface(model.template, model.faces)
    folder = tmp_path_factory.mktemp("run")
    avatar = Avatar.start(model, dressed, portrait, config, torch.Generator().manual_seed(0))
    save_avatar(folder, avatar, step=3, seconds=0.5)
    return folder


def test_a_run_carries_the_body_and_its_fingers(run: Path, model: BodyModel):
    avatar = load_avatar(run)
    assert avatar.model.joint_names == SMPLX_JOINT_NAMES
    assert torch.equal(avatar.model.relaxed_hands, model.relaxed_hands)
    assert torch.equal(avatar.portrait.pose.rotations, model.relaxed_hands)


def test_it_is_rendered_in_a_named_pose_and_with_bent_fingers(run: Path, tmp_path: Path):
    hand = np.tile([0.0, 0.0, -1.2], 15)
    fist = {"left_hand_pose": hand, "right_hand_pose": hand * -1.0, "flat_hand_mean": True}
    still = {"global_orient": np.zeros(3), "body_pose": np.zeros(63), "betas": np.zeros(10), "transl": np.zeros(3)}
    np.savez(tmp_path / "fist.npz", **still, **fist)
    for pose in ("walk", str(tmp_path / "fist.npz")):
        out = tmp_path / Path(pose).stem
        assert main(["render", str(run), "--pose", pose, "--frames", "2", "--size", "40", "40", "--out", str(out)]) == 0
        picture = np.asarray(Image.open(out / "frames" / "000.png"))
        assert (picture < 250).any()
    avatar = load_avatar(run)
    rotations = read_pose(str(tmp_path / "fist.npz"), avatar.model)
    moved = (avatar.posed(BodyPose(rotations, torch.zeros(3), torch.zeros(10))).vertices - avatar.vertices).norm(dim=1)
    tips = avatar.model.vertices_at(("lmiddle", "rmiddle"))
    assert float(moved[tips].min()) > 0.05
    assert float(moved[avatar.vertices[:, 0].abs() < 0.5].max()) < 1e-3
