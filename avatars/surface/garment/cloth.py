"""Skin weights of cloth and hair, which hang from the body without belonging to one limb.

Cloth below the hips follows height and azimuth around the pelvis: each side goes with its leg, front and back with
both, and the farther down, the more of it stays with the pelvis. So a stride in the photo is undone in the T-pose, and
a stride in another pose parts the cloth nowhere.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree

from avatars.body.joints import JOINT_NAMES

_JOINT = {name: index for index, name in enumerate(JOINT_NAMES)}


@dataclass(frozen=True)
class ClothConfig:
    """How cloth follows the legs."""

    shared: float = 1.05
    """Angle from the plane between left and right up to which both legs share it, radians."""
    loose: float = 0.25
    """Share of the pelvis a metre below the hips."""
    knee: float = 0.6
    """How far cloth follows a bending knee."""
    knee_blend: float = 0.14
    """Half the height over which it passes from thigh to lower leg, metres."""
    hip_blend: float = 0.12
    """Height over which it passes from pelvis to legs, metres."""


def hanging_weights(
    points: Float[np.ndarray, "*b 3"],
    axis: tuple[float, float],
    joints: Float[np.ndarray, "j 3"],
    config: ClothConfig | None = None,
) -> Float[np.ndarray, "*b j"]:
    """Weights of skirts and coat tails at points of the T-pose.

    Args:
        points: Metres.
        axis: x and z of the axis that the cloth hangs around, metres.
        joints: Of the shaped body at rest, metres.
        config: Options.
    """
    config = config or ClothConfig()
    across, height, forward = points[..., 0] - axis[0], points[..., 1], points[..., 2] - axis[1]
    side = np.arctan2(across, np.abs(forward) + 1e-9)
    left = smooth_step(0.5 + 0.5 * side / config.shared)
    hips = joints[[_JOINT["left_hip"], _JOINT["right_hip"]], 1].mean()
    knees = joints[[_JOINT["left_knee"], _JOINT["right_knee"]], 1].mean()
    below = (hips - height).clip(min=0.0)
    legs = smooth_step(below / config.hip_blend) * (1.0 - config.loose * below.clip(max=1.0))
    shin = config.knee * smooth_step(0.5 + 0.5 * (knees - height) / config.knee_blend)
    weights = np.zeros((*points.shape[:-1], len(joints)))
    weights[..., _JOINT["pelvis"]] = 1.0 - legs
    for share, name in ((left, "left"), (1.0 - left, "right")):
        weights[..., _JOINT[f"{name}_hip"]] = legs * share * (1.0 - shin)
        weights[..., _JOINT[f"{name}_knee"]] = legs * share * shin
    return weights


def hair_weights(
    points: Float[np.ndarray, "*b 3"], joints: Float[np.ndarray, "j 3"], *, reach: float = 0.16
) -> Float[np.ndarray, "*b j"]:
    """Weights of hair and hats: with the head, and less and less so down to `reach` metres below the head's joint."""
    head, neck, chest = _JOINT["head"], _JOINT["neck"], _JOINT["spine3"]
    down = (joints[head, 1] - points[..., 1]) / reach
    free = smooth_step(down)
    weights = np.zeros((*points.shape[:-1], len(joints)))
    weights[..., head] = 1.0 - free
    weights[..., neck] = free * (1.0 - smooth_step(down - 0.25))
    weights[..., chest] = free * smooth_step(down - 0.25)
    return weights


def body_weights(
    points: Float[np.ndarray, "*b 3"],
    vertices: Float[np.ndarray, "v 3"],
    weights: Float[np.ndarray, "v j"],
    *,
    neighbours: int = 12,
) -> Float[np.ndarray, "*b j"]:
    """Means of the weights of the nearest body vertices, for cloth that lies on the body."""
    flat = points.reshape(-1, 3)
    distance, index = KDTree(vertices).query(flat, k=neighbours)
    share = 1.0 / (np.asarray(distance) + 0.01) ** 2
    share /= share.sum(1, keepdims=True)
    found = np.einsum("nk,nkj->nj", share, weights[np.asarray(index)])
    return found.reshape(*points.shape[:-1], weights.shape[1])


def smooth_step(value: Float[np.ndarray, "*b"]) -> Float[np.ndarray, "*b"]:
    """0 up to 0, 1 from 1 on, a smooth cubic between."""
    share = np.clip(value, 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)
