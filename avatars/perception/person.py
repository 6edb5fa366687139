"""One photo in, one person out: outline, landmarks in the photo and in metres, and how far to trust them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

import assets
from avatars.perception.detector import PersonDetector
from avatars.perception.finder import ADVICE, PersonFinder
from avatars.perception.graph import load_graph
from avatars.perception.group import Choice, FoundPerson, Group, covered
from avatars.perception.hanging_cloth import with_hanging_cloth
from avatars.perception.keypoints import Keypoints
from avatars.perception.landmarks import LANDMARK_NAMES, LandmarkNet, Landmarks
from avatars.perception.matte import MatteNet, PixelBox, person_pieces
from avatars.perception.onnx_operators import ONNX_OPERATORS
from avatars.perception.split import share_of
from avatars.perception.tflite_operators import TFLITE_OPERATORS
from avatars.perception.threads import single_threaded
from nfield.errors import DataError, NoPersonError

_SMALLEST_PHOTO = 32
MINIMUM_AGREEMENT = 0.5
"""Overlap of outline and rough mask below which they do not mean one person."""
_CENTER = 0.5
_HELD = 0.3
_ARMS = [LANDMARK_NAMES.index(f"{side}_{part}") for part in ("elbow", "wrist") for side in ("left", "right")]
_LEGS = [LANDMARK_NAMES.index(f"{side}_{part}") for part in ("knee", "ankle") for side in ("left", "right")]


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
        self._finder = PersonFinder(detector, landmark_net)
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
    def find(self, image: UInt8[Tensor, "h w 3"]) -> Group:
        """All persons of a photo, from left to right. Deterministic, on one thread, not differentiable.

        Args:
            image: sRGB.

        Raises:
            NoPersonError: Where no person is found, or none whose body can be read.
            DataError: Where the photo is too small.
        """
        with single_threaded():
            return self._finder.find(_planes(image))

    @torch.no_grad()
    def estimate(
        self,
        image: UInt8[Tensor, "h w 3"],
        *,
        choice: Choice | None = None,
        mask: Float[Tensor, "h w"] | None = None,
        keypoints: Keypoints | None = None,
    ) -> Person:
        """One person of a photo. Deterministic, on one thread, not differentiable.

        Args:
            image: sRGB.
            choice: Which of the persons that `find` found in it; None takes the largest.
            mask: The person's own outline, where it is known; the matting net is then not asked.
            keypoints: The user's own landmarks; nobody is then searched for.

        Raises:
            NoPersonError: Where no person is found, or none whose body can be read.
            DataError: Where the photo is too small, or the keypoints lie outside it.
        """
        planes = _planes(image)
        with single_threaded():
            if keypoints is not None:
                score, found, others = 1.0, self._finder.read_at(planes, keypoints), ()
            else:
                choice = choice or self._finder.find(planes).choose()
                score, found, others = choice.person.score, choice.person.landmarks, choice.others
            coarse_mask = found.crop.paste(found.mask, (image.shape[0], image.shape[1]))
            alpha = self._outline(planes, coarse_mask, found, others) if mask is None else mask
        quality = _judge(score, found, alpha, coarse_mask)
        if mask is None and quality.agreement < MINIMUM_AGREEMENT:
            raise NoPersonError(
                f"no clear person in the photo: outline and body overlap by {quality.agreement:.2f}, at least "
                f"{MINIMUM_AGREEMENT} are needed: {ADVICE} or a mask file"
            )
        return Person(
            alpha=alpha,
            coarse_mask=coarse_mask,
            keypoints=found.points + _CENTER,
            visibility=found.visibility,
            keypoints_world=found.world,
            quality=quality,
        )

    @torch.no_grad()
    def without_others(
        self, image: UInt8[Tensor, "h w 3"], alpha: Float[Tensor, "h w"], choice: Choice
    ) -> Float[Tensor, "h w"]:
        """What an outline of several persons holds of the chosen one; the outline itself where it holds no other.

        Args:
            image: sRGB.
            alpha: Outline in [0, 1].
            choice: Which of the persons that `find` found in the photo.
        """
        inside = [other for other in choice.others if _holds(alpha, other)]
        if not inside:
            return alpha
        person = choice.person.landmarks
        coarse_mask = person.crop.paste(person.mask, (alpha.shape[0], alpha.shape[1]))
        return person_pieces(without(inside, alpha, _planes(image), person), coarse_mask)

    def _outline(
        self,
        image: Float[Tensor, "1 3 h w"],
        coarse_mask: Float[Tensor, "h w"],
        found: Landmarks,
        others: tuple[FoundPerson, ...],
    ) -> Float[Tensor, "h w"]:
        alpha = self._matte_net(image, coarse_mask, found)
        alone = person_pieces(without(others, alpha, image, found), coarse_mask)
        return alone if others else with_hanging_cloth(alone, image)


def _holds(alpha: Float[Tensor, "h w"], person: FoundPerson) -> bool:
    """Whether an outline takes in most of a person."""
    return covered(person, alpha) > _HELD * person.area


def without(
    others: Sequence[FoundPerson],
    alpha: Float[Tensor, "h w"],
    image: Float[Tensor, "1 3 h w"],
    person: Landmarks,
) -> Float[Tensor, "h w"]:
    """An alpha without what shows other persons.

    Args:
        others: The persons to drop.
        alpha: The outline of all of them.
        image: The photo, in [0, 255].
        person: Whom to keep.
    """
    solid = torch.nonzero(alpha > 0)
    if not others or not len(solid):
        return alpha
    (top, left), (bottom, right) = solid.amin(0).tolist(), (solid.amax(0) + 1).tolist()
    box = PixelBox(left, top, right, bottom)
    near = [other.landmarks for other in others if other.box.meets(box)]
    if not near:
        return alpha
    kept = alpha.clone()
    box.of(kept).mul_(share_of(image, box, person, near))
    return kept


def _planes(image: UInt8[Tensor, "h w 3"]) -> Float[Tensor, "1 3 h w"]:
    if min(image.shape[:2]) < _SMALLEST_PHOTO:
        raise DataError(
            f"the photo is {image.shape[1]}x{image.shape[0]} pixels: at least {_SMALLEST_PHOTO} each way are needed"
        )
    return image.permute(2, 0, 1)[None].float()


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
