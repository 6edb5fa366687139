"""Two views in one picture: beside each other, or one behind a wipe over the other."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from torch import Tensor

from nfield.cameras import Cameras
from nfield.rendering.image import Image, ShouldStop
from viewer.interface import View

Arrangement = Literal["side by side", "wipe"]

_LETTERS = 1.0 / 28.0
"""Height of the names over that of the picture."""
_LEAST_LETTERS = 9.0
_LEAST_HEIGHT = 100
"""Rows of a picture below which the names would cover it."""
_LINE = 0.35


@dataclass(frozen=True)
class Layout:
    """Where the two are.

    Attributes:
        arrangement: Beside each other both show the same camera's view in half the width, from farther away; a wipe
            shows the left part of one and the right part of the other, so that they meet at the same place.
        share: Of the width, where the wipe is.
    """

    arrangement: Arrangement = "side by side"
    share: float = 0.5


def pair_view(left: View, right: View, layout: Layout, *, names: tuple[str, str]) -> View:
    """Both views from the same camera in one picture, each with its name.

    Args:
        left: The left one.
        right: The right one.
        layout: Where they are.
        names: Of both.
    """

    def view(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
        whole = camera.resized(size)
        border = min(max(round(size[1] * layout.share), 1), size[1] - 1)
        parts = []
        for part, part_camera in zip((left, right), _cameras(whole, border, layout.arrangement), strict=True):
            image = part(part_camera, part_camera.size, should_stop)
            if image is None:
                return None
            parts.append(image)
        color = torch.cat([image.color for image in parts], 1)
        opacity = torch.cat([image.opacity for image in parts], 1)
        return Image(_labelled(color, border, names), opacity, torch.cat([image.depth for image in parts], 1))

    return view


def _cameras(whole: Cameras, border: int, arrangement: Arrangement) -> tuple[Cameras, Cameras]:
    """The cameras of both parts."""
    width = whole.size[1]
    if arrangement == "wipe":
        return whole.columns(0, border), whole.columns(border, width)
    return _narrower(whole, border), _narrower(whole, width - border)


def _narrower(whole: Cameras, width: int) -> Cameras:
    """The same view in a part of the width, from so far that the largest square in the middle of it is still seen."""
    height = whole.size[0]
    zoom = min(1.0, width / min(whole.size))
    intrinsics = whole.intrinsics * whole.intrinsics.new_tensor([zoom, zoom, 1.0])[:, None]
    intrinsics[:, :2, 2] = intrinsics.new_tensor([width / 2, height / 2])
    return replace(whole, intrinsics=intrinsics, size=(height, width))


def _labelled(color: Float[Tensor, "h w 3"], border: int, names: tuple[str, str]) -> Float[Tensor, "h w 3"]:
    """The picture with a line between the parts and their names at the lower edge, unless it is too small for them."""
    height, width = color.shape[:2]
    letters = max(_LETTERS * height, _LEAST_LETTERS)
    cover = Pillow.new("L", (width, height))
    draw = ImageDraw.Draw(cover)
    font = ImageFont.load_default(size=letters)
    halves = ((0, border), (border, width))
    for name, (first, last) in zip(names, halves if height >= _LEAST_HEIGHT else (), strict=False):
        draw.text((0.5 * (first + last), height - 0.6 * letters), name, fill=255, font=font, anchor="ms")
    draw.line((border, 0, border, height), fill=round(255 * _LINE), width=max(1, round(height / 400)))
    share = torch.from_numpy(np.asarray(cover, np.float32) / 255.0)[..., None]
    # Dark letters before something bright, bright ones before something dark.
    ink = (color.mean(-1, keepdim=True) < 0.5).to(color)
    return torch.lerp(color, ink.expand_as(color), share)
