"""A photo and what the user knows about it, from files."""

import math
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from avatars.body import BodyModel
from avatars.body.pose_file import BodyParameters, load_parameters
from avatars.perception import Keypoints, Photo, load_keypoints, load_mask, load_photo_and_alpha
from nfield.cameras import Cameras


@dataclass(frozen=True)
class PhotoFiles:
    """A photo, and what the user knows about it.

    Attributes:
        photo: Picture that shows a person.
        person: Which of several persons, 1 for the leftmost; the largest where it is left out.
        mask: Picture of the photo's size, white where the person is; the photo's own alpha where that is one, else
            found, where it is left out.
        use_alpha: Whether the photo's own alpha channel may be its mask.
        keypoints: JSON file with the person's landmarks; found where it is left out.
        body: Parameters of the body (npz); fitted where it is left out.
        focal: Focal length, pixels of the photo; that of `body`, else fitted, where it is left out.
    """

    photo: Path
    person: int | None = None
    mask: Path | None = None
    use_alpha: bool = True
    keypoints: Path | None = None
    body: Path | None = None
    focal: float | None = None


@dataclass(frozen=True)
class PhotoInputs:
    """A photo before anybody has looked for the person in it.

    Attributes:
        photo: The picture, with its own alpha channel where that is a mask.
        person: Which of several persons the user means, 1 for the leftmost, if they say so.
        alpha: The user's matte in [0, 1], if there is one.
        keypoints: The user's landmarks, if there are any.
        body: The user's body parameters, if there are any.
        focal: The user's focal length, pixels, if there is one.
    """

    photo: Photo
    person: int | None = None
    alpha: Float[Tensor, "h w"] | None = None
    keypoints: Keypoints | None = None
    body: BodyParameters | None = None
    focal: float | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the photo, pixels."""
        return self.photo.colors.shape[0], self.photo.colors.shape[1]

    def camera(self, body: BodyParameters) -> Cameras:
        """The photo's camera: of the user's focal length, else of the parameters', else as wide as most."""
        if self.focal is not None:
            return Cameras.pinhole(self.focal, self.size)
        return body.camera(self.size) or Cameras.pinhole(math.hypot(*self.size), self.size)


def load_inputs(files: PhotoFiles, model: BodyModel) -> PhotoInputs:
    """Reads the files.

    Args:
        files: Which.
        model: The body that parameters are for.
    """
    photo = load_photo_and_alpha(files.photo)
    size = (photo.colors.shape[0], photo.colors.shape[1])
    return PhotoInputs(
        photo=photo if files.use_alpha else photo.without_alpha(),
        person=files.person,
        alpha=None if files.mask is None else load_mask(files.mask, size),
        keypoints=None if files.keypoints is None else load_keypoints(files.keypoints),
        body=None if files.body is None else load_parameters(files.body, model),
        focal=files.focal,
    )
