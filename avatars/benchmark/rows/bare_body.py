"""The body without clothes in the mean colours of its parts, and how any coloured bare body is rendered."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.benchmark.methods import ROWS, Case, Fitted, Render
from avatars.body import BodyModel, BodyPose
from avatars.body.parts import PART_NAMES
from nfield.cameras import Cameras
from nfield.kernels.rasterize import Raster, rasterize
from nfield.rendering.image import Image

_FEWEST = 20  # pixels that stand for a part
_OVERSAMPLING = 2

Skin = Callable[[Raster], Tensor]
"""Colours (h w 3) of what the pixels of a raster of the body see."""


@dataclass(frozen=True)
class MeanColors:
    """Each part of the body in the mean colour that the photo shows on it."""

    def fit(self, case: Case) -> Fitted:
        """The coloured body; parts that are hidden take the colour of the other side, or the mean of all."""
        part = parts_in_photo(case)
        photo = case.photo.float() / 255.0
        shown = [photo[part == label] for label in range(len(PART_NAMES))]
        everywhere = photo[part > 0].mean(0)
        colors = []
        for label, name in enumerate(PART_NAMES):
            other = PART_NAMES.index(_other_side(name))
            enough = next((pixels for pixels in (shown[label], shown[other]) if len(pixels) >= _FEWEST), None)
            colors.append(everywhere if enough is None else enough.mean(0))
        return BareBody(case, Flat(torch.stack(colors)[case.model.parts]))


@dataclass(frozen=True)
class BareBody:
    """A coloured body.

    Attributes:
        case: Whom it shows.
        skin: Its colours.
    """

    case: Case
    skin: Skin

    @property
    def pose(self) -> BodyPose:
        """As it was given."""
        return self.case.pose

    @property
    def camera(self) -> Cameras:
        """As it was given."""
        return self.case.camera

    def posed(self, pose: BodyPose) -> Render:
        """The body in a pose, four samples a pixel."""
        model = self.case.model
        vertices = model.pose(replace(pose, shape=self.case.pose.shape)).vertices

        def render(cameras: Cameras, index: int) -> Image:
            height, width = cameras.size
            fine = cameras.resized((height * _OVERSAMPLING, width * _OVERSAMPLING))
            raster = seen_by(vertices, model, fine, index)
            inside = (raster.face >= 0).float()[..., None]
            color = self.skin(raster) * inside + 1.0 - inside
            layers = torch.cat([color, inside, raster.depth[..., None]], -1).permute(2, 0, 1)
            layers = torch.nn.functional.avg_pool2d(layers[None], _OVERSAMPLING)[0].permute(1, 2, 0)
            return Image(layers[..., :3], layers[..., 3], layers[..., 4])

        return render


@dataclass(frozen=True)
class Flat:
    """Colours of faces."""

    colors: Float[Tensor, "t 3"]

    def __call__(self, raster: Raster) -> Float[Tensor, "h w 3"]:
        """As `Skin`."""
        return self.colors[raster.face.clamp_min(0)]


def seen_by(vertices: Float[Tensor, "v 3"], model: BodyModel, cameras: Cameras, index: int) -> Raster:
    """What one camera sees of the body."""
    pose = cameras.world_from_camera[index]
    in_camera = (vertices - pose[:3, 3]) @ pose[:3, :3]
    return rasterize(in_camera, model.faces, cameras.intrinsics[index], cameras.size)


def parts_in_photo(case: Case) -> Int[Tensor, "h w"]:
    """The part of the body that each pixel of the photo shows; 0 where it shows none."""
    raster = seen_by(case.model.pose(case.pose).vertices, case.model, case.camera, 0)
    part = case.model.parts[raster.face.clamp_min(0)]
    return torch.where((raster.face >= 0) & (case.alpha > 0.5), part, 0)


def _other_side(name: str) -> str:
    swapped = {"left": "right", "right": "left"}
    side, _, part = name.partition(" ")
    return f"{swapped[side]} {part}" if side in swapped else name


ROWS["mean colours"] = MeanColors()
