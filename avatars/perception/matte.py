"""Soft outlines of a person: MODNet (Ke et al. 2022, AAAI, arXiv:2011.11961) around the person that the pose net saw.

MODNet looks twice: at the person's own box, where it sees most detail, and at that box padded to a square, where it
knows best what is not the person. Where the two mattes differ, the pose net's mask decides between them: the three
are rarely wrong in one place. What lies away from that mask is then dropped (other persons, furniture), and so are
loose pieces of the rest.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from avatars.perception.graph import Graph
from avatars.perception.landmarks import Landmarks

_BOX_SCALE = 1.3
_SHORT_SIDE = 512
_LONG_SIDE = 1056
_SQUARE_SIDE = 672
_MULTIPLE = 32
_GATE_LEVEL = 0.3
_GATE_REACH = 0.03
_SOLID = 0.5
_TRACE = 0.02
_COVERED = 0.5
_SMALLEST_PIECE = 0.002


@dataclass(frozen=True)
class PixelBox:
    """Whole pixels of a photo: columns left to right-1, rows top to bottom-1."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def long_side(self) -> int:
        """The longer edge, pixels."""
        return max(self.right - self.left, self.bottom - self.top)

    def meets(self, other: "PixelBox") -> bool:
        """Whether the two share a pixel."""
        across = max(self.left, other.left) < min(self.right, other.right)
        return across and max(self.top, other.top) < min(self.bottom, other.bottom)

    def of(self, image: Float[Tensor, "*c h w"]) -> Float[Tensor, "*c bh bw"]:
        """That part of an image (a view)."""
        return image[..., self.top : self.bottom, self.left : self.right]


def person_box(points: Float[Tensor, "k 2"], coarse_mask: Float[Tensor, "h w"]) -> PixelBox:
    """The box around landmarks and rough mask, enlarged by 1.3 and cut at the photo's edges."""
    rows, columns = torch.nonzero(coarse_mask > _SOLID, as_tuple=True)
    extent = torch.cat([points, torch.stack([columns, rows], -1).to(points)])
    low, high = extent.amin(0), extent.amax(0)
    middle, half = (low + high) / 2, (high - low) * _BOX_SCALE / 2
    height, width = coarse_mask.shape
    left, top = (middle - half).floor().clamp_min(0).int().tolist()
    right, bottom = (middle + half).ceil().int().tolist()
    left, top = min(left, width - 1), min(top, height - 1)
    return PixelBox(left, top, max(min(right, width), left + 1), max(min(bottom, height), top + 1))


class MatteNet:
    """The matting net."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def __call__(
        self, image: Float[Tensor, "1 3 h w"], coarse_mask: Float[Tensor, "h w"], person: Landmarks
    ) -> Float[Tensor, "h w"]:
        """The person's alpha in a photo of range [0, 255]; it may hold parts of others who touch the person."""
        box = person_box(person.points, coarse_mask)
        views = torch.stack([self._box_matte(box.of(image)), self._square_matte(box.of(image))])
        alpha = torch.zeros_like(coarse_mask)
        box.of(alpha).copy_(torch.lerp(views.amin(0), views.amax(0), box.of(coarse_mask).clamp(0, 1)))
        return alpha * _gate(person, box.long_side, (alpha.shape[0], alpha.shape[1]))

    def _box_matte(self, image: Float[Tensor, "1 3 h w"]) -> Float[Tensor, "h w"]:
        sides = image.shape[2:]
        return self._run(image, min(_SHORT_SIDE / min(sides), _LONG_SIDE / max(sides)))

    def _square_matte(self, image: Float[Tensor, "1 3 h w"]) -> Float[Tensor, "h w"]:
        height, width = image.shape[2:]
        edge = max(height, width)
        left, top = (edge - width) // 2, (edge - height) // 2
        square = F.pad(image, (left, edge - width - left, top, edge - height - top), mode="replicate")
        return self._run(square, _SQUARE_SIDE / edge)[top : top + height, left : left + width]

    def _run(self, image: Float[Tensor, "1 3 h w"], scale: float) -> Float[Tensor, "h w"]:
        size = [max(_MULTIPLE, round(side * scale / _MULTIPLE) * _MULTIPLE) for side in image.shape[2:]]
        pixels = F.interpolate(image, size, mode="bilinear", antialias=True, align_corners=False) / 127.5 - 1
        (matte,) = self._graph(pixels)
        return F.interpolate(matte, image.shape[2:], mode="bilinear", align_corners=False)[0, 0]


def _gate(person: Landmarks, extent: int, size: tuple[int, int]) -> Float[Tensor, "h w"]:
    """1 near the pose net's mask, 0 elsewhere; dilated in the small crop, where it is cheap."""
    reach = max(1, round(_GATE_REACH * extent * person.crop.resolution / person.crop.size))
    near = F.max_pool2d((person.mask > _GATE_LEVEL).float()[None, None], 2 * reach + 1, 1, reach)
    return person.crop.paste(near[0, 0], size)


def person_pieces(alpha: Float[Tensor, "h w"], coarse_mask: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Alpha without solid pieces (alpha > 0.5) that hang apart and are not the person's; holes stay as they are.

    The person is the largest piece and all others of some size that lie mostly in the pose net's mask: a shoe below
    a trouser leg as dark as the ground is a piece of its own.

    >>> coarse_mask = torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.0]])
    >>> person_pieces(torch.tensor([[1.0, 0.9, 0.3, 0.0, 0.8]]), coarse_mask)
    tensor([[1.0000, 0.9000, 0.3000, 0.0000, 0.0000]])
    """
    values = alpha.numpy()
    pieces, count = _label(values > _SOLID)
    if count == 0:
        return torch.zeros_like(alpha)
    areas = np.bincount(pieces.ravel(), minlength=count + 1).astype(np.float64)
    covered = np.bincount(pieces.ravel(), weights=(coarse_mask.numpy() > _SOLID).ravel(), minlength=count + 1)
    kept = (covered > _COVERED * areas) & (areas > _SMALLEST_PIECE * areas[1:].max())
    kept[1 + areas[1:].argmax()] = True
    kept[0] = False
    person = kept[pieces]
    traces, count = _label((values > _TRACE) & ~((pieces > 0) & ~person))
    touching = np.zeros(count + 1, dtype=bool)
    touching[traces[person]] = True
    return torch.where(torch.from_numpy(touching[traces]), alpha, 0.0)


def _label(region: np.ndarray) -> tuple[np.ndarray, int]:
    """Number of each pixel's connected piece (0: outside the region), and how many pieces there are."""
    return cast("tuple[np.ndarray, int]", ndimage.label(region))
