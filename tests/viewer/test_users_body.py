"""An avatar of a body with fingers in the viewer: all its bones move, and fingers have sliders."""

import numpy as np
import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.portrait import Portrait
from avatars.posed.avatar import Avatar, FigureConfig
from avatars.surface.dressed import DressedSurface
from nfield.cameras import Cameras
from nfield.fields import HashConfig
from nfield.rendering.samplers.occupancy import OccupancyConfig
from tests.avatars.body.made_up_bodies import SMPLX, made_up_person, write_npz
from viewer.avatar_run import AvatarFigure, avatar_figure
from viewer.camera import rotation_matrix
from viewer.interface import FigurePose


@pytest.fixture(scope="module")
def figure(tmp_path_factory: pytest.TempPathFactory) -> AvatarFigure:
    pytest.importorskip("smplx", reason="the extra smplx is not installed")
    model = BodyModel.load(write_npz(tmp_path_factory.mktemp("body") / "mine.npz", made_up_person(SMPLX)))
    pose = BodyPose(model.rest_rotations, torch.zeros(3), torch.zeros(10))
    field = HashConfig(levels=4, log2_table_size=10, finest_resolution=32, hidden=32)
    config = FigureConfig(field, OccupancyConfig(resolution=24, steps=64, coarse=1.0))
    portrait = Portrait(pose, Cameras.pinhole(100.0, (40, 40)))
    dressed = DressedSurface(model.template, model.faces)
    figure = avatar_figure(Avatar.start(model, dressed, portrait, config, torch.Generator().manual_seed(0)))
    assert isinstance(figure, AvatarFigure)
    return figure


def _skinned(figure: AvatarFigure, rotations: torch.Tensor) -> np.ndarray:
    """The mesh as a browser moves it."""
    bones, skin = figure.bones(FigurePose(rotations)), figure.skin
    turns = np.stack([rotation_matrix(quaternion) for quaternion in bones.quaternions])
    moved = np.einsum("jab,vjb->vja", turns, skin.vertices[:, None] - skin.joints[None]) + bones.positions[None]
    return np.einsum("vj,vja->va", skin.weights, moved)


def test_poses_and_motions_have_all_joints(figure: AvatarFigure):
    joints = len(figure.avatar.model.joint_names)
    assert joints == 55
    assert {tuple(pose.rotations.shape) for pose in figure.poses.values()} == {(55, 3)}
    walk = figure.motions["walk"].at(0.4, on_the_spot=True)
    assert walk.rotations.shape == (55, 3)
    assert figure.skin.weights.shape[1] == 55


def test_a_finger_slider_moves_that_hand_alone(figure: AvatarFigure):
    model = figure.avatar.model
    slider = next(one for one in figure.sliders["left fingers"] if one.label == "index1 z")
    assert model.joint_names[slider.joint] == "left_index1"
    rotations = model.rest_rotations
    rotations[slider.joint, slider.axis] = -1.0
    moved = np.linalg.norm(_skinned(figure, rotations) - figure.skin.vertices, axis=1)
    assert moved[model.landmarks["lindex"]] > 0.02
    assert moved[figure.skin.vertices[:, 0] < 0.6].max() < 1e-5
    tip = _skinned(figure, rotations)[model.landmarks["lindex"]]
    assert tip[1] < figure.skin.vertices[model.landmarks["lindex"], 1] - 0.01


def test_sliders_name_each_joint_once_per_axis(figure: AvatarFigure):
    sliders = [slider for part in figure.sliders.values() for slider in part]
    assert len({(slider.joint, slider.axis) for slider in sliders}) == len(sliders)
    assert all(len({slider.label for slider in part}) == len(part) for part in figure.sliders.values())
    assert "jaw x" in {slider.label for slider in figure.sliders["trunk and head"]}
    assert len(figure.sliders["right fingers"]) == 12 + 9
