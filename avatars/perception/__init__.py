"""Perception: the outline and the landmarks of a person in one photo, with torch and shipped networks only."""

from avatars.perception.cutout import Photo
from avatars.perception.group import Choice, FoundPerson, Group
from avatars.perception.keypoints import Keypoints, load_keypoints
from avatars.perception.landmarks import LANDMARK_NAMES
from avatars.perception.person import Person, PersonEstimator, Quality
from avatars.perception.photo import load_mask, load_photo, load_photo_and_alpha
from avatars.perception.preview import numbered_preview
from avatars.perception.reading import Reading, read_person

__all__ = [
    "LANDMARK_NAMES",
    "Choice",
    "FoundPerson",
    "Group",
    "Keypoints",
    "Person",
    "PersonEstimator",
    "Photo",
    "Quality",
    "Reading",
    "load_keypoints",
    "load_mask",
    "load_photo",
    "load_photo_and_alpha",
    "numbered_preview",
    "read_person",
]
