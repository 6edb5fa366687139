"""What a skeleton can do: limits, their excess, and the relaxed stance."""

import math

import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import named_pose
from avatars.body_fit.anatomy import anatomy
from avatars.body_fit.landmarks import Joint

_HUMAN = anatomy()
_KNEE = Joint.LEFT_KNEE - 1


def _poses(generator: torch.Generator) -> torch.Tensor:
    return 1.5 * torch.randn(40, 23, 3, generator=generator)


def test_limits_are_ordered_and_hold_the_relaxed_stance():
    assert (_HUMAN.low < _HUMAN.high).all()
    assert (_HUMAN.spread > 0.0).all()
    assert (_HUMAN.excess(_HUMAN.prefers[None]) == 0.0).all()
    assert (_HUMAN.deviation(_HUMAN.prefers[None]) == 0.0).all()


def test_excess_is_the_distance_to_the_nearest_allowed_angles(generator: torch.Generator):
    body = _poses(generator)
    allowed = _HUMAN.clamp(body)
    torch.testing.assert_close(_HUMAN.excess(body), (body - allowed).abs())
    assert (_HUMAN.excess(body) > 0.0).any()
    assert (_HUMAN.excess(allowed) == 0.0).all()
    assert torch.equal(_HUMAN.clamp(allowed), allowed)


def test_allowed_angles_are_left_as_they_are(generator: torch.Generator):
    share = torch.rand(40, 23, 3, generator=generator)
    inside = _HUMAN.low + share * (_HUMAN.high - _HUMAN.low)
    torch.testing.assert_close(_HUMAN.clamp(inside), inside)
    assert _HUMAN.excess(inside).max() < 1e-6


@pytest.mark.parametrize(("degrees", "beyond"), [(100.0, 0.0), (145.0, 0.0), (160.0, 15.0), (-20.0, 20.0)])
def test_a_knee_bends_one_way_up_to_145_degrees(degrees: float, beyond: float):
    body = _HUMAN.prefers[None].clone()
    body[0, _KNEE, 0] = math.radians(degrees)
    excess = _HUMAN.excess(body)
    assert float(excess[0, _KNEE, 0]) == pytest.approx(math.radians(beyond), abs=1e-6)
    assert float(excess.sum()) == pytest.approx(math.radians(beyond), abs=1e-6)


def test_the_right_side_is_the_mirror_image_of_the_left(generator: torch.Generator):
    """Turns about y and z change their signs."""
    pairs = [(joint, Joint[joint.name.replace("LEFT", "RIGHT")]) for joint in Joint if "LEFT" in joint.name]
    assert len(pairs) == 9
    body = _poses(generator)
    image = body * torch.tensor([1.0, -1.0, -1.0])
    for left, right in pairs:
        image[:, [left - 1, right - 1]] = image[:, [right - 1, left - 1]]
    for measure in (_HUMAN.excess, _HUMAN.deviation):
        torch.testing.assert_close(
            measure(image).square().sum((1, 2)), measure(body).square().sum((1, 2)), rtol=1e-5, atol=1e-6
        )


def test_one_spread_away_from_the_relaxed_stance_is_a_deviation_of_one_but_for_bent_knees():
    found = _HUMAN.deviation((_HUMAN.prefers - _HUMAN.spread)[None])
    knees = torch.zeros(1, 23, 3, dtype=torch.bool)
    knees[0, [_KNEE, Joint.RIGHT_KNEE - 1], 0] = True
    torch.testing.assert_close(found[~knees], -torch.ones(67), rtol=0, atol=1e-5)
    assert found[knees].tolist() == pytest.approx([-1.0 / math.sqrt(1.0 + 1.0 / 9.0)] * 2)


def test_bent_knees_cost_hardly_more_the_further_they_bend():
    costs = []
    for degrees in (6.0, 16.0, 46.0, 96.0, 136.0):
        body = _HUMAN.prefers[None].clone()
        body[0, _KNEE, 0] = math.radians(degrees)
        costs.append(float(_HUMAN.deviation(body).square().sum()))
    assert costs == pytest.approx([0.0, 0.9, 5.76, 8.1, 8.55], abs=0.02)


def test_relaxed_arms_hang():
    model = BodyModel.load()
    rotations = torch.cat([torch.zeros(1, 3), _HUMAN.prefers])
    joints = model.joints(BodyPose(rotations, torch.zeros(3), torch.zeros(10)))
    for shoulder, wrist in ((Joint.LEFT_SHOULDER, Joint.LEFT_WRIST), (Joint.RIGHT_SHOULDER, Joint.RIGHT_WRIST)):
        arm = joints[wrist] - joints[shoulder]
        assert float(-arm[1] / arm.norm()) > math.cos(math.radians(35.0))


@pytest.mark.parametrize("name", ["stand", "walk", "sit", "a-pose"])
def test_shipped_poses_of_everyday_life_are_human(name: str):
    assert float(_HUMAN.excess(named_pose(name)[None, 1:]).max()) < math.radians(5.0)


@pytest.mark.parametrize("measure", ["excess", "deviation"])
def test_gradients_are_those_of_the_values(measure: str, generator: torch.Generator):
    double = type(_HUMAN)(**{name: value.double() for name, value in vars(_HUMAN).items()})
    body = _poses(generator)[:1].double().requires_grad_()
    assert torch.autograd.gradcheck(getattr(double, measure), body)
