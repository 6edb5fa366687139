"""SMPL's 24 joints inside Anny's T-posed bodies: their places, skin weights, and the regressor from the skin."""

import numpy as np
from scipy.optimize import nnls

from assets.build.anny_source import AnnyBodies
from avatars.body.joints import JOINT_NAMES

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
PELVIS = np.array([0.0, -0.225, 0.025])
"""Where SMPL's template has its pelvis, metres."""

HIP_SPREAD, HIP_DROP, KNEE_DROP = 0.62, 0.125, 0.085
SPINE = {"spine1": (0.199, 0.012), "spine2": (0.345, 0.030), "spine3": (0.400, 0.042)}
"""Height above the hips as a share of the torso's scale, and shift forwards, metres."""
_TORSO = 0.614
_SIDES = (("left", "L", 1.0), ("right", "R", -1.0))
_SPINE_LINE = ("root", "spine04", "spine03", "spine02", "spine01", "neck01")


def joints(bodies: AnnyBodies, heads: np.ndarray) -> np.ndarray:
    """The 24 joints (n, 24, 3) from T-posed bone heads (n, 104, 3)."""

    def head(label: str) -> np.ndarray:
        return heads[:, bodies.bone(label)]

    place: dict[str, np.ndarray] = {}
    hip_left, hip_right = head("upperleg01.L"), head("upperleg01.R")
    thigh = np.linalg.norm(head("lowerleg01.L") - hip_left, axis=1, keepdims=True)
    hips = (hip_left + hip_right) / 2 - HIP_DROP * thigh * [0.0, 1.0, 0.0]
    neck = 0.9 * head("neck01") + 0.1 * head("neck02")
    neck[:, 0] = 0.0
    scale = (neck - hips)[:, 1:2] / _TORSO
    place["pelvis"] = hips + scale * [0.0, 0.09, 0.01]
    line = np.stack([head(label) for label in _SPINE_LINE], 1)
    for name, (share, forward) in SPINE.items():
        height = hips[:, 1] + scale[:, 0] * share
        depth = [np.interp(y, points[:, 1], points[:, 2]) for y, points in zip(height, line, strict=True)]
        place[name] = np.stack([np.zeros(len(height)), height, np.array(depth) + forward], 1)
    place["neck"] = neck - [0.0, 0.0, 0.010]
    place["head"] = (0.9 * head("neck03") + 0.1 * head("head")) * [0.0, 1.0, 1.0] + [0.0, 0.0, 0.030]
    for side, suffix, sign in _SIDES:
        _limbs(place, side, sign, lambda label, suffix=suffix: head(f"{label}.{suffix}"))
        place[f"{side}_hip"] = hips + sign * HIP_SPREAD * (hip_left - hip_right) / 2
    return np.stack([place[name] for name in JOINT_NAMES], 1)


def _limbs(place: dict[str, np.ndarray], side: str, sign: float, head) -> None:  # noqa: ANN001 - label to heads
    knee, ankle, wrist = head("lowerleg01"), head("foot"), head("wrist")
    clavicle, shoulder = head("clavicle"), head("upperarm01")
    toes = np.mean([head(f"toe{k}-1") for k in range(1, 6)], 0)
    fingers = np.mean([head(f"finger{k}-1") for k in (2, 3, 4)], 0)
    place[f"{side}_collar"] = clavicle + 0.36 * (shoulder - clavicle) - [0.0, 0.0, 0.020]
    place[f"{side}_shoulder"] = shoulder - np.array([0.010 * sign, 0.0, 0.012])
    place[f"{side}_elbow"], place[f"{side}_wrist"], place[f"{side}_ankle"] = head("lowerarm01"), wrist, ankle
    place[f"{side}_knee"] = knee + KNEE_DROP * (ankle - knee)
    place[f"{side}_foot"] = ankle + 0.9 * (toes - ankle)
    place[f"{side}_hand"] = wrist + 0.8 * (fingers - wrist)


_LIMB_PREFIXES = (
    ("upperleg", "hip"), ("lowerleg", "knee"), ("foot", "ankle"), ("toe", "foot"), ("clavicle", "collar"),
    ("shoulder", "collar"), ("upperarm", "shoulder"), ("lowerarm", "elbow"), ("wrist", "wrist"),
    ("metacarpal", "wrist"), ("finger1-1", "wrist"), ("finger", "hand"),
)  # fmt: skip


def joint_of_limb_bone(label: str) -> int | None:
    """The joint that takes over a bone of arms and legs; None for torso, neck and head."""
    if label[-2:] not in (".L", ".R"):
        return None
    for prefix, joint in _LIMB_PREFIXES:
        if label.startswith(prefix):
            return JOINT_NAMES.index(f"{'left' if label.endswith('L') else 'right'}_{joint}")
    return None


def _ramp(heights: np.ndarray, center: float, half: float) -> np.ndarray:
    x = np.clip((heights - center + half) / (2.0 * half), 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def joint_weights(weights: np.ndarray, labels: list[str], heights: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Skin weights of the joints (v, 24) from those of the bones (v, 104).

    Limb bones are summed; the torso's weight is shared out over pelvis and spine by height.

    Args:
        weights: Of the bones.
        labels: Names of the bones.
        heights: Of the T-posed vertices, metres, (v,).
        places: Mean joints, (24, 3).
    """
    merged = np.zeros((len(weights), len(JOINT_NAMES)))
    torso = np.zeros(len(weights))
    for bone, label in enumerate(labels):
        joint = joint_of_limb_bone(label)
        if joint is not None:
            merged[:, joint] += weights[:, bone]
        elif label in ("neck02", "neck03"):
            merged[:, JOINT_NAMES.index("neck")] += weights[:, bone]
        elif label in ("head", "eye.L", "eye.R"):
            merged[:, JOINT_NAMES.index("head")] += weights[:, bone]
        elif label == "neck01":
            merged[:, JOINT_NAMES.index("neck")] += 0.5 * weights[:, bone]
            torso += 0.5 * weights[:, bone]
        elif label.startswith(("root", "pelvis", "spine")):
            torso += weights[:, bone]
    first = _ramp(heights, places[3, 1], 0.090)
    second = np.minimum(_ramp(heights, places[6, 1], 0.075), first)
    third = np.minimum(_ramp(heights, places[9, 1] + 0.01, 0.070), second)
    for joint, share in ((0, 1.0 - first), (3, first - second), (6, second - third), (9, third)):
        merged[:, joint] += torso * share
    merged[merged < 1e-4] = 0.0
    return merged / merged.sum(1, keepdims=True)


def joint_regressor(vertices: np.ndarray, places: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Sparse non-negative rows (24, v) that sum to 1 and turn T-posed vertices into joints.

    Args:
        vertices: Of all bodies, (n, v, 3).
        places: Their joints, (n, 24, 3).
        skin: Indices of the vertices that may be used.
    """
    regressor = np.zeros((len(JOINT_NAMES), vertices.shape[1]))
    mean, target = vertices.mean(0), places.mean(0)
    fitted = np.arange(0, len(vertices), 6)
    for joint in range(len(JOINT_NAMES)):
        chosen = _candidates(mean[skin] - target[joint], skin)
        points = vertices[fitted][:, chosen].transpose(0, 2, 1).reshape(-1, len(chosen))
        rows = np.concatenate([points, 50.0 * np.ones((1, len(chosen))), 0.02 * np.eye(len(chosen))])
        wanted = np.concatenate([places[fitted, joint].reshape(-1), [50.0], np.zeros(len(chosen))])
        share, _ = nnls(rows, wanted, maxiter=20000)
        share[share < 1e-3] = 0.0
        regressor[joint, chosen] = share / share.sum()
    return regressor


def _candidates(offsets: np.ndarray, skin: np.ndarray, directions: int = 160, nearest: int = 60) -> np.ndarray:
    """The skin nearest to a joint in directions all around it, and the nearest skin altogether."""
    distance = np.linalg.norm(offsets, axis=1)
    unit = offsets / distance[:, None]
    step = np.arange(directions) + 0.5
    polar, azimuth = np.arccos(1.0 - 2.0 * step / directions), np.pi * (1.0 + 5.0**0.5) * step
    around = np.stack([np.cos(azimuth) * np.sin(polar), np.sin(azimuth) * np.sin(polar), np.cos(polar)], 1)
    chosen = set(skin[np.argsort(distance)[:nearest]].tolist())
    for direction in around:
        cosine = unit @ direction
        ahead = np.nonzero(cosine > 0.93)[0]
        if len(ahead):
            chosen.add(int(skin[ahead[np.argmin(distance[ahead] - 0.02 * cosine[ahead])]]))
    return np.array(sorted(chosen))
