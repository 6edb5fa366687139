"""One photo in, one person out: outline, landmarks in the photo and in metres, and how far to trust them."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

import assets
from avatars.perception.crops import person_crop
from avatars.perception.detector import MINIMUM_SCORE, SURE_SCORE, Detection, PersonDetector
from avatars.perception.graph import load_graph
from avatars.perception.keypoints import Keypoints
from avatars.perception.landmarks import LANDMARK_NAMES, RESOLUTION, LandmarkNet, Landmarks
from avatars.perception.matte import MatteNet
from avatars.perception.onnx_operators import ONNX_OPERATORS
from avatars.perception.tflite_operators import TFLITE_OPERATORS
from avatars.perception.threads import single_threaded
from nfield.errors import DataError, NoPersonError

_CANDIDATES = 4
_MINIMUM_FLAG = 0.9
_MINIMUM_VISIBILITY = 0.35
_LARGEST_CROP = 2.0
_LARGEST_SURE_CROP = 4.0
_SMALLEST_PHOTO = 32
_MINIMUM_AGREEMENT = 0.5
_CENTER = 0.5
_ARMS = [LANDMARK_NAMES.index(f"{side}_{part}") for part in ("elbow", "wrist") for side in ("left", "right")]
_LEGS = [LANDMARK_NAMES.index(f"{side}_{part}") for part in ("knee", "ankle") for side in ("left", "right")]
_HIPS = [LANDMARK_NAMES.index(f"{side}_hip") for side in ("left", "right")]
_ADVICE = (
    "use a photo that shows one person large and from head to feet, or mark the person yourself with a keypoints file"
)


@dataclass(frozen=True)
class Quality:
    """How far a `Person` can be trusted; all but `full_body` and `height` lie in [0, 1].

    Attributes:
        detection: Score of the person detector; 1 where the user gave keypoints.
        flag: The landmark net's confidence that it looked at a person.
        visible: Mean visibility of all landmarks.
        legs: Mean visibility of knees and ankles.
        arms: Mean visibility of elbows and wrists.
        agreement: Intersection over union of the outline and the pose net's own mask; below 0.85 look at the outline.
        full_body: Whether both arms and legs are visible enough (above 0.5) for a whole avatar.
        height: Rows between the highest and the lowest visible landmark, pixels.
    """

    detection: float
    flag: float
    visible: float
    legs: float
    arms: float
    agreement: float
    full_body: bool
    height: float


@dataclass(frozen=True)
class Person:
    """A person in a photo.

    Attributes:
        alpha: Soft outline in [0, 1].
        coarse_mask: The pose net's own rough probability.
        keypoints: (column, row) in pixels, pixel centres at +0.5, in the order of `LANDMARK_NAMES`.
        visibility: How likely each landmark is in the picture and not hidden.
        keypoints_world: Metres about the middle of the hips: +x right, +y down, +z away from the camera.
        quality: How far to trust all this.
    """

    alpha: Float[Tensor, "h w"]
    coarse_mask: Float[Tensor, "h w"]
    keypoints: Float[Tensor, "33 2"]
    visibility: Float[Tensor, "33"]
    keypoints_world: Float[Tensor, "33 3"]
    quality: Quality


class PersonEstimator:
    """Detector, landmark net and matting net. Use `PersonEstimator.load()`."""

    def __init__(self, detector: PersonDetector, landmark_net: LandmarkNet, matte_net: MatteNet) -> None:
        self._detector = detector
        self._landmark_net = landmark_net
        self._matte_net = matte_net

    @classmethod
    def load(cls) -> "PersonEstimator":
        """The estimator with the shipped networks."""
        return cls(
            PersonDetector(load_graph(assets.path("perception/pose_detection.npz"), TFLITE_OPERATORS)),
            LandmarkNet(load_graph(assets.path("perception/pose_landmark_full.npz"), TFLITE_OPERATORS)),
            MatteNet(load_graph(assets.path("perception/modnet.npz"), ONNX_OPERATORS)),
        )

    @torch.no_grad()
    def estimate(
        self,
        image: UInt8[Tensor, "h w 3"],
        *,
        mask: Float[Tensor, "h w"] | None = None,
        keypoints: Keypoints | None = None,
    ) -> Person:
        """The most prominent person of a photo. Deterministic, on one thread, not differentiable.

        Args:
            image: sRGB.
            mask: The user's own outline; the matting net is then not asked.
            keypoints: The user's own landmarks; the detector is then not asked.

        Raises:
            NoPersonError: Where no person is found, or none whose body can be read.
            DataError: Where the photo is too small, or the keypoints lie outside it.
        """
        size = (image.shape[0], image.shape[1])
        if min(size) < _SMALLEST_PHOTO:
            raise DataError(f"the photo is {size[1]}x{size[0]} pixels: at least {_SMALLEST_PHOTO} each way are needed")
        with single_threaded():
            planes = image.permute(2, 0, 1)[None].float()
            score, found = self._read(planes) if keypoints is None else (1.0, self._read_at(planes, keypoints))
            coarse_mask = found.crop.paste(found.mask, size)
            alpha = self._matte_net(planes, coarse_mask, found) if mask is None else mask
        quality = _judge(score, found, alpha, coarse_mask)
        if mask is None and quality.agreement < _MINIMUM_AGREEMENT:
            raise NoPersonError(
                f"no clear person in the photo: outline and body overlap by {quality.agreement:.2f}, at least "
                f"{_MINIMUM_AGREEMENT} are needed: {_ADVICE} or a mask file"
            )
        return Person(
            alpha=alpha,
            coarse_mask=coarse_mask,
            keypoints=found.points + _CENTER,
            visibility=found.visibility,
            keypoints_world=found.world,
            quality=quality,
        )

    def _read(self, image: Float[Tensor, "1 3 h w"]) -> tuple[float, Landmarks]:
        """Score and landmarks of the best person; the last look is from the crop that the landmarks suggest."""
        detections = self._detector.detect(image)
        if not detections:
            raise NoPersonError(f"no person found in the photo (nothing scored {MINIMUM_SCORE} or more): {_ADVICE}")
        candidates = [self._candidate(image, detection) for detection in detections[:_CANDIDATES]]
        rank, score, found = max(candidates, key=lambda candidate: candidate[0])
        if rank <= 0:
            raise NoPersonError(
                f"no person whose body can be read in the photo (best detection {detections[0].score:.2f}, landmarks "
                f"{found.flag:.2f} of {_MINIMUM_FLAG}, visible {found.visibility.mean():.2f} of {_MINIMUM_VISIBILITY} "
                f"needed): {_ADVICE}"
            )
        second = self._landmark_net(image, found.next_crop)
        return score, second if second.flag >= _MINIMUM_FLAG else found

    def _candidate(self, image: Float[Tensor, "1 3 h w"], detection: Detection) -> tuple[float, float, Landmarks]:
        """Rank (0: not acceptable), detection score and landmarks."""
        found = self._landmark_net(image, person_crop(detection.hips, detection.rim, RESOLUTION))
        visible = float(found.visibility.mean())
        extent = found.crop.size / max(image.shape[2:])
        largest = _LARGEST_SURE_CROP if detection.score > SURE_SCORE else _LARGEST_CROP
        accepted = found.flag >= _MINIMUM_FLAG and visible >= _MINIMUM_VISIBILITY and extent <= largest
        rank = detection.score * found.flag * visible * math.sqrt(extent)
        return (rank if accepted else 0.0), detection.score, found

    def _read_at(self, image: Float[Tensor, "1 3 h w"], keypoints: Keypoints) -> Landmarks:
        """Rough mask and world points of the person at the user's landmarks, with these in place of the net's."""
        points = keypoints.points - _CENTER
        known = points[keypoints.visibility > 0]
        limit = points.new_tensor([image.shape[3], image.shape[2]])
        if not ((known >= 0) & (known < limit)).any():
            raise DataError("the keypoints lie outside the photo: give (column, row) in pixels of this photo")
        hips = points[_HIPS].mean(0)
        radius = (known - hips).norm(dim=1).max().clamp_min(1.0)
        crop = person_crop(hips, hips - radius * hips.new_tensor([0.0, 1.0]), RESOLUTION)
        found = self._landmark_net(image, crop)
        return replace(found, points=points, visibility=keypoints.visibility)


def _judge(score: float, found: Landmarks, alpha: Float[Tensor, "h w"], coarse_mask: Float[Tensor, "h w"]) -> Quality:
    legs, arms = float(found.visibility[_LEGS].mean()), float(found.visibility[_ARMS].mean())
    inside, rough = alpha > 0.5, coarse_mask > 0.5
    visible = found.visibility >= 0.5
    rows = found.points[visible if visible.any() else found.visibility >= 0, 1]
    return Quality(
        detection=score,
        flag=found.flag,
        visible=float(found.visibility.mean()),
        legs=legs,
        arms=arms,
        agreement=float((inside & rough).sum() / (inside | rough).sum().clamp_min(1)),
        full_body=legs > 0.5 and arms > 0.5,
        height=float(rows.max() - rows.min()),
    )
