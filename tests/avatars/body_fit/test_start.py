"""First guesses: translations that project exactly, readings of depth, and limbs turned along their landmarks."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import mirrored, named_pose
from avatars.body.skinning import axis_angle_from_rotations, rotations_from_axis_angle
from avatars.body_fit.anatomy import anatomy
from avatars.body_fit.landmarks import COUNT, MIXTURES, USED, Landmark, LandmarkRegressor, posed_landmarks
from avatars.body_fit.observation import BodyObservation
from avatars.body_fit.start import VARIANTS, first_guesses, translation_of

_SIZE, _FOCAL = (480, 360), 620.0


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return BodyModel.load()


@pytest.fixture(scope="module")
def regressor(model: BodyModel) -> LandmarkRegressor:
    return LandmarkRegressor.of(model)


def _before_camera(name: str, yaw: float = 0.0) -> BodyPose:
    rotations = named_pose(name).clone()
    over = rotations_from_axis_angle(torch.tensor([math.pi, 0.0, 0.0]))
    turn = rotations_from_axis_angle(torch.tensor([0.0, yaw, 0.0]))
    rotations[0] = axis_angle_from_rotations(over @ turn @ rotations_from_axis_angle(rotations[0]))
    return BodyPose(rotations, torch.tensor([0.1, 0.15, 2.9]), torch.zeros(10))


Observed = Callable[[torch.Tensor], BodyObservation]


@pytest.fixture(scope="module")
def observed(lean: Callable[[torch.Tensor], torch.Tensor]) -> Observed:
    """Landmarks as they project, with the usual lean of their depths; the mask is not looked at."""
    return lambda marks: _observed(marks, lean)


def _observed(marks: torch.Tensor, lean: Callable[[torch.Tensor], torch.Tensor]) -> BodyObservation:
    points, world = torch.zeros(COUNT, 2), torch.zeros(COUNT, 3)
    points[list(USED)] = marks[:, :2] / marks[:, 2:] * _FOCAL + torch.tensor([_SIZE[1] / 2, _SIZE[0] / 2])
    world[list(USED)] = marks
    world -= world[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]].mean(0)
    world = lean(world)
    visibility = torch.zeros(COUNT)
    visibility[list(USED)] = 1.0
    return BodyObservation(points, visibility, world, torch.ones(_SIZE, dtype=torch.bool), _SIZE)


def test_every_landmark_is_a_mixture_whose_weights_sum_to_one():
    for landmark, mixture in MIXTURES.items():
        assert sum(mixture.joints.values()) + sum(mixture.vertices.values()) == pytest.approx(1.0), landmark
    assert sorted(USED) == list(USED)
    assert len(USED) == len(Landmark)


def test_landmarks_of_a_mirrored_pose_are_the_mirrored_landmarks(model: BodyModel, regressor: LandmarkRegressor):
    names = [Landmark(number).name for number in USED]
    swapped = [name.replace("LEFT", "?").replace("RIGHT", "LEFT").replace("?", "RIGHT") for name in names]
    other = [names.index(name) for name in swapped]
    marks, image = (
        posed_landmarks(model, regressor, BodyPose(rotations, torch.zeros(3), torch.zeros(10)))
        for rotations in (named_pose("kick"), mirrored(named_pose("kick")))
    )
    assert (image[other] * torch.tensor([-1.0, 1.0, 1.0]) - marks).norm(dim=-1).max() < 0.02


def test_landmarks_are_the_same_from_the_whole_body(model: BodyModel, regressor: LandmarkRegressor):
    pose = _before_camera("walk", 0.4)
    body = model.pose(pose)
    expected = regressor(body.joints, body.vertices[regressor.vertices])
    torch.testing.assert_close(posed_landmarks(model, regressor, pose), expected, atol=1e-5, rtol=0)
    row = USED.index(Landmark.LEFT_EAR)
    ears = body.vertices[[model.landmarks["lear"], model.landmarks["rear"]]]
    torch.testing.assert_close(expected[row], 0.88 * ears[0] + 0.12 * ears[1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["stand", "sit", "arms-up"])
def test_the_translation_of_a_known_body_is_found_exactly(
    model: BodyModel, regressor: LandmarkRegressor, name: str, observed: Observed
):
    pose = _before_camera(name, 0.3)
    marks = posed_landmarks(model, regressor, pose)
    found = translation_of(marks - pose.translation, observed(marks), _FOCAL)
    torch.testing.assert_close(found, pose.translation, atol=2e-3, rtol=0)


def test_landmarks_that_are_not_seen_move_no_translation(
    model: BodyModel, regressor: LandmarkRegressor, observed: Observed
):
    pose = _before_camera("stand")
    marks = posed_landmarks(model, regressor, pose)
    whole = observed(marks)
    points, visibility = whole.keypoints.clone(), whole.visibility.clone()
    points[Landmark.LEFT_ANKLE], visibility[Landmark.LEFT_ANKLE] = torch.tensor([20.0, 30.0]), 0.05
    found = translation_of(marks - pose.translation, replace(whole, keypoints=points, visibility=visibility), _FOCAL)
    torch.testing.assert_close(found, pose.translation, atol=2e-3, rtol=0)


def test_a_guess_that_faces_the_wrong_way_still_lies_before_the_camera(
    model: BodyModel, regressor: LandmarkRegressor, observed: Observed
):
    pose = _before_camera("stand")
    marks = posed_landmarks(model, regressor, pose)
    upside_down = (marks - pose.translation) * torch.tensor([-1.0, -1.0, 1.0])
    found = translation_of(upside_down, observed(marks), _FOCAL)
    assert float(found[2]) == pytest.approx(2.9, rel=0.15)


@pytest.mark.parametrize("name", ["legs flipped", "forearms flipped"])
def test_depths_flipped_twice_are_as_they_were(name: str, generator: torch.Generator):
    world = torch.randn(COUNT, 3, generator=generator)
    flip = VARIANTS[name]
    once = flip(world)
    torch.testing.assert_close(flip(once), world)
    assert torch.equal(once[:, :2], world[:, :2])
    root = Landmark.LEFT_HIP if name.startswith("legs") else Landmark.LEFT_ELBOW
    assert torch.equal(once[root], world[root])
    end = root + 4
    assert float(once[end, 2] - world[root, 2]) == pytest.approx(float(world[root, 2] - world[end, 2]), abs=1e-5)


def test_flattened_depths_are_a_third_and_straight_legs_lie_in_the_plane_of_the_hips(generator: torch.Generator):
    world = torch.randn(COUNT, 3, generator=generator)
    torch.testing.assert_close(VARIANTS["flattened"](world)[:, 2], 0.33 * world[:, 2])
    legs = VARIANTS["legs straight"](world)
    assert (legs[[25, 27, 29, 31], 2] == world[23, 2]).all()
    assert (legs[[26, 28, 30, 32], 2] == world[24, 2]).all()
    assert torch.equal(legs[:25], world[:25])
    assert torch.equal(VARIANTS["as given"](world), world)


@pytest.mark.parametrize(("name", "yaw"), [("stand", 0.0), ("walk", 0.5), ("sit", -0.4), ("arms-forward", 0.2)])
def test_true_landmarks_are_met_by_the_guess_that_takes_them_as_given(
    model: BodyModel, regressor: LandmarkRegressor, name: str, yaw: float, observed: Observed
):
    pose = _before_camera(name, yaw)
    marks = posed_landmarks(model, regressor, pose)
    guesses = first_guesses(model, regressor, observed(marks), _FOCAL)
    assert guesses.rotations.shape == (len(VARIANTS), 24, 3)
    first = BodyPose(guesses.rotations[0], guesses.translation[0], guesses.shape[0])
    ours, theirs = model.joints(first), model.joints(pose)
    limbs = [4, 5, 7, 8, 16, 17, 18, 19, 20, 21]
    assert (ours - theirs)[limbs].norm(dim=-1).mean() < 0.06
    assert (ours - theirs)[limbs].norm(dim=-1).max() < 0.16


def test_guesses_are_human_and_relax_what_is_not_seen(
    model: BodyModel, regressor: LandmarkRegressor, observed: Observed
):
    marks = posed_landmarks(model, regressor, _before_camera("kick"))
    whole = observed(marks)
    visibility = whole.visibility.clone()
    visibility[[13, 15, 25, 27]] = 0.0
    guesses = first_guesses(model, regressor, replace(whole, visibility=visibility), _FOCAL)
    human = anatomy()
    assert float(human.excess(guesses.rotations[:, 1:]).max()) < 1e-5
    relaxed = torch.cat([torch.zeros(1, 3), human.prefers])
    for joint in (1, 4, 16, 18):
        torch.testing.assert_close(guesses.rotations[:, joint], relaxed[joint].expand(len(VARIANTS), 3))
    assert (guesses.rotations[:, 2] - relaxed[2]).norm(dim=-1).min() > 0.2


def test_confidence_is_the_square_of_the_visibility_inside_the_photo():
    points = torch.full((COUNT, 2), 50.0)
    points[3], points[4] = torch.tensor([-1.0, 50.0]), torch.tensor([50.0, 480.5])
    visibility = torch.full((COUNT,), 0.6)
    visibility[5], visibility[6] = 0.05, 0.4
    seen = BodyObservation(points, visibility, torch.zeros(COUNT, 3), torch.ones(_SIZE, dtype=torch.bool), _SIZE)
    expected = torch.full((COUNT,), 0.36)
    expected[[3, 4, 5]], expected[6] = 0.0, 0.16
    torch.testing.assert_close(seen.confidence(), expected)
    assert seen.seen(Landmark.NOSE)
    assert not seen.seen(Landmark.RIGHT_EYE)
    assert seen.hides(Landmark.RIGHT_EYE)
    beyond = replace(seen, keypoints=points - 60.0)
    assert not beyond.seen(Landmark.NOSE)
    assert not beyond.hides(Landmark.NOSE)


def test_hips_are_shown_by_one_and_segments_hidden_where_no_landmark_of_theirs_is_seen():
    points, visibility = torch.full((COUNT, 2), 50.0), torch.ones(COUNT)
    seen = BodyObservation(points, visibility, torch.zeros(COUNT, 3), torch.ones(_SIZE, dtype=torch.bool), _SIZE)
    assert seen.shows_hips
    assert seen.hidden_segments() == ()
    visibility[[Landmark.LEFT_HIP, Landmark.LEFT_WRIST, Landmark.LEFT_INDEX, Landmark.LEFT_PINKY]] = 0.0
    assert seen.shows_hips
    assert seen.hidden_segments() == ("left hand",)
    visibility[[Landmark.RIGHT_HIP, Landmark.LEFT_KNEE]] = 0.0
    assert not seen.shows_hips
    assert seen.hidden_segments() == ("left hand", "left thigh")
