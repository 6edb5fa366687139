import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.joints import JOINT_NAMES, SMPLX_JOINT_NAMES
from avatars.body.skinning import blend
from avatars.export.bone_names import REQUIRED, humanoid_bones, node_names
from avatars.export.rig import RestSkeleton, SkinWeights

_BY_HAND = {
    "left_hip": "leftUpperLeg", "right_knee": "rightLowerLeg", "left_ankle": "leftFoot", "right_foot": "rightToes",
    "left_collar": "leftShoulder", "right_shoulder": "rightUpperArm", "left_elbow": "leftLowerArm",
    "right_wrist": "rightHand", "spine3": "upperChest", "head": "head",
}  # fmt: skip


def test_bones_are_those_of_the_humanoid():
    found = humanoid_bones(JOINT_NAMES)
    assert {joint: found[joint] for joint in _BY_HAND} == _BY_HAND
    assert set(REQUIRED) <= set(found.values())
    assert len(REQUIRED) == 15


def test_fingers_have_the_humanoids_names():
    found = humanoid_bones(SMPLX_JOINT_NAMES)
    assert found["left_pinky2"] == "leftLittleIntermediate"
    assert found["right_thumb1"] == "rightThumbMetacarpal"
    assert found["right_thumb3"] == "rightThumbDistal"
    assert found["jaw"] == "jaw"
    assert len(found) == len(SMPLX_JOINT_NAMES)


def test_all_nodes_have_names_of_their_own():
    for joints in (JOINT_NAMES, SMPLX_JOINT_NAMES):
        assert len(set(node_names(joints))) == len(joints)


def test_rare_joints_give_their_share_to_the_strongest(generator: torch.Generator):
    weights = torch.rand(20, 7, generator=generator)
    weights /= weights.sum(1, keepdim=True)
    kept = SkinWeights.strongest(weights, 3)
    torch.testing.assert_close(kept.weights.sum(1), torch.ones(20))
    for row, joints, few in zip(weights, kept.joints, kept.weights, strict=True):
        assert set(joints.tolist()) == set(row.argsort(descending=True)[:3].tolist())
        torch.testing.assert_close(few, row[joints] / row[joints].sum())


def test_few_joints_blend_as_all_do_where_the_others_have_nothing(model: BodyModel, generator: torch.Generator):
    weights = model.weights[(model.weights > 0.0).sum(1) <= 4]
    pose = BodyPose(torch.randn(24, 3, generator=generator), torch.zeros(3), torch.zeros(10))
    maps = model.pose(pose).joints_from_rest
    torch.testing.assert_close(SkinWeights.strongest(weights).blended(maps), blend(weights, maps), atol=1e-5, rtol=1e-5)


def test_steps_lead_from_parent_to_child(generator: torch.Generator):
    places = torch.rand(4, 3, generator=generator)
    steps = RestSkeleton(("a", "b", "c", "d"), (-1, 0, 1, 1), places).steps
    torch.testing.assert_close(steps[0] + steps[1] + steps[3], places[3])
