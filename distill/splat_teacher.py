"""Splats that teach: no field answers at points, so that a student learns from views of them (PVD's rays alone)."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from nfield.cameras import Cameras, look_at
from nfield.data.base import PosedImages
from nfield.data.picture_stack import PictureStack
from nfield.data.world import World
from nfield.export.splat_file import SplatFile
from nfield.kernels.gaussians import Splats
from nfield.rendering.image import Image
from nfield.splats.shown import BACKGROUND, middle, orbit_around, splat_image
from nfield.types import Box

_VISIBLE = 0.05
"""Opacity from which on a splat counts for where the scene is."""
_REACH = 4.0
"""What lies farther from the middle, in radii of most splats, is left out: a capture's surroundings."""
_INSIDE = (0.001, 0.999)
"""Quantiles of places between which the scene lies."""
_MARGIN = 0.03
_FOCAL = 620.0 / 512.0
"""Of the pictures, over their edge."""
_NEAREST, _FARTHEST = 0.8, 1.5
"""Distances of cameras over that from which all of the scene is seen."""
_LOWEST = -0.35
"""Sine of the lowest camera's elevation."""
_ASIDE = 0.15
"""How far cameras look past the middle, over the scene's radius."""
_GOLDEN = math.pi * (3.0 - math.sqrt(5.0))


@dataclass(frozen=True)
class SplatTeacher:
    """Splats around the origin, most of them within a metre.

    Attributes:
        splats: Those inside the box.
        box: Around them, metres.
        up: Unit vector upwards.
        world: How this world lies in the file's.
        left_out: Splats that lie outside the box.
    """

    splats: Splats
    box: Box
    up: Float[Tensor, "3"]
    world: World
    left_out: int

    @staticmethod
    def of(file: SplatFile) -> "SplatTeacher":
        """What a file holds, moved and scaled.

        Args:
            file: The splats.
        """
        target, radius = middle(file.splats)
        scale = 1.0 / radius
        moved = replace(
            file.splats,
            means=(file.splats.means - target) * scale,
            log_scales=file.splats.log_scales + math.log(scale),
        )
        box = _box(moved)
        inside = ((moved.means >= box.low) & (moved.means <= box.high)).all(-1)
        x, y, z = (origin + offset for origin, offset in zip(file.origin, target.tolist(), strict=True))
        up = orbit_around(file.splats, file.up).up
        return SplatTeacher(moved[inside], box, up, World((x, y, z), scale), int((~inside).sum()))

    @property
    def radius(self) -> float:
        """Of the ball around the box's middle that holds the box's faces, metres."""
        return 0.5 * float(self.box.size.max())

    def cameras(self, count: int, edge: int, *, generator: torch.Generator) -> Cameras:
        """Cameras from all around, few from below, with square pictures.

        Args:
            count: How many.
            edge: Pixels along an edge of a picture.
            generator: Draws distances, where the first one is, and how far each looks past the middle.
        """
        drawn = torch.rand(count, 5, generator=generator)
        height = _LOWEST + (1.0 - _LOWEST) * (torch.arange(count) + 0.5) / count * 0.98
        angle = _GOLDEN * torch.arange(count) + 2.0 * math.pi * drawn[0, 0]
        along = torch.eye(3)[int(self.up.abs().argmin())]
        side = torch.nn.functional.normalize(torch.linalg.cross(self.up, along), dim=0)
        across = angle.cos()[:, None] * side + angle.sin()[:, None] * torch.linalg.cross(self.up, side)
        toward = height[:, None] * self.up + (1.0 - height.square()).sqrt()[:, None] * across
        away = self.radius * math.hypot(1.0, 2.0 * _FOCAL) * (_NEAREST + (_FARTHEST - _NEAREST) * drawn[:, 1])
        center = 0.5 * (self.box.low + self.box.high)
        aside = _ASIDE * self.radius * (2.0 * drawn[:, 2:] - 1.0)
        origins = center + away[:, None] * toward
        poses = torch.cat([look_at(origins[k : k + 1], center + aside[k], self.up) for k in range(count)])
        return Cameras.pinhole(_FOCAL * edge, (edge, edge), world_from_camera=poses)

    def image(self, cameras: Cameras, index: int) -> Image:
        """What one camera sees."""
        return splat_image(self.splats, cameras, index)

    def pictures(self, cameras: Cameras) -> PosedImages:
        """What cameras see as pictures to train on, transparent where no splat is."""
        pictures = PictureStack.of_one_size(
            torch.stack([_straight(self.image(cameras, k)) for k in range(len(cameras))])
        )
        names = tuple(f"view {index}" for index in range(len(cameras)))
        return PosedImages(cameras, pictures, self.box, self.box, True, BACKGROUND, names)


def _box(splats: Splats) -> Box:
    """Around nearly all that is visible, at most so far from the middle."""
    places = splats.means[splats.opacity_logits.sigmoid() > _VISIBLE]
    places = places[places.abs().amax(-1) < _REACH] if len(places) else splats.means
    ordered = places.sort(0).values
    low, high = (ordered[round(share * (len(ordered) - 1))] for share in _INSIDE)
    return Box.around(torch.stack([low, high]), margin=_MARGIN * float((high - low).max().clamp_min(1e-3)))


def _straight(image: Image) -> UInt8[Tensor, "h w 4"]:
    """A picture over the background as sRGB with straight alpha."""
    alpha = image.opacity[..., None]
    own = (image.color - (1.0 - alpha) * torch.tensor(BACKGROUND)) / alpha.clamp_min(1e-3)
    return (torch.cat([own.clamp(0.0, 1.0), alpha], -1) * 255.0).round().to(torch.uint8)
