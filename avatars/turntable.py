"""An avatar from all around in the T-pose: a strip of pictures, and what can be told of them without the truth."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.defects import sharpness, small_gaps, specks
from avatars.posed.avatar import PosedAvatar, orbit_around
from nfield.data.picture_files import side_by_side, write_png
from nfield.rendering.image import Image

VIEWS = 8
_SIZE = 512
_STRIP = 320


@dataclass(frozen=True)
class Turntable:
    """Views around an avatar, the first one before it.

    Attributes:
        views: Over white.
    """

    views: tuple[Image, ...]

    @staticmethod
    def of(posed: PosedAvatar) -> "Turntable":
        """Looks at an avatar in an upright pose."""
        cameras = orbit_around(posed.box, height=_SIZE, width=_SIZE).cameras(VIEWS)
        return Turntable(tuple(posed.image(cameras, index) for index in range(VIEWS)))

    def write_strip(self, path: Path) -> None:
        """Writes the views side by side as a PNG."""
        write_png(path, side_by_side([_smaller(view.color) for view in self.views]))

    def figures(self) -> dict[str, float | None]:
        """Means over the views, of 512x512 pixels each.

        `specks` are pieces not connected with the person, of pixels darker than 8 % of the way from white to black, or
        opaque: light clothes are no gap;
        `small_gaps` are enclosed gaps below 150 pixels, those between fingers included; `sharpness_back_over_front` is
        the mean absolute Laplacian five pixels inside of the outline.
        """
        front, back = (_sharpness(self.views[index]) for index in (0, VIEWS // 2))
        ratio = round(back / front, 3) if front and back is not None else None
        return {
            "specks": sum(specks(_shown(view)) for view in self.views) / VIEWS,
            "small_gaps": sum(small_gaps(view.opacity > 0.5) for view in self.views) / VIEWS,
            "sharpness_back_over_front": ratio,
        }


def _shown(view: Image) -> Float[Tensor, "h w"]:
    """How much of a pixel is not the white behind: its darkness, and all of it where it is opaque."""
    return torch.maximum(1.0 - view.color.mean(-1), (view.opacity > 0.5).to(view.color))


def _sharpness(view: Image) -> float | None:
    return sharpness(view.color.mean(-1).double().numpy(), view.opacity > 0.5)


def _smaller(color: Float[Tensor, "h w 3"]) -> Float[Tensor, "s s 3"]:
    resized = torch.nn.functional.interpolate(color.permute(2, 0, 1)[None], size=(_STRIP, _STRIP), mode="area")
    return resized[0].permute(1, 2, 0)
