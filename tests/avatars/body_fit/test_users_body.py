"""Fitting a body with fingers: up to the wrists it is fitted like any other, its hands hang relaxed."""

import math

import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.named_rotations import expand_rotations
from avatars.body.pose_file import read_pose
from avatars.body_fit import BodyFitConfig, BodyObservation, fit_body
from avatars.body_fit.landmarks import COUNT, USED, Landmark, LandmarkRegressor, posed_landmarks
from nfield.cameras import Cameras
from nfield.kernels.rasterize import rasterize
from tests.avatars.body.made_up_bodies import SMPLX, made_up_person, write_npz

SIZE, FOCAL = (320, 240), 410.0

pytestmark = pytest.mark.filterwarnings("ignore:the native kernels:RuntimeWarning")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> BodyModel:
    pytest.importorskip("smplx", reason="the extra smplx is not installed")
    return BodyModel.load(write_npz(tmp_path_factory.mktemp("body") / "mine.npz", made_up_person(SMPLX)))


def _observed(model: BodyModel, pose: BodyPose) -> BodyObservation:
    """What a perfect perception stage would see."""
    marks = posed_landmarks(model, LandmarkRegressor.of(model), pose)
    points, world, visibility = torch.zeros(COUNT, 2), torch.zeros(COUNT, 3), torch.zeros(COUNT)
    points[list(USED)] = marks[:, :2] / marks[:, 2:] * FOCAL + torch.tensor([SIZE[1] / 2, SIZE[0] / 2])
    world[list(USED)], visibility[list(USED)] = marks, 1.0
    world = world - world[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]].mean(0)
    camera = Cameras.pinhole(FOCAL, SIZE)
    mask = rasterize(model.pose(pose).vertices, model.faces, camera.intrinsics[0], SIZE).face >= 0
    return BodyObservation(points, visibility, world, mask, SIZE)


def test_a_body_with_fingers_is_found_again_and_its_hands_are_relaxed(model: BodyModel):
    rotations = read_pose("walk", model)
    rotations[0] = torch.tensor([math.pi, 0.0, 0.0])
    truth = BodyPose(rotations, torch.tensor([0.1, 0.15, 2.9]), torch.zeros(10))
    config = BodyFitConfig(landmark_steps=50, silhouette_steps=6, survivors=1, focal=FOCAL)
    fit = fit_body(model, _observed(model, truth), config)

    assert torch.equal(fit.pose.rotations[22:], model.relaxed_hands[22:])
    assert fit.pose.rotations[25:].any()
    assert fit.silhouette_iou > 0.85
    ours, theirs = model.joints(fit.pose), model.joints(truth)
    scaled = ours * (theirs[:, 2].mean() / ours[:, 2].mean())
    assert float((scaled - theirs)[:22].norm(dim=-1).mean()) < 0.06
    pixels = (ours[:, :2] / ours[:, 2:] - theirs[:, :2] / theirs[:, 2:]).norm(dim=-1) * FOCAL
    assert float(pixels.mean()) < 0.02 * SIZE[0]


def test_its_landmarks_lie_where_those_of_the_shipped_body_lie(model: BodyModel):
    """The made-up person is the shipped one on another mesh, so its landmarks are, too, in any pose of the body."""
    shipped = BodyModel.load()
    on_shipped = read_pose("kick", shipped)
    pose = BodyPose(on_shipped, torch.zeros(3), torch.zeros(10))
    flat = expand_rotations(on_shipped, shipped.joint_names, model) - model.relaxed_hands
    mine = BodyPose(flat, torch.zeros(3), torch.zeros(10))
    ours = posed_landmarks(model, LandmarkRegressor.of(model), mine)
    theirs = posed_landmarks(shipped, LandmarkRegressor.of(shipped), pose)
    torch.testing.assert_close(ours, theirs, atol=0.03, rtol=0)
