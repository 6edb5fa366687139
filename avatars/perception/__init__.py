"""Perception: the outline and the landmarks of a person in one photo, with torch and shipped networks only."""

from avatars.perception.keypoints import Keypoints, load_keypoints
from avatars.perception.landmarks import LANDMARK_NAMES
from avatars.perception.person import Person, PersonEstimator, Quality
from avatars.perception.photo import load_mask, load_photo

__all__ = [
    "LANDMARK_NAMES",
    "Keypoints",
    "Person",
    "PersonEstimator",
    "Quality",
    "load_keypoints",
    "load_mask",
    "load_photo",
]
