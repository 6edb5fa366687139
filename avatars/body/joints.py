"""Names of joints: SMPL's 24, and which of them the further joints of other skeletons belong to.

The first 22 are the same, in the same order, in SMPL, SMPL-H and SMPL-X. Then SMPL has one joint in each hand, SMPL-H
fifteen finger joints a hand, and SMPL-X a jaw, two eyes and those fingers.
"""

from collections.abc import Collection, Sequence

import numpy as np
from jaxtyping import Int

JOINT_NAMES: tuple[str, ...] = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand",
)  # fmt: skip
"""SMPL's 24 joints in order."""

COMMON = 22
"""How many of them, the first ones, every skeleton has."""

LEFT_FINGERS, RIGHT_FINGERS = (
    tuple(f"{side}_{finger}{k}" for finger in ("index", "middle", "pinky", "ring", "thumb") for k in (1, 2, 3))
    for side in ("left", "right")
)
"""The fifteen joints of each hand of SMPL-H and SMPL-X, from the knuckles outwards."""

SMPLH_JOINT_NAMES = (*JOINT_NAMES[:COMMON], *LEFT_FINGERS, *RIGHT_FINGERS)
"""SMPL-H's 52 joints in order."""

FACE_JOINT_NAMES = ("jaw", "left_eye_smplhf", "right_eye_smplhf")
"""What SMPL-X has before its fingers."""

SMPLX_JOINT_NAMES = (*JOINT_NAMES[:COMMON], *FACE_JOINT_NAMES, *LEFT_FINGERS, *RIGHT_FINGERS)
"""SMPL-X's 55 joints in order."""

JOINTS_BY_COUNT = {len(names): names for names in (JOINT_NAMES, SMPLH_JOINT_NAMES, SMPLX_JOINT_NAMES)}
"""The joints of the three skeletons: files tell them apart by how many there are."""


def smpl_joint(name: str) -> str:
    """The joint of SMPL that a joint is or belongs to: fingers to the hands, the jaw and the eyes to the head.

    >>> smpl_joint("left_index2"), smpl_joint("jaw"), smpl_joint("left_knee")
    ('left_hand', 'head', 'left_knee')
    """
    if name in JOINT_NAMES:
        return name
    return "head" if name in FACE_JOINT_NAMES else f"{name.split('_')[0]}_hand"


def smpl_indices(names: Sequence[str]) -> Int[np.ndarray, "j"]:
    """For each joint the index of the joint of SMPL that it is or belongs to."""
    return np.array([JOINT_NAMES.index(smpl_joint(name)) for name in names])


def belonging(names: Sequence[str], wanted: Collection[str]) -> list[int]:
    """Indices of the joints that are some of SMPL's, or belong to them.

    Args:
        names: The skeleton's joints.
        wanted: Names of joints of SMPL.
    """
    return [index for index, name in enumerate(names) if smpl_joint(name) in wanted]


def hand_joints(names: Sequence[str]) -> tuple[int, int]:
    """The joints in the middle of the left and the right hand: SMPL's own, or the knuckles of the middle fingers."""
    knuckle = "hand" if "left_hand" in names else "middle1"
    return names.index(f"left_{knuckle}"), names.index(f"right_{knuckle}")
