"""Names of a body's joints in the words of VRM 1.0's humanoid, which other tools map to their own skeletons.

VRM 1.0, "Humanoid bone", https://github.com/vrm-c/vrm-specification/blob/master/specification/VRMC_vrm-1.0/humanoid.md
"""

from collections.abc import Mapping, Sequence

_MIDDLE: Mapping[str, str] = {
    "pelvis": "hips",
    "spine1": "spine",
    "spine2": "chest",
    "spine3": "upperChest",
    "neck": "neck",
    "head": "head",
    "jaw": "jaw",
    "left_eye_smplhf": "leftEye",
    "right_eye_smplhf": "rightEye",
}
_LIMBS: Mapping[str, str] = {
    "collar": "Shoulder",
    "shoulder": "UpperArm",
    "elbow": "LowerArm",
    "wrist": "Hand",
    "hip": "UpperLeg",
    "knee": "LowerLeg",
    "ankle": "Foot",
    "foot": "Toes",
}
_FINGERS: Mapping[str, str] = {
    "index": "Index",
    "middle": "Middle",
    "ring": "Ring",
    "pinky": "Little",
    "thumb": "Thumb",
}
_PHALANGES = ("Proximal", "Intermediate", "Distal")
_THUMB = ("Metacarpal", "Proximal", "Distal")
_OTHERS: Mapping[str, str] = {"left_hand": "leftFingers", "right_hand": "rightFingers"}
"""Joints that no humanoid bone stands for: SMPL's, which turn all fingers of a hand at once."""

REQUIRED = (
    "hips",
    "spine",
    "head",
    *(f"{side}{bone}" for side in ("left", "right") for bone in ("UpperLeg", "LowerLeg", "Foot")),
    *(f"{side}{bone}" for side in ("left", "right") for bone in ("UpperArm", "LowerArm", "Hand")),
)
"""Bones that a VRM 1.0 humanoid must have."""


def humanoid_bones(joints: Sequence[str]) -> dict[str, str]:
    """The humanoid bone of each joint that has one, by the joint's name.

    Args:
        joints: SMPL's, SMPL-H's or SMPL-X's names.

    >>> humanoid_bones(["pelvis", "left_wrist", "left_hand", "right_thumb1"])
    {'pelvis': 'hips', 'left_wrist': 'leftHand', 'right_thumb1': 'rightThumbMetacarpal'}
    """
    found = {joint: _bone(joint) for joint in joints}
    return {joint: bone for joint, bone in found.items() if bone is not None}


def node_names(joints: Sequence[str]) -> tuple[str, ...]:
    """What joints are called in exported files: their humanoid bone where they have one.

    >>> node_names(["left_elbow", "left_hand"])
    ('leftLowerArm', 'leftFingers')
    """
    bones = humanoid_bones(joints)
    return tuple(bones.get(joint, _OTHERS.get(joint, joint)) for joint in joints)


def _bone(joint: str) -> str | None:
    if joint in _MIDDLE:
        return _MIDDLE[joint]
    side, _, part = joint.partition("_")
    if part in _LIMBS:
        return side + _LIMBS[part]
    finger, number = part[:-1], part[-1:]
    if finger in _FINGERS and number in ("1", "2", "3"):
        bones = _THUMB if finger == "thumb" else _PHALANGES
        return f"{side}{_FINGERS[finger]}{bones[int(number) - 1]}"
    return None
