"""From a photo to all persons in it: every detection is read by the landmark net, twice, and judged."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.perception.crops import person_crop
from avatars.perception.detector import MINIMUM_SCORE, SURE_SCORE, Detection, PersonDetector
from avatars.perception.group import Group, found_person, in_order, same_body
from avatars.perception.keypoints import Keypoints
from avatars.perception.landmarks import LANDMARK_NAMES, RESOLUTION, LandmarkNet, Landmarks
from nfield.errors import DataError, NoPersonError

ADVICE = (
    "use a photo that shows one person large, best from head to feet and at least head and both shoulders from the "
    "front, or mark the person yourself with a keypoints file"
)
_CANDIDATES = 10
_MINIMUM_FLAG = 0.9
_MINIMUM_VISIBILITY = 0.35
_LARGEST_CROP = 2.0
_LARGEST_SURE_CROP = 4.0
_HIPS, _SHOULDERS = (
    [LANDMARK_NAMES.index(f"{side}_{part}") for side in ("left", "right")] for part in ("hip", "shoulder")
)
_TORSO = 1.4  # shoulder to hip over the distance between the shoulders


@dataclass(frozen=True)
class _Candidate:
    """A detection and its first reading; `rank` is 0 where it is not acceptable."""

    rank: float
    score: float
    landmarks: Landmarks


class PersonFinder:
    """Detector and landmark net. Points are (column, row) with the centre of the first pixel at (0, 0)."""

    def __init__(self, detector: PersonDetector, landmark_net: LandmarkNet) -> None:
        self._detector = detector
        self._landmark_net = landmark_net

    def find(self, image: Float[Tensor, "1 3 h w"]) -> Group:
        """All persons of a photo of range [0, 255] whose body can be read.

        Raises:
            NoPersonError: Where there is none.
        """
        detections = self._detector.detect(image)
        if not detections:
            raise NoPersonError(f"no person found in the photo (nothing scored {MINIMUM_SCORE} or more): {ADVICE}")
        candidates = [self._candidate(image, detection) for detection in detections[:_CANDIDATES]]
        candidates.sort(key=lambda candidate: -candidate.rank)
        if candidates[0].rank <= 0:
            found = candidates[0].landmarks
            raise NoPersonError(
                f"no person whose body can be read in the photo (best detection {detections[0].score:.2f}, landmarks "
                f"{found.flag:.2f} of {_MINIMUM_FLAG}, visible {found.visibility.mean():.2f} of {_MINIMUM_VISIBILITY} "
                f"needed): {ADVICE}"
            )
        size = (image.shape[2], image.shape[3])
        read = [(one.score, self._look_again(image, one.landmarks)) for one in candidates if one.rank > 0]
        return Group(in_order([found_person(score, landmarks, size) for score, landmarks in read]))

    def read_at(self, image: Float[Tensor, "1 3 h w"], keypoints: Keypoints) -> Landmarks:
        """Rough mask and world points of the person at the user's landmarks, with these in place of the net's.

        Raises:
            DataError: Where the keypoints lie outside the photo.
        """
        points = keypoints.points - 0.5
        known = points[keypoints.visibility > 0]
        limit = points.new_tensor([image.shape[3], image.shape[2]])
        if not ((known >= 0) & (known < limit)).any():
            raise DataError("the keypoints lie outside the photo: give (column, row) in pixels of this photo")
        hips = _hips(points, keypoints.visibility)
        radius = (known - hips).norm(dim=1).max().clamp_min(1.0)
        crop = person_crop(hips, hips - radius * hips.new_tensor([0.0, 1.0]), RESOLUTION)
        found = self._landmark_net(image, crop)
        return replace(found, points=points, visibility=keypoints.visibility)

    def _candidate(self, image: Float[Tensor, "1 3 h w"], detection: Detection) -> _Candidate:
        found = self._landmark_net(image, person_crop(detection.hips, detection.rim, RESOLUTION))
        visible = float(found.visibility.mean())
        extent = found.crop.size / max(image.shape[2:])
        largest = _LARGEST_SURE_CROP if detection.score > SURE_SCORE else _LARGEST_CROP
        accepted = found.flag >= _MINIMUM_FLAG and visible >= _MINIMUM_VISIBILITY and extent <= largest
        rank = detection.score * found.flag * visible * math.sqrt(extent)
        return _Candidate(rank if accepted else 0.0, detection.score, found)

    def _look_again(self, image: Float[Tensor, "1 3 h w"], first: Landmarks) -> Landmarks:
        """The landmarks read from the crop that they suggest themselves, where that shows the same body."""
        second = self._landmark_net(image, first.next_crop)
        return second if second.flag >= _MINIMUM_FLAG and same_body(first, second) else first


def _hips(points: Float[Tensor, "33 2"], visibility: Float[Tensor, "33"]) -> Float[Tensor, "2"]:
    """Middle of the hips, or where it is below the shoulders of somebody upright when no hip is known."""
    known = visibility[_HIPS] > 0
    if bool(known.any()):
        return points[_HIPS][known].mean(0)
    left, right = points[_SHOULDERS]
    return (left + right) / 2 + torch.stack([torch.zeros(()), _TORSO * (left - right).norm()])
