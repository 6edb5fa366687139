"""Joints by name: which of SMPL's each of another skeleton's belongs to."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from avatars.body import BodyModel
from avatars.body.joints import COMMON, JOINT_NAMES, belonging, hand_joints, smpl_indices, smpl_joint
from avatars.body.named_rotations import expand_rotations
from avatars.body.parts import PART_NAMES, face_parts, vertex_segments
from avatars.body_fit.anatomy import anatomy

_FINGERS = tuple(
    f"{side}_{finger}{knuckle}"
    for side in ("left", "right")
    for finger in ("index", "middle", "pinky", "ring", "thumb")
    for knuckle in (1, 2, 3)
)
_SMPLX = (*JOINT_NAMES[:COMMON], "jaw", "left_eye_smplhf", "right_eye_smplhf", *_FINGERS)


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


def _of(names: Sequence[str], wanted: str) -> tuple[str, ...]:
    return tuple(names[index] for index in belonging(names, (wanted,)))


@pytest.mark.parametrize("names", [JOINT_NAMES, (*JOINT_NAMES[:COMMON], *_FINGERS), _SMPLX])
def test_each_joint_belongs_to_the_one_of_smpl_on_its_side(names: Sequence[str]):
    for name, index in zip(names, smpl_indices(names), strict=True):
        assert JOINT_NAMES[index] == smpl_joint(name)
        assert smpl_joint(name).split("_")[0] == name.split("_")[0] or smpl_joint(name) == "head"


def test_fingers_belong_to_the_hands_and_the_face_to_the_head():
    assert {_of(_SMPLX, "left_hand"), _of(_SMPLX, "right_hand")} == {_FINGERS[:15], _FINGERS[15:]}
    assert _of(_SMPLX, "head") == ("head", "jaw", "left_eye_smplhf", "right_eye_smplhf")


def test_the_middle_of_a_hand_is_its_joint_or_its_middle_knuckle():
    assert hand_joints(JOINT_NAMES) == (22, 23)
    assert [_SMPLX[index] for index in hand_joints(_SMPLX)] == ["left_middle1", "right_middle1"]


def test_parts_and_segments_are_those_of_the_joints_of_smpl(model: BodyModel):
    """The shipped body's hands, shared out among fingers, stay hands."""
    weights, faces = model.weights.numpy(), model.faces.numpy()
    split = np.zeros((len(weights), len(_SMPLX)), np.float32)
    split[:, :COMMON] = weights[:, :COMMON]
    for hand, first in ((22, 25), (23, 40)):
        split[:, first : first + 15] = weights[:, hand, None] * np.linspace(0.0, 2.0 / 15.0, 15, dtype=np.float32)
    np.testing.assert_array_equal(face_parts(split, faces, _SMPLX), face_parts(weights, faces, JOINT_NAMES))
    np.testing.assert_array_equal(vertex_segments(split, _SMPLX), vertex_segments(weights, JOINT_NAMES))
    assert PART_NAMES[face_parts(split, faces, _SMPLX).max()] == "neck"


def test_rotations_go_to_the_joints_of_their_names(model: BodyModel, generator: torch.Generator):
    names = [name for name in reversed(_SMPLX) if name not in ("jaw", "left_knee")]
    rotations = torch.randn(2, len(names), 3, generator=generator)
    fingers = replace(model, joint_names=_SMPLX)
    found = expand_rotations(rotations, names, fingers)
    assert found.shape == (2, 55, 3)
    for index, name in enumerate(_SMPLX):
        expected = rotations[:, names.index(name)] if name in names else torch.zeros(2, 3)
        torch.testing.assert_close(found[:, index], expected)


def test_rotations_of_fingers_are_left_out_where_there_are_none(model: BodyModel, generator: torch.Generator):
    rotations = torch.randn(55, 3, generator=generator)
    found = expand_rotations(rotations, _SMPLX, model)
    torch.testing.assert_close(found[:COMMON], rotations[:COMMON])
    assert found.shape == (24, 3)
    assert not found[COMMON:].any()


def test_the_same_skeleton_keeps_all_its_rotations(model: BodyModel, generator: torch.Generator):
    rotations = torch.randn(24, 3, generator=generator)
    torch.testing.assert_close(expand_rotations(rotations, JOINT_NAMES, model), rotations)


def test_a_skeleton_with_fingers_is_fitted_up_to_the_wrists():
    short, whole = anatomy(_SMPLX), anatomy()
    assert len(whole.low) == 23
    torch.testing.assert_close(short.low, whole.low[:21])
    torch.testing.assert_close(short.prefers, whole.prefers[:21])
