"""Fitting a body to keypoints and a mask: known bodies are found again, real people are covered, bad input is named."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import named_pose
from avatars.body.skinning import axis_angle_from_rotations, rotations_from_axis_angle
from avatars.body_fit import BodyFitConfig, BodyFitError, BodyObservation, fit_body
from avatars.body_fit.anatomy import anatomy
from avatars.body_fit.landmarks import COUNT, USED, Landmark, LandmarkRegressor, posed_landmarks
from avatars.perception import PersonEstimator, load_photo
from nfield.cameras import Cameras
from nfield.kernels.rasterize import rasterize

SIZE = (480, 360)
FOCAL = 620.0
CAMERA = Cameras.pinhole(FOCAL, SIZE)
QUICK = BodyFitConfig(landmark_steps=100, silhouette_steps=90, survivors=1, focal=FOCAL)

pytestmark = pytest.mark.filterwarnings("ignore:the native kernels:RuntimeWarning")


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return BodyModel.load()


def covered(model: BodyModel, pose: BodyPose, camera: Cameras) -> torch.Tensor:
    return rasterize(model.pose(pose).vertices, model.faces, camera.intrinsics[0], camera.size).face >= 0


def known_person(name: str, yaw: float) -> BodyPose:
    """A named pose before a level camera, turned by `yaw` degrees, not of the mean build."""
    rotations = named_pose(name).clone()
    half_turn = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    turn = rotations_from_axis_angle(torch.tensor([0.0, math.radians(yaw), 0.0]))
    rotations[0] = axis_angle_from_rotations(half_turn @ turn @ rotations_from_axis_angle(rotations[0]))
    shape = torch.zeros(10)
    shape[:3] = torch.tensor([0.5, -0.8, 0.6])
    return BodyPose(rotations, torch.tensor([0.1, 0.15, 2.9]), shape)


def observe(model: BodyModel, pose: BodyPose) -> BodyObservation:
    """What a perfect perception stage would see."""
    marks = posed_landmarks(model, LandmarkRegressor.of(model), pose)
    points, world, visibility = torch.zeros(COUNT, 2), torch.zeros(COUNT, 3), torch.zeros(COUNT)
    used = list(USED)
    points[used] = marks[:, :2] / marks[:, 2:] * FOCAL + torch.tensor([SIZE[1] / 2, SIZE[0] / 2])
    world[used] = marks
    visibility[used] = 1.0
    world = world - world[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]].mean(0)
    return BodyObservation(points, visibility, world, covered(model, pose, CAMERA), SIZE)


@pytest.mark.parametrize(("name", "yaw"), [("walk", 40.0), ("sit", -30.0)])
def test_known_body_is_found_again(model: BodyModel, name: str, yaw: float):
    truth = known_person(name, yaw)
    observation = observe(model, truth)
    steps: list[float] = []
    fit = fit_body(model, observation, QUICK, progress=lambda stage, done: steps.append(done))

    assert fit.silhouette_iou > 0.9
    both = covered(model, fit.pose, fit.camera) & observation.mask
    either = covered(model, fit.pose, fit.camera) | observation.mask
    assert abs(float(both.sum() / either.sum()) - fit.silhouette_iou) < 0.03

    ours, theirs = model.joints(fit.pose)[:22], model.joints(truth)[:22]
    # Depth and stature trade off in one photo: compare up to the scale about the camera.
    scaled = ours * (theirs[:, 2].mean() / ours[:, 2].mean())
    assert float((scaled - theirs).norm(dim=-1).mean()) < 0.05
    pixels = (ours[:, :2] / ours[:, 2:] - theirs[:, :2] / theirs[:, 2:]).norm(dim=-1) * FOCAL
    assert float(pixels.mean()) < 0.015 * SIZE[0]

    assert float(anatomy().excess(fit.pose.rotations[None, 1:]).max()) < math.radians(3.0)
    assert float(fit.pose.shape.abs().max()) < 2.5
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    assert fit.history[-1] < fit.history[0]
    assert fit.hidden_limbs == ()


def test_hidden_legs_are_named_and_left_relaxed(model: BodyModel):
    observation = observe(model, known_person("stand", 20.0))
    visibility = observation.visibility.clone()
    visibility[Landmark.LEFT_KNEE :] = 0.0
    waist = int(observation.keypoints[Landmark.LEFT_HIP, 1]) + 12
    mask = observation.mask[:waist]
    cut = replace(observation, visibility=visibility, mask=mask, size=(waist, SIZE[1]))
    fit = fit_body(model, cut, replace(QUICK, landmark_steps=60, silhouette_steps=30))
    assert fit.hidden_limbs == ("left leg", "right leg")
    knees = fit.pose.rotations[[4, 5], 0]
    assert float(knees.max()) < math.radians(35.0)
    assert float(knees.min()) > math.radians(-3.0)


def test_photo_without_torso_says_what_is_missing(model: BodyModel):
    observation = observe(model, known_person("stand", 0.0))
    visibility = observation.visibility.clone()
    visibility[[Landmark.LEFT_HIP, Landmark.LEFT_KNEE, Landmark.LEFT_ANKLE]] = 0.2
    with pytest.raises(BodyFitError, match="not visible are left hip, left leg; the fit needs"):
        fit_body(model, replace(observation, visibility=visibility))


def test_empty_mask_is_refused(model: BodyModel):
    observation = observe(model, known_person("stand", 0.0))
    with pytest.raises(BodyFitError, match="mask has 0 connected pixels"):
        fit_body(model, replace(observation, mask=torch.zeros(SIZE, dtype=torch.bool)))


def test_nan_keypoints_are_refused(model: BodyModel):
    observation = observe(model, known_person("stand", 0.0))
    with pytest.raises(BodyFitError, match="NaN"):
        fit_body(model, replace(observation, keypoints=observation.keypoints * float("nan")))


def test_mask_of_another_size_is_refused(model: BodyModel):
    observation = observe(model, known_person("stand", 0.0))
    with pytest.raises(BodyFitError, match="mask of 480x360 pixels; got 33 keypoints and a mask of 480x300"):
        fit_body(model, replace(observation, mask=observation.mask[:, :300]))


def test_specks_are_not_the_person(model: BodyModel):
    observation = observe(model, known_person("stand", 0.0))
    speckled = observation.mask.clone()
    speckled[2:6, 2:6] = True
    assert torch.equal(replace(observation, mask=speckled).person(), observation.mask)


@pytest.mark.slow
@pytest.mark.parametrize("person", ["fs2804", "fs2818", "fs5986", "fs7818"])
def test_body_covers_a_photographed_person(model: BodyModel, shared_data: Path, person: str):
    folder = shared_data / "people" / f"{person}_m394"
    photo = load_photo(folder / "gt_image.png")
    found = PersonEstimator.load().estimate(photo)
    size = (found.alpha.shape[0], found.alpha.shape[1])
    observation = BodyObservation(found.keypoints, found.visibility, found.keypoints_world, found.alpha > 0.5, size)
    fit = fit_body(model, observation)
    mask = torch.from_numpy(np.asarray(Image.open(folder / "gt_mask.png").convert("L")) > 127)
    body = covered(model, fit.pose, fit.camera)
    assert float((body & mask).sum() / (body | mask).sum()) >= 0.85
    assert float(anatomy().excess(fit.pose.rotations[None, 1:]).max()) < math.radians(3.0)
