"""Where garments begin and end on the body: fields over its vertices, positive within, in metres along the skin."""

import numpy as np
from jaxtyping import Float

from avatars.body import BodyModel
from avatars.body.joints import JOINT_NAMES

_NECK, _NECK_SLOPE = (0.26, 0.0015), 0.36
"""Height and depth of a point on the neck's axis, metres, and how much the axis leans forward."""

_COLLARBONE, _CHIN = 0.21, 0.31
"""Heights between which every collar lies, metres."""

_NAPE = 1.5
"""How much higher it must lie behind, per metre of depth."""

_ARM = tuple(
    JOINT_NAMES.index(f"{side}_{joint}")
    for side in ("left", "right")
    for joint in ("shoulder", "elbow", "wrist", "hand")
)


def places(model: BodyModel) -> Float[np.ndarray, "v 3"]:
    """The mean body's vertices at rest."""
    return model.template.numpy().astype(np.float64)


def weight_of(model: BodyModel, *joints: str) -> Float[np.ndarray, "v"]:
    """Skin weight of some joints together."""
    return model.weights.numpy()[:, [JOINT_NAMES.index(joint) for joint in joints]].sum(1).astype(np.float64)


def arm_share(model: BodyModel) -> Float[np.ndarray, "v"]:
    """How much each vertex belongs to an arm, 0 to 1."""
    return model.weights.numpy()[:, _ARM].sum(1).astype(np.float64)


def above(model: BodyModel, height: float) -> Float[np.ndarray, "v"]:
    """Higher than a level."""
    return places(model)[:, 1] - height


def below(model: BodyModel, height: float) -> Float[np.ndarray, "v"]:
    """Lower than a level."""
    return height - places(model)[:, 1]


def within(model: BodyModel, reach: float) -> Float[np.ndarray, "v"]:
    """Nearer to the middle than `reach` to the side: sleeves end there."""
    return reach - np.abs(places(model)[:, 0])


def below_collar(model: BodyModel, radius: float) -> Float[np.ndarray, "v"]:
    """Outside a round collar of some radius around the neck."""
    x, y, z = places(model).T
    axis = _NECK[1] + _NECK_SLOPE * (y - _NECK[0])
    lowest = _COLLARBONE + _NAPE * np.clip(-z, 0.0, 0.05)
    away = np.maximum(np.hypot(x, z - axis) - radius, lowest - y)
    return np.minimum(away, 2.0 * (_CHIN - y))
