"""A backdrop of one colour, as renderers and turntables leave it: found from the pictures' borders."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

_LEAST_BORDER = 0.7
"""Share of all border pixels that must show the colour: a subject may touch the border."""
_LEAST_EACH = 0.25
_LEAST_PICTURES = 0.9
_NEAR = 12
_LEAST_TOLERANCE, _SPREADS = 2.0, 4.0


@dataclass(frozen=True)
class Backdrop:
    """A colour, and how far pixels of the backdrop are from it.

    Attributes:
        color: sRGB bytes.
        tolerance: Largest distance in any channel, of 255.
    """

    color: tuple[int, int, int]
    tolerance: float

    @property
    def unit_color(self) -> tuple[float, float, float]:
        """In sRGB, [0, 1]."""
        red, green, blue = self.color
        return red / 255.0, green / 255.0, blue / 255.0

    def solid(self, image: UInt8[Tensor, "h w 4"]) -> Bool[Tensor, "h w"]:
        """What is not backdrop: pixels of another colour, and those that such pixels enclose."""
        near = _distance(image, self.color) <= self.tolerance
        labels, _ = scipy.ndimage.label(near.numpy())  # pyright: ignore[reportGeneralTypeIssues] - a pair without output=
        labels = np.asarray(labels)
        edges = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        outside = np.unique(edges[edges > 0])
        return torch.from_numpy(~np.isin(labels, outside))

    def blended(self, image: UInt8[Tensor, "h w 4"], solid: Bool[Tensor, "h w"]) -> Bool[Tensor, "h w"]:
        """Solid pixels that may show some of the backdrop: beside it, and in or beside what has its colour."""
        near = _distance(image, self.color) <= self.tolerance
        beside = scipy.ndimage.binary_dilation((near | ~solid).numpy(), np.ones((3, 3), bool))
        return torch.from_numpy(beside) & solid


def find_backdrop(images: Sequence[UInt8[Tensor, "_ _ 4"]]) -> Backdrop | None:
    """The colour that nearly all borders of opaque pictures show; None where there is none."""
    borders = [_border(image) for image in images]
    together = torch.cat(borders)
    middle = together.to(torch.float32).median(0).values
    color = (int(middle[0]), int(middle[1]), int(middle[2]))
    distance = _distance(together, color)
    near = distance <= _NEAR
    each = _shares(near, [len(border) for border in borders])
    if float(near.float().mean()) < _LEAST_BORDER or float((each >= _LEAST_EACH).float().mean()) < _LEAST_PICTURES:
        return None
    spread = float(distance[near].square().mean().sqrt())
    return Backdrop(color, max(_LEAST_TOLERANCE, min(_SPREADS * spread, _NEAR)))


def _border(image: UInt8[Tensor, "h w 4"]) -> UInt8[Tensor, "n 3"]:
    rows, columns = image[[0, -1], :, :3].reshape(-1, 3), image[:, [0, -1], :3].reshape(-1, 3)
    return torch.cat([rows, columns])


def _distance(pixels: UInt8[Tensor, "*n c"], color: tuple[int, int, int]) -> Tensor:
    return (pixels[..., :3].to(torch.int16) - torch.tensor(color, dtype=torch.int16)).abs().amax(-1).to(torch.float32)


def _shares(near: Bool[Tensor, "n"], counts: Iterable[int]) -> Tensor:
    return torch.stack([part.float().mean() for part in near.split(list(counts))])
