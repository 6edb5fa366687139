"""How near a pixel is to the limbs of a person whose landmarks are known: rough flesh around a skeleton."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from avatars.perception.landmarks import LANDMARK_NAMES, Landmarks

_SEEN = 0.5
_FADE = 0.12  # metres over which the flesh fades out: clothes, hair and errors of the landmarks
_LEAST_SPREAD = 0.05  # metres
_LIMBS: tuple[tuple[str, str, float], ...] = (
    ("left_shoulder", "left_elbow", 0.06),
    ("left_elbow", "left_wrist", 0.05),
    ("left_wrist", "left_index", 0.05),
    ("left_hip", "left_knee", 0.09),
    ("left_knee", "left_ankle", 0.07),
    ("left_ankle", "left_foot_index", 0.06),
    ("left_heel", "left_foot_index", 0.05),
    ("left_shoulder", "left_hip", 0.1),
    ("left_shoulder", "right_hip", 0.1),
    ("left_shoulder", "right_shoulder", 0.08),
    ("left_hip", "right_hip", 0.12),
    ("nose", "left_ear", 0.12),
    ("nose", "left_shoulder", 0.08),
)
"""Both ends and the radius in metres; those with a left end have a mirror image."""


def _mirrored(name: str) -> str:
    return name.replace("left", "?").replace("right", "left").replace("?", "right")


_ENDS = [
    (LANDMARK_NAMES.index(first), LANDMARK_NAMES.index(second))
    for one, other, _ in _LIMBS
    for first, second in ((one, other), (_mirrored(one), _mirrored(other)))
]
_RADII = [radius for *_, radius in _LIMBS for _ in range(2)]


def near_limbs(person: Landmarks, points: Float[Tensor, "n 2"]) -> Float[Tensor, "n"]:
    """1 on the flesh around the limbs that the photo shows, falling to 0 within 12 cm; 1 where it shows no limb.

    Args:
        person: The landmarks.
        points: (column, row) in pixels of the photo, the centre of the first pixel at (0, 0).
    """
    shown = (person.visibility[torch.tensor(_ENDS)] > _SEEN).all(1)
    if not bool(shown.any()):
        return torch.ones(len(points))
    scale = pixels_per_metre(person)
    closeness = torch.zeros(len(points))
    for (first, second), radius, seen in zip(_ENDS, _RADII, shown.tolist(), strict=True):
        if seen:
            distance = _to_segment(points, person.points[first], person.points[second]) / scale
            closeness = torch.maximum(closeness, 1.0 - (distance - radius) / _FADE)
    return closeness.clamp(0.0, 1.0)


def pixels_per_metre(person: Landmarks) -> float:
    """Size of the person in the photo: spread of its landmarks in pixels over their spread in metres."""
    seen: Bool[Tensor, "33"] = person.visibility > _SEEN
    if int(seen.sum()) < 2:
        seen = torch.ones_like(seen)
    spread = person.world[seen, :2].std(0).norm().clamp_min(_LEAST_SPREAD)
    return float(person.points[seen].std(0).norm() / spread)


def _to_segment(points: Float[Tensor, "n 2"], start: Float[Tensor, "2"], end: Float[Tensor, "2"]) -> Float[Tensor, "n"]:
    along = end - start
    share = ((points - start) @ along / along.square().sum().clamp_min(1e-9)).clamp(0.0, 1.0)
    return (points - start - share[:, None] * along).norm(dim=1)
