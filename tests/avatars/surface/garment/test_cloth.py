import numpy as np
import pytest
import torch

from avatars.body import BodyModel
from avatars.body.joints import JOINT_NAMES
from avatars.surface.garment.cloth import ClothConfig, body_weights, hair_weights, hanging_weights

_MIRROR = [
    JOINT_NAMES.index(_n.replace("left", "*").replace("right", "left").replace("*", "right")) for _n in JOINT_NAMES
]


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


@pytest.fixture(scope="module")
def joints(model: BodyModel):
    return model.joint_template.double().numpy()


def _places(generator: torch.Generator, low: float, high: float):
    place = torch.rand(500, 3, generator=generator, dtype=torch.float64).numpy() - 0.5
    place[:, 1] = low + (high - low) * (place[:, 1] + 0.5)
    return place


def test_weights_of_cloth_and_hair_sum_to_one(joints: np.ndarray, generator: torch.Generator):
    cloth = hanging_weights(_places(generator, -1.2, 0.2), (0.0, 0.0), joints)
    hair = hair_weights(_places(generator, -0.3, 0.6), joints)
    for weights in (cloth, hair):
        assert np.allclose(weights.sum(-1), 1.0)
        assert (weights >= 0.0).all()


def test_a_skeleton_with_fingers_gets_a_weight_for_each_of_its_joints(joints: np.ndarray, generator: torch.Generator):
    """The joints that cloth and hair follow are the same in all skeletons; fingers carry none of them."""
    longer = np.concatenate([joints[:22], np.zeros((33, 3))])
    place = _places(generator, -1.2, 0.6)
    for weights, expected in (
        (hanging_weights(place, (0.0, 0.0), longer), hanging_weights(place, (0.0, 0.0), joints)),
        (hair_weights(place, longer), hair_weights(place, joints)),
    ):
        assert weights.shape == (500, 55)
        np.testing.assert_array_equal(weights[:, :22], expected[:, :22])
        assert not weights[:, 22:].any()


def test_left_and_right_cloth_go_with_mirrored_joints(joints: np.ndarray, generator: torch.Generator):
    symmetric = joints.copy()
    symmetric[:, 0] = 0.5 * (joints[:, 0] - joints[_MIRROR, 0])
    symmetric[:, 1:] = 0.5 * (joints[:, 1:] + joints[_MIRROR, 1:])
    place = _places(generator, -1.2, 0.2)
    one = hanging_weights(place, (0.0, 0.0), symmetric)
    other = hanging_weights(place * [-1.0, 1.0, 1.0], (0.0, 0.0), symmetric)
    assert np.allclose(one, other[:, _MIRROR])


def test_front_is_shared_by_both_legs_and_sides_by_none(joints: np.ndarray):
    place = np.array([[0.0, -0.7, 0.3], [0.3, -0.7, 0.0], [-0.3, -0.7, 0.0]])
    weights = hanging_weights(place, (0.0, 0.0), joints)
    left = weights[:, [JOINT_NAMES.index("left_hip"), JOINT_NAMES.index("left_knee")]].sum(1)
    right = weights[:, [JOINT_NAMES.index("right_hip"), JOINT_NAMES.index("right_knee")]].sum(1)
    assert left[0] == pytest.approx(right[0])
    assert right[1] == 0.0
    assert left[2] == 0.0


def test_longer_cloth_follows_the_pelvis_more(joints: np.ndarray):
    heights = np.linspace(-0.5, -1.1, 7)
    place = np.stack([np.full(7, 0.2), heights, np.zeros(7)], 1)
    pelvis = hanging_weights(place, (0.0, 0.0), joints, ClothConfig(loose=0.4))[:, 0]
    assert (np.diff(pelvis) > 0.0).all()
    assert hanging_weights(np.array([[0.2, 0.1, 0.0]]), (0.0, 0.0), joints)[0, 0] == 1.0


def test_hair_goes_with_the_head_above_and_the_chest_below(joints: np.ndarray):
    place = np.array([[0.0, 0.5, -0.1], [0.0, 0.1, -0.15]])
    weights = hair_weights(place, joints)
    assert weights[0, JOINT_NAMES.index("head")] == 1.0
    assert weights[1, JOINT_NAMES.index("spine3")] == 1.0


def test_cloth_on_the_body_has_the_weights_of_the_body(model: BodyModel):
    vertices, weights = model.template.double().numpy(), model.weights.double().numpy()
    chosen = np.arange(0, len(vertices), 97)
    found = body_weights(vertices[chosen], vertices, weights)
    assert np.abs(found - weights[chosen]).max() < 0.25
    assert np.abs(found - weights[chosen]).mean() < 0.005
