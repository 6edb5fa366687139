"""Where BlazePose's landmarks lie on the body: each is a mixture of joints and named vertices.

BlazePose's hips and shoulders are not SMPL's joints: its hips lie about 4 % of the stature above the hip joints and 1.5
times as far apart, its shoulders, knees and ankles 1 % above the joints. The offsets were found by running BlazePose on
renderings of the body itself in many poses and views, where the truth is known, and agree with photos whose body
parameters were estimated by others. Mixtures follow pose and shape by themselves, so nothing here is in metres.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.body import BodyModel, BodyPose
from avatars.body.joints import hand_joints


class Landmark(IntEnum):
    """BlazePose's numbering (Bazarevsky et al. 2020); those that the fit uses."""

    NOSE = 0
    LEFT_EYE = 2
    RIGHT_EYE = 5
    LEFT_EAR = 7
    RIGHT_EAR = 8
    LEFT_SHOULDER = 11
    RIGHT_SHOULDER = 12
    LEFT_ELBOW = 13
    RIGHT_ELBOW = 14
    LEFT_WRIST = 15
    RIGHT_WRIST = 16
    LEFT_PINKY = 17
    RIGHT_PINKY = 18
    LEFT_INDEX = 19
    RIGHT_INDEX = 20
    LEFT_HIP = 23
    RIGHT_HIP = 24
    LEFT_KNEE = 25
    RIGHT_KNEE = 26
    LEFT_ANKLE = 27
    RIGHT_ANKLE = 28
    LEFT_HEEL = 29
    RIGHT_HEEL = 30
    LEFT_TOES = 31
    RIGHT_TOES = 32


COUNT = 33
"""How many landmarks BlazePose gives."""


USUAL_SLOPE = 0.12
"""BlazePose's 3D landmarks of people before a level camera lean: the feet lie too far back and the head too far
forward, by this many metres per metre (7 degrees; measured like the offsets above: 0.04 on renderings, 0.13 on
photos, which count more)."""

THIGH_SLOPE, SHIN_SLOPE = -0.07, 0.06
"""What is added to that along legs: most of their lean is below the knees, so that straight legs look bent (renderings
of 100 people who stand: 0.04 along thighs, 0.17 along shins)."""

UPPER_ARM_SLOPE, FOREARM_SLOPE = 0.0, -0.25
"""Arms do not lean with the rest: upper arms are right, and hands that hang are too far forward, by this many metres
per metre of the forearm (the same people: -0.02 and -0.26, with deviations of 4 and 5 cm left)."""

LIMB_SLOPES: Mapping[tuple[int, int], tuple[float, float]] = {
    (23, 25): (1.0, THIGH_SLOPE),
    (24, 26): (1.0, THIGH_SLOPE),
    (25, 27): (1.0, SHIN_SLOPE),
    (26, 28): (1.0, SHIN_SLOPE),
    (11, 13): (0.0, UPPER_ARM_SLOPE),
    (12, 14): (0.0, UPPER_ARM_SLOPE),
    (13, 15): (0.0, FOREARM_SLOPE),
    (14, 16): (0.0, FOREARM_SLOPE),
}
"""Of the bones of limbs, by the landmarks at their near and far ends: share of the body's lean, and their own."""


class Joint(IntEnum):
    """SMPL's numbering; of other skeletons the first 22, all but the hands, have the same numbers."""

    PELVIS = 0
    LEFT_HIP = 1
    RIGHT_HIP = 2
    SPINE1 = 3
    LEFT_KNEE = 4
    RIGHT_KNEE = 5
    SPINE2 = 6
    LEFT_ANKLE = 7
    RIGHT_ANKLE = 8
    SPINE3 = 9
    LEFT_FOOT = 10
    RIGHT_FOOT = 11
    NECK = 12
    LEFT_COLLAR = 13
    RIGHT_COLLAR = 14
    HEAD = 15
    LEFT_SHOULDER = 16
    RIGHT_SHOULDER = 17
    LEFT_ELBOW = 18
    RIGHT_ELBOW = 19
    LEFT_WRIST = 20
    RIGHT_WRIST = 21
    LEFT_HAND = 22
    RIGHT_HAND = 23


@dataclass(frozen=True)
class Mixture:
    """A landmark as a sum of joints and vertices, each times its weight; all weights sum to 1.

    Attributes:
        sigma: How far the landmark usually lies from this point, metres: the inverse of its influence.
        joints: Weights of joints.
        vertices: Weights of vertices, by their name in the body file.
    """

    sigma: float
    joints: Mapping[Joint, float]
    vertices: Mapping[str, float]


_HIP_SPREAD = 0.26  # (spread - 1) / 2 of the hip joints' distance
_HIP_RISE = 0.5  # of the distance from the pelvis to the first spine joint
_SHOULDER_RISE = 0.08  # of the distance from the third spine joint to the neck

_KNEE_RISE = 0.055  # of the thigh
_ANKLE_RISE = 0.05  # of the shin
_INDEX, _PINKY = (0.85, 0.25), (1.0, 0.1)  # of the way to the middle of the hand, and between those fingers' tips
_EAR_INSET = 0.12  # of the distance between the ears: their outermost points stand off the head


def _left_mixtures() -> dict[Landmark, Mixture]:
    j = Joint
    hip = {j.LEFT_HIP: 1 + _HIP_SPREAD, j.RIGHT_HIP: -_HIP_SPREAD, j.SPINE1: _HIP_RISE, j.PELVIS: -_HIP_RISE}
    shoulder = {j.LEFT_SHOULDER: 1.0, j.NECK: _SHOULDER_RISE, j.SPINE3: -_SHOULDER_RISE}
    (index, beside_index), (pinky, beside_pinky) = _INDEX, _PINKY
    return {
        Landmark.NOSE: Mixture(0.02, {}, {"nose": 1.0}),
        Landmark.LEFT_EYE: Mixture(0.02, {}, {"leye": 1.0}),
        Landmark.LEFT_EAR: Mixture(0.025, {}, {"lear": 1.0 - _EAR_INSET, "rear": _EAR_INSET}),
        Landmark.LEFT_SHOULDER: Mixture(0.03, shoulder, {}),
        Landmark.LEFT_ELBOW: Mixture(0.025, {j.LEFT_ELBOW: 1.0}, {}),
        Landmark.LEFT_WRIST: Mixture(0.015, {j.LEFT_WRIST: 1.0}, {}),
        Landmark.LEFT_PINKY: Mixture(
            0.04,
            {j.LEFT_HAND: pinky, j.LEFT_WRIST: 1.0 - pinky},
            {"lpinky": beside_pinky, "lindex": -beside_pinky},
        ),
        Landmark.LEFT_INDEX: Mixture(
            0.04,
            {j.LEFT_HAND: index, j.LEFT_WRIST: 1.0 - index},
            {"lindex": beside_index, "lpinky": -beside_index},
        ),
        Landmark.LEFT_HIP: Mixture(0.04, hip, {}),
        Landmark.LEFT_KNEE: Mixture(0.025, {j.LEFT_KNEE: 1.0 - _KNEE_RISE, j.LEFT_HIP: _KNEE_RISE}, {}),
        Landmark.LEFT_ANKLE: Mixture(0.025, {j.LEFT_ANKLE: 1.0 - _ANKLE_RISE, j.LEFT_KNEE: _ANKLE_RISE}, {}),
        Landmark.LEFT_HEEL: Mixture(0.03, {}, {"LHeel": 1.0}),
        Landmark.LEFT_TOES: Mixture(0.03, {}, {"LBigToe": 0.6, "LSmallToe": 0.4}),
    }


_SWAPPED_JOINT = {joint: Joint[joint.name.replace("LEFT", "RIGHT")] for joint in Joint if "LEFT" in joint.name}
_SWAPPED_JOINT |= {right: left for left, right in _SWAPPED_JOINT.items()}
_SWAPPED_INITIAL = {"l": "r", "r": "l", "L": "R"}


def _mirror(mixture: Mixture) -> Mixture:
    joints = {_SWAPPED_JOINT.get(joint, joint): weight for joint, weight in mixture.joints.items()}
    vertices = {_SWAPPED_INITIAL[name[0]] + name[1:]: weight for name, weight in mixture.vertices.items()}
    return Mixture(mixture.sigma, joints, vertices)


def _all_mixtures() -> dict[Landmark, Mixture]:
    left = _left_mixtures()
    right = {Landmark[name.name.replace("LEFT", "RIGHT")]: _mirror(left[name]) for name in left if name.value}
    return dict(sorted((left | right).items()))


MIXTURES = _all_mixtures()
"""One mixture for each landmark that the fit uses, in BlazePose's order."""

USED = tuple(landmark.value for landmark in MIXTURES)
"""Their BlazePose numbers."""

VERTEX_NAMES = tuple(sorted({name for mixture in MIXTURES.values() for name in mixture.vertices}))
"""Names of the vertices that the mixtures use."""


@dataclass(frozen=True)
class LandmarkRegressor:
    """The mixtures as matrices over the joints and chosen vertices.

    Attributes:
        from_joints: Weights of the joints.
        from_vertices: Weights of the vertices of `vertices`.
        vertices: Which vertices of the body are mixed.
        sigma: See `Mixture`, metres.
    """

    from_joints: Float[Tensor, "l j"]
    from_vertices: Float[Tensor, "l m"]
    vertices: Int[Tensor, "m"]
    sigma: Float[Tensor, "l"]

    @staticmethod
    def of(model: BodyModel) -> "LandmarkRegressor":
        """`MIXTURES` on a body model."""
        from_joints = torch.zeros(len(MIXTURES), len(model.joint_names))
        from_vertices = torch.zeros(len(MIXTURES), len(VERTEX_NAMES))
        left, right = hand_joints(model.joint_names)
        hands: dict[Joint, int] = {Joint.LEFT_HAND: left, Joint.RIGHT_HAND: right}
        for row, mixture in enumerate(MIXTURES.values()):
            for joint, weight in mixture.joints.items():
                from_joints[row, hands.get(joint, joint)] = weight
            for name, weight in mixture.vertices.items():
                from_vertices[row, VERTEX_NAMES.index(name)] = weight
        vertices = model.vertices_at(VERTEX_NAMES)
        return LandmarkRegressor(
            from_joints, from_vertices, vertices, torch.tensor([mixture.sigma for mixture in MIXTURES.values()])
        )

    def __call__(self, joints: Float[Tensor, "*b j 3"], vertices: Float[Tensor, "*b m 3"]) -> Float[Tensor, "*b l 3"]:
        """The landmarks, in the order of `USED`, from posed joints and the posed `vertices`. Differentiable."""
        return self.from_joints @ joints + self.from_vertices @ vertices


def posed_landmarks(model: BodyModel, regressor: LandmarkRegressor, pose: BodyPose) -> Float[Tensor, "*b l 3"]:
    """Where the landmarks of a posed body lie, in the order of `USED`, metres. Differentiable."""
    body = model.subset(regressor.vertices).pose(pose)
    return regressor(body.joints, body.vertices)
