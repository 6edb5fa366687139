"""A photo of a person, and how its camera saw them."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from avatars.body import BodyPose
from nfield.cameras import Cameras


@dataclass(frozen=True)
class Portrait:
    """How the photo saw the person.

    Attributes:
        pose: The body in the photo camera's axes.
        camera: The one camera that took the photo; its world is its own frame.
    """

    pose: BodyPose
    camera: Cameras


@dataclass(frozen=True)
class PersonPhoto:
    """A photo and who is where in it.

    Attributes:
        photo: sRGB.
        alpha: The person's matte in [0, 1].
        portrait: The body's pose, and the camera.
    """

    photo: UInt8[Tensor, "h w 3"]
    alpha: Float[Tensor, "h w"]
    portrait: Portrait

    @property
    def mask(self) -> Bool[Tensor, "h w"]:
        """The person."""
        return self.alpha > 0.5
