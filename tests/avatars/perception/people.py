"""Made-up readings of the landmark net, for tests of what comes after it."""

import torch
from torch import Tensor

from avatars.perception.crops import Crop
from avatars.perception.group import FoundPerson, found_person
from avatars.perception.landmarks import LANDMARK_NAMES, Landmarks

STANCE = {
    "nose": (0.0, -0.6),
    "shoulder": (0.2, -0.4),
    "elbow": (0.3, -0.15),
    "wrist": (0.35, 0.1),
    "hip": (0.12, 0.0),
    "knee": (0.13, 0.45),
    "ankle": (0.13, 0.85),
}
"""Metres to the left and downwards of the middle of the hips; everything else lies at the nose, wrist or ankle."""


def _place(name: str) -> tuple[float, float]:
    side = 1.0 if "left" in name else -1.0
    part = name.split("_")[-1] if "_" in name else name
    ends = {"index": "wrist", "pinky": "wrist", "thumb": "wrist", "heel": "ankle"}
    part = "ankle" if name.endswith("foot_index") else ends.get(part, part)
    across, down = STANCE.get(part, STANCE["nose"])
    return side * across, down


def reading(middle: tuple[float, float], metre: float = 100.0, *, mask: Tensor | None = None) -> Landmarks:
    """Somebody who stands with the hips at (column, row) `middle`, `metre` pixels to the metre."""
    world = torch.tensor([[*_place(name), 0.0] for name in LANDMARK_NAMES])
    crop = Crop(middle, 2.56 * metre, 0.0, 256)
    if mask is None:
        mask = torch.zeros(256, 256)
        mask[48:218, 98:158] = 1.0
    points = world[:, :2] * metre + torch.tensor(middle)
    return Landmarks(crop, 1.0, points, torch.ones(33), world, mask, crop)


def somebody(column: float, *, metre: float = 100.0, size: tuple[int, int] = (300, 900)) -> FoundPerson:
    """`reading` as a person of a photo, in its middle row."""
    return found_person(0.9, reading((column, size[0] / 2), metre), size)
