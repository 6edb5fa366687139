"""What a fit is given: one photo's keypoints and person mask, checked for being enough."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

from avatars.body_fit.landmarks import COUNT, Landmark
from nfield.errors import NFieldError

VISIBLE = 0.5
"""A landmark with at least this visibility counts as seen."""

_GUESSED = 0.1  # below this visibility a landmark is not even a guess

_SMALLEST_PERSON = 32  # pixels; below this a silhouette says nothing
_SEGMENTS = {
    f"{side} {segment}": tuple(Landmark[f"{side}_{end}".upper()] for end in ends)
    for side in ("left", "right")
    for segment, ends in (
        ("forearm", ("elbow", "wrist")),
        ("hand", ("wrist", "index", "pinky")),
        ("thigh", ("hip", "knee")),
        ("lower leg", ("knee", "ankle")),
        ("foot", ("ankle", "heel", "toes")),
    )
}
_SHOULDERS = (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER)
_HIPS = (Landmark.LEFT_HIP, Landmark.RIGHT_HIP)
_FACE = (Landmark.NOSE, Landmark.LEFT_EAR, Landmark.RIGHT_EAR)


class BodyFitError(NFieldError):
    """A photo's keypoints or mask are not enough to fit a body."""


@dataclass(frozen=True)
class BodyObservation:
    """One person in one photo.

    Attributes:
        keypoints: BlazePose's 33 landmarks, column and row in pixels.
        visibility: Probability that each landmark is in the photo and not hidden.
        keypoints_world: The same landmarks in metres around the middle of the hips: x right, y down, z away from
            the camera.
        mask: Which pixels show the person.
        size: Height and width of the photo, pixels.
    """

    keypoints: Float[Tensor, "33 2"]
    visibility: Float[Tensor, "33"]
    keypoints_world: Float[Tensor, "33 3"]
    mask: Bool[Tensor, "h w"]
    size: tuple[int, int]

    def hidden_segments(self) -> tuple[str, ...]:
        """Segments of the limbs (`avatars.body.parts.SEGMENT_NAMES`) of which no landmark is seen."""
        return tuple(name for name, ends in _SEGMENTS.items() if not any(self.seen(end) for end in ends))

    @property
    def shows_hips(self) -> bool:
        """Whether the photo shows a hip at all; else the torso's lean is a guess."""
        return any(self.seen(hip) for hip in _HIPS)

    def confidence(self) -> Float[Tensor, "33"]:
        """How much each landmark may pull: its visibility squared, and nothing beyond the photo's borders."""
        return torch.where(self._inside() & (self.visibility > _GUESSED), self.visibility.square(), 0.0)

    def person(self) -> Bool[Tensor, "h w"]:
        """The largest connected piece of the mask; specks elsewhere are dropped, holes stay.

        Raises:
            BodyFitError: The mask shows no person, or one that is too small.
        """
        labels = np.zeros(self.size, np.int32)
        count = ndimage.label(self.mask.numpy(), output=labels)
        sizes = np.bincount(labels.ravel())[1:]
        if count == 0 or sizes.max() < _SMALLEST_PERSON**2 / 8:
            raise BodyFitError(
                f"the person mask has {int(sizes.max(initial=0))} connected pixels, too few to fit a body to; "
                "give a photo in which the person fills at least a tenth of the height, or a better mask"
            )
        return torch.from_numpy(labels == int(sizes.argmax()) + 1)

    def check(self) -> None:
        """Refuse what cannot be fitted.

        Raises:
            BodyFitError: Shapes disagree, numbers are not finite, or head and shoulders are not visible.
        """
        if self.keypoints.shape[0] != COUNT or tuple(self.mask.shape) != self.size:
            raise BodyFitError(
                f"expected {COUNT} keypoints and a mask of {self.size[0]}x{self.size[1]} pixels; "
                f"got {self.keypoints.shape[0]} keypoints and a mask of {'x'.join(map(str, self.mask.shape))}"
            )
        numbers = torch.cat([self.keypoints.flatten(), self.visibility, self.keypoints_world.flatten()])
        if not bool(numbers.isfinite().all()):
            raise BodyFitError("the keypoints hold NaN or infinite numbers; run the perception stage again")
        missing = [Landmark(name).name.lower().replace("_", " ") for name in _SHOULDERS if not self.seen(name)]
        if not any(self.seen(name) for name in _FACE):
            missing.append("face")
        if missing:
            raise BodyFitError(
                f"the photo does not show enough of the body: not visible are {', '.join(missing)}; the fit needs the "
                "head, with nose or an ear, and both shoulders. Give a photo that shows the person at least down to "
                "the chest and not from behind, best from head to feet"
            )

    def seen(self, landmark: Landmark) -> bool:
        """Whether the photo shows a landmark: it lies in the photo and is probably not hidden."""
        return bool(self._inside()[landmark]) and float(self.visibility[landmark]) >= VISIBLE

    def hides(self, landmark: Landmark) -> bool:
        """Whether a landmark lies in the photo, but probably behind something."""
        return bool(self._inside()[landmark]) and float(self.visibility[landmark]) < VISIBLE

    def _inside(self) -> Bool[Tensor, "33"]:
        limit = torch.tensor([self.size[1], self.size[0]])
        return ((self.keypoints >= 0) & (self.keypoints <= limit)).all(-1)
