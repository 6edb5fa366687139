"""Skeletons of several programs with our body's proportions, and angles for them."""

import numpy as np

from avatars.body.joints import JOINT_NAMES
from tests.avatars.motion.bodies import body
from tests.avatars.motion.bvh_writer import Skeleton

MIXAMO = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    "left_hip": "LeftUpLeg", "left_knee": "LeftLeg", "left_ankle": "LeftFoot", "left_foot": "LeftToeBase",
    "left_collar": "LeftShoulder", "left_shoulder": "LeftArm", "left_elbow": "LeftForeArm", "left_wrist": "LeftHand",
}  # fmt: skip
BIPED = {
    "pelvis": "Pelvis", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    "left_hip": "L Thigh", "left_knee": "L Calf", "left_ankle": "L Foot", "left_foot": "L Toe0",
    "left_collar": "L Clavicle", "left_shoulder": "L UpperArm", "left_elbow": "L Forearm", "left_wrist": "L Hand",
}  # fmt: skip
XSENS = {
    "pelvis": "Hips", "spine1": "Chest", "spine2": "Chest2", "spine3": "Chest3", "neck": "Neck", "head": "Head",
    "left_hip": "LeftHip", "left_knee": "LeftKnee", "left_ankle": "LeftAnkle", "left_foot": "LeftToe",
    "left_collar": "LeftCollar", "left_shoulder": "LeftShoulder", "left_elbow": "LeftElbow", "left_wrist": "LeftWrist",
}  # fmt: skip
CMU = {
    "pelvis": "root", "spine1": "lowerback", "spine2": "upperback", "spine3": "thorax", "neck": "lowerneck",
    "head": "head", "left_hip": "lfemur", "left_knee": "ltibia", "left_ankle": "lfoot", "left_foot": "ltoes",
    "left_collar": "lclavicle", "left_shoulder": "lhumerus", "left_elbow": "lradius", "left_wrist": "lhand",
}  # fmt: skip
ROKOKO = {**MIXAMO, "left_hip": "LeftThigh", "left_knee": "LeftShin", "left_foot": "LeftToe"}
SMPL = {name: name for name in JOINT_NAMES[:22]}
CONVENTIONS = {
    "mixamo": ("mixamorig:", MIXAMO), "biped": ("Bip01 ", BIPED), "xsens": ("", XSENS), "cmu": ("", CMU),
    "rokoko": ("", ROKOKO), "smpl": ("", SMPL), "amass": ("", {k: k.replace("left_", "L_") for k in SMPL}),
}  # fmt: skip


def theirs(ours: str, names: dict[str, str]) -> str:
    """A convention's name of one of our joints."""
    if ours in names:
        return names[ours]
    left = names[ours.replace("right_", "left_")]
    for start, other in (("left_", "right_"), ("Left", "Right"), ("L ", "R "), ("L_", "R_"), ("l", "r")):
        if left.startswith(start):
            return other + left.removeprefix(start)
    raise KeyError(ours)


def like_ours(convention: str = "mixamo", *, scale: float = 1.0, order: str = "ZXY") -> Skeleton:
    """The 22 joints of our mean body in its T-pose under other names, in any unit."""
    prefix, names = CONVENTIONS[convention]
    rest = body().joint_template[:22].double().numpy() * scale
    parents = list(body().parents[:22])
    offsets = np.stack([rest[j] - (rest[p] if p >= 0 else 0.0) for j, p in enumerate(parents)])
    return Skeleton([prefix + theirs(name, names) for name in JOINT_NAMES[:22]], parents, offsets, order)


def wriggling(joints: int, frames: int = 4, *, size: float = 25.0, seed: int = 0) -> np.ndarray:
    """Angles that differ from joint to joint and frame to frame, degrees; the root turns most."""
    random = np.random.default_rng(seed)
    angles = random.uniform(-size, size, (frames, joints, 3))
    angles[:, 0] = random.uniform(-12.0, 12.0, (frames, 3))
    return angles


def walking_root(frames: int, *, scale: float = 1.0) -> np.ndarray:
    """A way of the root, in the file's unit."""
    time = np.arange(frames)[:, None]
    return scale * (np.array([[0.3, 0.95, -1.0]]) + time * np.array([[0.05, 0.01, 0.2]]))
