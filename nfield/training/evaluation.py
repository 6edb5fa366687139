"""Held-out views against their photos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nfield.data.base import PosedImages
from nfield.metrics import psnr, ssim
from nfield.rendering.scene_renderer import SceneRenderer


@dataclass(frozen=True)
class View:
    """A rendered view beside its photo, both sRGB in [0, 1] over the same background.

    Attributes:
        name: Of the photo.
        rendered: What the field shows.
        photo: What was photographed.
        used: The pixels to compare; None for all.
    """

    name: str
    rendered: Float[Tensor, "h w 3"]
    photo: Float[Tensor, "h w 3"]
    used: Bool[Tensor, "h w"] | None = None

    @property
    def psnr(self) -> float:
        """Peak signal-to-noise ratio, decibels."""
        return psnr(self.rendered, self.photo, mask=self.used)

    @property
    def ssim(self) -> float:
        """Mean structural similarity."""
        return ssim(self.rendered, self.photo, mask=self.used)


def rendered_views(shown: SceneRenderer, images: PosedImages, indices: Sequence[int]) -> Iterator[View]:
    """Views of a data set, one after the other, with its transparent photos over the renderer's background.

    Args:
        shown: What is looked at.
        images: The data set.
        indices: Which of its views.
    """
    behind = torch.tensor(shown.background)
    for index in indices:
        photo = over(images.image(index), behind)
        rendered = shown.image(images.cameras, index).color
        yield View(images.names[index], rendered, photo, images.pictures.used_of(index))


def over(pixels: Float[Tensor, "h w 4"], background: Float[Tensor, "3"]) -> Float[Tensor, "h w 3"]:
    """An image with straight alpha over a colour."""
    return pixels[..., :3] * pixels[..., 3:] + background * (1.0 - pixels[..., 3:])


def spread(total: int, count: int | None) -> list[int]:
    """At most `count` of `total` indices, evenly spread; all of them for None.

    >>> spread(10, 3)
    [0, 3, 6]
    """
    chosen = total if count is None else min(count, total)
    return [index * total // chosen for index in range(chosen)]
