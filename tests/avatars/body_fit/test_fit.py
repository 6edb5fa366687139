"""Fitting a body to keypoints and a mask: known bodies are found again, real people are covered, bad input is named."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import assets
from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import load_parameters, named_pose
from avatars.body.skinning import axis_angle_from_rotations, rotations_from_axis_angle
from avatars.body_fit import BodyFitConfig, BodyFitError, BodyObservation, fit_body, in_words, outside_photo
from avatars.body_fit.anatomy import anatomy
from avatars.body_fit.landmarks import COUNT, USED, Landmark, LandmarkRegressor, posed_landmarks
from avatars.body_fit.silhouette import silhouette
from avatars.body_fit.visibility import shown_segments
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
    assert fit.hidden_parts == ()


def cut(observation: BodyObservation, rows: int) -> BodyObservation:
    """The upper part of a photo; perception goes on seeing what the frame cut off, as nets do."""
    return replace(observation, mask=observation.mask[:rows], size=(rows, SIZE[1]))


UPPER = [3, 6, 9, 12, 15, 16, 17, 18, 19]
"""Spine, neck, head, shoulders and elbows: what a photo that ends at the hips shows of an upright person."""


def aligned_distance(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Mean distance after the best similarity (Umeyama 1991): a cut photo tells neither depth nor the camera's tilt."""
    a, b = ours - ours.mean(0), theirs - theirs.mean(0)
    u, values, v = torch.linalg.svd(a.T @ b)
    signs = torch.tensor([1.0, 1.0, float(torch.det(u @ v).sign())])
    turned = (values * signs).sum() / a.square().sum() * a @ (u * signs) @ v
    return float((turned - b).norm(dim=-1).mean())


@pytest.mark.parametrize(
    ("joint", "hidden"),
    [
        (4, ("both lower legs", "both feet")),
        (0, ("both thighs", "both lower legs", "both feet", "both hands")),
        (6, ("hips", "both thighs", "both lower legs", "both feet", "both forearms", "both hands")),
    ],
)
def test_cut_body_keeps_what_is_shown_and_relaxes_the_rest(model: BodyModel, joint: int, hidden: tuple[str, ...]):
    truth = known_person("stand", 20.0)
    where = model.joints(truth)[joint]
    rows = int(where[1] / where[2] * FOCAL + SIZE[0] / 2)
    observation = cut(observe(model, truth), rows)
    fit = fit_body(model, observation, QUICK)
    assert set(in_words(fit.hidden_parts)) == set(hidden)
    assert fit.hidden_limbs == in_words(fit.hidden_parts)
    upper = UPPER if joint != 6 else UPPER[1:-2]
    assert aligned_distance(model.joints(fit.pose)[upper], model.joints(truth)[upper]) < 0.03
    ours = model.joints(fit.pose)
    down = torch.nn.functional.normalize(ours[[7, 8]] - ours[[4, 5]], dim=-1)
    assert float(down[:, 1].min()) > math.cos(math.radians(20.0))
    if joint != 4:
        assert float(fit.pose.rotations[[1, 2, 4, 5]].norm(dim=-1).max()) < math.radians(15.0)


@pytest.mark.parametrize("below_hips", [-25, 40])
def test_legs_behind_something_do_not_pull_on_the_body(model: BodyModel, below_hips: int):
    """Somebody behind a counter: the photo goes on below, the mask and the landmarks do not."""
    truth = known_person("stand", 0.0)
    whole = observe(model, truth)
    counter = int(whole.keypoints[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP], 1].mean()) + below_hips
    mask, visibility = whole.mask.clone(), whole.visibility.clone()
    mask[counter:] = False
    visibility[whole.keypoints[:, 1] >= counter] = 0.05
    fit = fit_body(model, replace(whole, mask=mask, visibility=visibility), QUICK)
    assert {"both lower legs", "both feet"} <= set(in_words(fit.hidden_parts))
    assert aligned_distance(model.joints(fit.pose)[UPPER], model.joints(truth)[UPPER]) < 0.03
    assert float(fit.pose.rotations[[1, 2, 4, 5]].norm(dim=-1).max()) < math.radians(25.0)


def test_arm_that_the_border_cuts_off_stays_in_the_mask_up_to_there(model: BodyModel):
    truth = known_person("stand", 0.0)
    elbow, wrist = model.joints(truth)[[18, 20]]
    where = (elbow + wrist) / 2
    rows = int(where[1] / where[2] * FOCAL + SIZE[0] / 2)
    fit = fit_body(model, cut(observe(model, truth), rows), QUICK)
    assert fit.silhouette_iou > 0.93


def test_person_who_would_be_too_near_is_taken_for_a_part_of_a_larger_photo(model: BodyModel):
    truth = known_person("stand", 0.0)
    whole = observe(model, truth)
    shoulders = int(whole.keypoints[Landmark.LEFT_SHOULDER, 1])
    rows = shoulders + 40
    narrow = slice(110, 280)
    close = BodyObservation(
        whole.keypoints - torch.tensor([110.0, 0.0]),
        whole.visibility,
        whole.keypoints_world,
        whole.mask[:rows, narrow],
        (rows, 170),
    )
    fit = fit_body(model, close, replace(QUICK, focal=None, landmark_steps=60, silhouette_steps=30))
    assert fit.pose.translation[2] > 1.3
    assert float(fit.camera.focal_lengths[0, 0]) > 1.3 * math.hypot(rows, 170)


def test_photo_from_behind_or_without_shoulders_says_what_is_missing(model: BodyModel):
    observation = observe(model, known_person("stand", 0.0))
    visibility = observation.visibility.clone()
    visibility[Landmark.RIGHT_SHOULDER] = 0.2
    with pytest.raises(BodyFitError, match="not visible are right shoulder; the fit needs the head, with nose or an"):
        fit_body(model, replace(observation, visibility=visibility))
    visibility = observation.visibility.clone()
    visibility[:11] = 0.1
    with pytest.raises(BodyFitError, match=r"not visible are face; .*at least down to the chest and not from behind"):
        fit_body(model, replace(observation, visibility=visibility))


def test_landmark_beyond_the_border_is_not_seen(model: BodyModel):
    observation = observe(model, known_person("stand", 0.0))
    rows = int(observation.keypoints[Landmark.LEFT_KNEE, 1]) - 5
    shorter = cut(observation, rows)
    assert shorter.seen(Landmark.LEFT_HIP)
    assert not shorter.seen(Landmark.LEFT_KNEE)
    assert float(shorter.confidence()[Landmark.LEFT_KNEE]) == 0.0
    assert shorter.hidden_segments() == ("left lower leg", "left foot", "right lower leg", "right foot")


def test_vertices_outside_the_photo_are_those_that_project_there(model: BodyModel):
    pose = known_person("walk", 40.0)
    rows = 260
    outside = outside_photo(model, pose, Cameras.pinhole(FOCAL, (rows, SIZE[1])))
    for index, (x, y, z) in list(enumerate(model.pose(pose).vertices.tolist()))[::97]:
        column, row = x / z * FOCAL + SIZE[1] / 2, y / z * FOCAL + rows / 2
        assert bool(outside[index]) == (not (0 <= column < SIZE[1] and 0 <= row < rows))


def test_share_of_a_segment_falls_with_the_mask(model: BodyModel):
    pose = known_person("stand", 0.0)
    mask = covered(model, pose, CAMERA)
    whole = shown_segments(model, pose, CAMERA, silhouette(mask))
    assert min(whole.values()) > 0.95
    joints = model.joints(pose)
    middle_of_shins = (joints[4:6] + joints[7:9]).mean(0) / 2
    rows = int(middle_of_shins[1] / middle_of_shins[2] * FOCAL + SIZE[0] / 2)
    upper = mask.clone()
    upper[rows:] = False
    part = shown_segments(model, pose, CAMERA, silhouette(upper))
    assert part["left foot"] == part["right foot"] == 0.0
    assert part["left lower leg"] == pytest.approx(0.55, abs=0.15)
    assert part["head"] == whole["head"]


def test_both_sides_are_said_in_one_word():
    assert in_words(("left thigh", "right thigh", "left foot", "neck")) == ("left foot", "neck", "both thighs")
    assert in_words(()) == ()


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
@pytest.mark.parametrize(
    ("joint", "hidden"),
    [(4, ("both lower legs", "both feet")), (0, ("both thighs", "both lower legs", "both feet", "both hands"))],
)
def test_sample_photo_cut_off_is_fitted_like_the_whole(model: BodyModel, joint: int, hidden: tuple[str, ...]):
    truth = load_parameters(assets.path("sample/photo_params.npz"), model)
    photo = load_photo(assets.path("sample/photo.jpg"))
    where = model.joints(truth.pose)[joint]
    assert truth.focal is not None
    rows = int(where[1] / where[2] * truth.focal + photo.shape[0] / 2)
    found = PersonEstimator.load().estimate(photo[:rows])
    observation = BodyObservation(
        found.keypoints, found.visibility, found.keypoints_world, found.alpha > 0.5, (rows, photo.shape[1])
    )
    fit = fit_body(model, observation)
    assert in_words(fit.hidden_parts) == hidden
    assert aligned_distance(model.joints(fit.pose)[UPPER], model.joints(truth.pose)[UPPER]) < 0.025
    assert float(fit.pose.shape.abs().max()) < 1.5
    assert 1.5 < fit.pose.translation[2] < 4.0


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
