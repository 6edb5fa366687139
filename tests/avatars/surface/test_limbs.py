import math

import pytest
import torch
from torch import Tensor

from avatars.body import BodyModel
from avatars.body.joints import JOINT_NAMES
from avatars.surface.limbs import LIMBS, NAMES, hangs_as, memberships, unrolled

_LIMB = dict(zip(NAMES, LIMBS, strict=True))
_HANGING = ("cloth", "hair")
_MIRRORED = torch.tensor([-1.0, 1.0, 1.0])
_PAIRS = [
    ("left arm", "right arm"),
    ("left hand", "right hand"),
    ("left leg", "right leg"),
    ("left foot", "right foot"),
]


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


def _tube(center: tuple[float, float], angle: Tensor, along: Tensor, axis: str) -> Tensor:
    """Points on a tube of radius 0.1 whose angle runs from the front to the left (y axis) or upwards (x axis)."""
    forward, side = center[1] + 0.1 * angle.cos(), center[0] + 0.1 * angle.sin()
    return torch.stack([side, along, forward] if axis == "y" else [along, side, forward], -1)


def _grid(count: int = 90) -> tuple[Tensor, Tensor]:
    angle = (torch.arange(count) + 0.5) / count * 2.0 * math.pi - math.pi
    along = torch.linspace(0.2, 0.8, 61)
    return tuple(t.reshape(-1) for t in torch.meshgrid(angle, along, indexing="ij"))  # type: ignore[return-value]


def test_every_joint_is_in_exactly_one_limb():
    assert sorted(joint for limb in LIMBS for joint in limb.joints) == sorted(JOINT_NAMES)


def test_memberships_are_shares_of_the_skin_weights(generator: torch.Generator):
    weights = torch.rand(50, 24, generator=generator).softmax(-1)
    member = memberships(weights, JOINT_NAMES)
    torch.testing.assert_close(member.sum(-1), torch.ones(50))
    for limb, column in zip(LIMBS, member.T, strict=True):
        expected = sum((weights[:, JOINT_NAMES.index(joint)] for joint in limb.joints), torch.zeros(50))
        torch.testing.assert_close(column, expected)


def test_mirrors_are_mutual_and_of_one_shape():
    for limb in LIMBS:
        other = _LIMB[limb.mirror]
        assert other.mirror == limb.name
        assert (other.along, other.start, other.turn, other.columns) == (
            limb.along,
            limb.start,
            limb.turn,
            limb.columns,
        )
        assert limb.symmetric == (limb.name in ("torso", "head", "cloth", "hair"))
        assert limb.flip == limb.name.startswith("right")


@pytest.mark.parametrize("pair", _PAIRS)
def test_mirrored_points_have_the_same_coordinates_on_the_other_side(model: BodyModel, pair: tuple[str, str]):
    left, right = (_LIMB[name] for name in pair)
    member = memberships(model.weights, model.joint_names)[:, LIMBS.index(left)]
    points, member = model.template[member > 0.02], member[member > 0.02]
    length, angle = unrolled(left, points, member)
    other_length, other_angle = unrolled(right, points * _MIRRORED, member)
    assert torch.equal(length, other_length)
    assert torch.equal(angle, other_angle)


@pytest.mark.parametrize("name", ["torso", "head"])
def test_mirrored_points_of_a_trunk_have_opposite_angles(model: BodyModel, name: str):
    member = memberships(model.weights, model.joint_names)[:, NAMES.index(name)]
    points, member = model.template[member > 0.5], member[member > 0.5]
    length, angle = unrolled(_LIMB[name], points, member)
    other_length, other_angle = unrolled(_LIMB[name], points * _MIRRORED, member)
    torch.testing.assert_close(length, other_length)
    # The axis lies in the plane of symmetry, so only rounding and the extents in depth remain.
    torch.testing.assert_close(angle.cos(), other_angle.cos(), atol=1e-4, rtol=0)
    torch.testing.assert_close(angle.sin(), -other_angle.sin(), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("name", "axis"), [("left leg", "y"), ("left arm", "x"), ("left foot", "y")])
def test_a_tubes_points_get_their_own_angle_and_length(name: str, axis: str):
    angle, along = _grid()
    points = _tube((0.15, 0.05), angle, along, axis)
    length, found = unrolled(_LIMB[name], points, torch.ones(len(points)))
    torch.testing.assert_close(length, along)
    assert (found - angle).abs().max() < 0.02


def test_angle_0_is_the_front_and_a_quarter_turn_is_left_or_up(model: BodyModel):
    angle = torch.tensor([0.0, math.pi / 2.0, math.pi, -math.pi / 2.0]).repeat(40)
    along = torch.linspace(0.0, 0.5, 40).repeat_interleave(4)
    for name, axis in (("torso", "y"), ("left arm", "x")):
        _, found = unrolled(_LIMB[name], _tube((0.0, 0.0), angle, along, axis), torch.ones(160))
        torch.testing.assert_close(found.reshape(40, 4)[:, 0], torch.zeros(40), atol=1e-5, rtol=0)
        torch.testing.assert_close(found.reshape(40, 4)[:, 1], torch.full((40,), math.pi / 2.0), atol=1e-5, rtol=0)


def test_the_axis_runs_through_the_extent_and_not_to_where_points_crowd():
    angle, along = _grid()
    points = _tube((0.15, 0.05), angle, along, "y")
    crowd = points[points[:, 2] > 0.1].repeat(20, 1)
    crowded = torch.cat([points, crowd])
    _, found = unrolled(_LIMB["left leg"], crowded, torch.ones(len(crowded)))
    assert (found[: len(points)] - angle).abs().max() < 0.02


def test_only_points_that_belong_wholly_say_where_the_axis_runs():
    angle, along = _grid()
    points = _tube((0.15, 0.05), angle, along, "y")
    stray = torch.tensor([[2.0, 0.5, 0.0]])
    member = torch.cat([torch.ones(len(points)), torch.tensor([0.1])])
    _, found = unrolled(_LIMB["left leg"], torch.cat([points, stray]), member)
    assert (found[:-1] - angle).abs().max() < 0.02
    assert found[-1] == pytest.approx(math.pi / 2.0, abs=0.1)


def test_the_axis_follows_a_leaning_limb_and_goes_on_beyond_gaps():
    angle, along = _grid()
    lean = 0.3 * along
    points = _tube((0.0, 0.0), angle, along, "y") + torch.stack([lean, 0.0 * lean, 0.0 * lean], -1)
    kept = (along < 0.4) | (along > 0.5)
    _, found = unrolled(_LIMB["left leg"], points[kept], torch.ones(int(kept.sum())))
    error = torch.remainder(found - angle[kept] + math.pi, 2.0 * math.pi) - math.pi
    assert error.abs().max() < 0.15
    middle = (along[kept] > 0.25) & (along[kept] < 0.38)
    assert error[middle].abs().max() < 0.05


def test_length_runs_along_the_limb(model: BodyModel):
    member = memberships(model.weights, model.joint_names)
    for name, near, far in (("left arm", 16, 20), ("right arm", 17, 21), ("left hand", 20, 22)):
        chosen = torch.stack([model.joint_template[near], model.joint_template[far]])
        core = member[:, NAMES.index(name)] > 0.02
        points = torch.cat([model.template[core], chosen])
        weight = torch.cat([member[core, NAMES.index(name)], torch.zeros(2)])
        length, _ = unrolled(_LIMB[name], points, weight)
        assert length[-1] > length[-2] + 0.05  # Outwards, on both sides.
    for name, near, far in (("left leg", 1, 7), ("right leg", 2, 8), ("torso", 12, 0)):
        assert model.joint_template[near, _LIMB[name].along] > model.joint_template[far, _LIMB[name].along]


def test_hands_and_clothed_limbs_are_named():
    assert [limb.name for limb in LIMBS if limb.is_hand] == ["left hand", "right hand"]
    assert [limb.name for limb in LIMBS if limb.is_clothed] == ["torso", "left leg", "right leg", "cloth"]
    assert [limb.name for limb in LIMBS if limb.has_prints] == ["torso", "cloth"]
    assert [hangs_as(kind) for kind in ("hull", "sheet", "hair", "leg", "sleeve")] == [
        "cloth",
        "cloth",
        "hair",
        None,
        None,
    ]
    assert set(_HANGING) <= set(NAMES)
