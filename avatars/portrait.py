"""A photo of a person, and how its camera saw them."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from avatars.body import BodyModel, BodyPose
from nfield.cameras import Cameras
from nfield.kernels.rasterize import rasterize
from nfield.metrics import intersection_over_union


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

    def body_cover(self, model: BodyModel) -> Bool[Tensor, "h w"]:
        """Pixels that the bare body covers.

        Args:
            model: The body that the portrait's pose is of.
        """
        camera, vertices = self.portrait.camera, model.pose(self.portrait.pose).vertices
        return rasterize(vertices, model.faces, camera.intrinsics[0], camera.size).face >= 0

    def body_overlap(self, model: BodyModel) -> float:
        """Overlap of the bare body and the person, intersection over union.

        Args:
            model: The body that the portrait's pose is of.
        """
        return intersection_over_union(self.body_cover(model), self.mask)

    def at_most(self, largest: int) -> "PersonPhoto":
        """The same, made smaller where the photo's longer side has more than `largest` pixels."""
        height, width = self.alpha.shape
        scale = min(1.0, largest / max(height, width))
        if scale == 1.0:
            return self
        size = (round(height * scale), round(width * scale))
        channels = torch.cat([self.photo.permute(2, 0, 1).to(torch.float32), self.alpha[None]])[None]
        small = torch.nn.functional.interpolate(channels, size, mode="area")[0]
        photo = small[:3].permute(1, 2, 0).round().to(torch.uint8).contiguous()
        portrait = replace(self.portrait, camera=self.portrait.camera.resized(size))
        return PersonPhoto(photo, small[3].contiguous(), portrait)
