"""How people stand before the camera, in degrees about each joint's axes: turns about x, y and z, in this order."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body import BodyModel, BodyPose
from avatars.body.joints import JOINT_NAMES

Stance = dict[str, tuple[int, int, int]]

STANCES: dict[str, Stance] = {
    # Weight on the right leg.
    "relaxed": {
        "left_hip": (-7, 8, 7), "right_hip": (-1, -4, -3), "left_knee": (12, 0, 0), "right_knee": (2, 0, 0),
        "left_ankle": (-6, 4, -4), "right_ankle": (-2, 0, 3), "spine1": (2, 2, 2), "spine3": (0, 3, 1),
        "neck": (2, 3, 0), "head": (8, 5, 2), "left_collar": (0, 0, -6), "right_collar": (0, 0, 7),
        "left_shoulder": (6, 4, -57), "right_shoulder": (2, -4, 61), "left_elbow": (0, -22, 0),
        "right_elbow": (0, 16, 0), "left_wrist": (18, 0, -3), "right_wrist": (8, 0, 6),
    },
    "upright": {
        "left_hip": (0, 3, 4), "right_hip": (0, -3, -4), "head": (4, 0, 0), "left_collar": (0, 0, -4),
        "right_collar": (0, 0, 4), "left_shoulder": (2, 0, -54), "right_shoulder": (2, 0, 54),
        "left_elbow": (0, -10, 0), "right_elbow": (0, 10, 0),
    },
    "open": {
        "left_hip": (0, 6, 8), "right_hip": (0, -6, -8), "left_ankle": (0, 0, -4), "right_ankle": (0, 0, 4),
        "head": (3, 0, 0), "left_shoulder": (0, 0, -42), "right_shoulder": (0, 0, 42), "left_elbow": (0, -14, 0),
        "right_elbow": (0, 14, 0),
    },
    "step": {
        "left_hip": (-16, 3, 3), "right_hip": (9, -2, -3), "left_knee": (7, 0, 0), "right_knee": (8, 0, 0),
        "left_ankle": (5, 0, 0), "spine1": (0, -3, 0), "spine3": (0, 5, 0), "head": (3, 0, 0),
        "left_shoulder": (14, 8, -54), "right_shoulder": (-14, 8, 52), "left_elbow": (0, -16, 0),
        "right_elbow": (0, 22, 0),
    },
    "gesture": {
        "left_hip": (-2, 5, 5), "right_hip": (0, -4, -4), "left_knee": (4, 0, 0), "spine3": (0, -4, -2),
        "head": (3, -8, 0), "left_shoulder": (0, -22, -30), "right_shoulder": (2, 0, 56), "left_elbow": (0, -58, 0),
        "right_elbow": (0, 12, 0),
    },
    "weight-left": {
        "left_hip": (0, 4, 3), "right_hip": (-8, -8, -8), "right_knee": (13, 0, 0), "right_ankle": (-5, -4, 5),
        "spine1": (2, -2, -2), "spine3": (0, -3, -1), "neck": (1, -3, 0), "head": (5, -6, -2),
        "left_collar": (0, 0, -5), "right_collar": (0, 0, 5), "left_shoulder": (4, 4, -58),
        "right_shoulder": (-4, -6, 47), "left_elbow": (0, -14, 0), "right_elbow": (0, 30, 0),
    },
}  # fmt: skip


def stance_rotations(stance: Stance, *, yaw: float, roll: float = -1.5) -> Float[Tensor, "24 3"]:
    """Axis-angles, radians, of one who stands in an OpenCV camera's frame.

    Args:
        stance: The turns of the joints.
        yaw: How far the person is turned towards the image's left, degrees; at 0 the camera sees the front.
        roll: How far the person leans to a side, degrees.
    """
    from scipy.spatial.transform import Rotation

    rotations = np.zeros((len(JOINT_NAMES), 3))
    for joint, degrees in stance.items():
        rotations[JOINT_NAMES.index(joint)] = Rotation.from_euler("xyz", degrees, degrees=True).as_rotvec()
    upright = Rotation.from_euler("xyz", (180.0, 0.0, 0.0), degrees=True)
    rotations[0] = (upright * Rotation.from_euler("xyz", (0.0, -yaw, roll), degrees=True)).as_rotvec()
    return torch.from_numpy(rotations).float()


def centered(
    model: BodyModel, rotations: Float[Tensor, "24 3"], shape: Float[Tensor, "k"], target: Float[Tensor, "3"]
) -> BodyPose:
    """The pose whose body's box has its middle at `target`, metres."""
    vertices = model.pose(BodyPose(rotations, torch.zeros(3), shape)).vertices
    return BodyPose(rotations, target - 0.5 * (vertices.amin(0) + vertices.amax(0)), shape)
