"""Cloth that a matting net takes for background: the inside of an open coat, seen between the legs.

A net that knows persons knows that there is air between legs. Here a bay of the outline, what lies between its parts,
is the person's after all where it has the colours of the cloth beside it, other ones than anything around the person,
and ends sharply: shadows fade, hems do not.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from scipy import ndimage
from scipy.spatial import KDTree
from skimage.color import rgb2lab
from torch import Tensor

from avatars.perception.matte import PixelBox

_SOLID = 0.5
_SIDE = 512  # pixels of the longer side at which cloth is looked for
_MARGIN = 0.15  # the lengths from here on are shares of the person's longer side
_BAY = 0.12
_AROUND = 0.03
_NEAR = 0.08
_LEAST_AREA = 0.003  # of the person's
_BIN = 6.0  # CIELAB
_RAREST = 0.005  # share of the colours of a place that count as its own
_RAREST_AROUND = 0.001
_LIGHTNESS = 0.5  # weight of lightness against chroma: the inside of a coat lies in its shadow
_ALIKE, _UNLIKE = 7.0, 7.0  # CIELAB
_HARDLY_ALIKE, _HARDLY_UNLIKE = 12.0, 5.0
_SURE = 0.6  # share of a piece
_EDGE = 10.0  # CIELAB
_SHARP = 0.75  # share of a piece's free border
_CONTACT = 0.4  # share of a piece's border
_SEAM = 3  # pixels between a piece and the outline


def with_hanging_cloth(alpha: Float[Tensor, "h w"], image: Float[Tensor, "1 3 h w"]) -> Float[Tensor, "h w"]:
    """An outline with the cloth that hangs in its bays; the outline itself where none does.

    Args:
        alpha: Soft outline in [0, 1].
        image: The photo, sRGB in [0, 255].
    """
    rows, columns = torch.nonzero(alpha > _SOLID, as_tuple=True)
    if not len(rows):
        return alpha
    low, high = (torch.stack([bound(columns), bound(rows)]) for bound in (torch.min, torch.max))
    margin = int(_MARGIN * int((high - low).max() + 1))
    box = PixelBox(*(low - margin).clamp_min(0).tolist(), *(high + 1 + margin).tolist())
    cloth = _cloth(_Scene.of(box.of(alpha), box.of(image)[0]))
    if not cloth.any():
        return alpha
    added = F.interpolate(torch.from_numpy(cloth).float()[None, None], box.of(alpha).shape, mode="bilinear")[0, 0]
    whole = alpha.clone()
    box.of(whole).copy_(torch.maximum(box.of(alpha), added))
    return whole


@dataclass(frozen=True)
class _Scene:
    """The person's surroundings, made small.

    Attributes:
        lab: CIELAB.
        solid: The person.
        extent: The person's longer side, pixels.
    """

    lab: Float[np.ndarray, "h w 3"]
    solid: Bool[np.ndarray, "h w"]
    extent: float

    @staticmethod
    def of(alpha: Float[Tensor, "h w"], image: Float[Tensor, "3 h w"]) -> "_Scene":
        share = min(1.0, _SIDE / max(alpha.shape))
        size = [max(1, round(side * share)) for side in alpha.shape]
        planes = torch.cat([image / 255.0, alpha[None]])[None]
        small = F.interpolate(planes, size, mode="bilinear", antialias=True, align_corners=False)[0].numpy()
        solid = small[3] > _SOLID
        extent = max((np.ptp(places) + 1 for places in np.nonzero(solid)), default=1)
        return _Scene(rgb2lab(np.moveaxis(small[:3], 0, -1)), solid, float(extent))

    @property
    def shaded(self) -> Float[np.ndarray, "h w 3"]:
        """CIELAB in which lightness counts less."""
        return self.lab * (_LIGHTNESS, 1.0, 1.0)


@dataclass(frozen=True)
class _Palette:
    """The colours of a place."""

    colors: KDTree

    @staticmethod
    def of(colors: Float[np.ndarray, "n 3"], *, rarest: float) -> "_Palette":
        """Of all that at least a share of them are like."""
        _, which, counts = np.unique((colors // _BIN).astype(int), axis=0, return_inverse=True, return_counts=True)
        which = which.reshape(-1)
        sums = np.stack([np.bincount(which, weights=channel) for channel in colors.T], -1)
        means = sums / counts[:, None]
        return _Palette(KDTree(means[counts >= rarest * len(colors)]))

    def difference(self, colors: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n"]:
        """How far from the nearest of them colours are; infinite where there is none."""
        return np.asarray(self.colors.query(colors)[0])


def _cloth(scene: _Scene) -> Bool[np.ndarray, "h w"]:
    """Where cloth hangs in the bays."""
    hull = _closed(scene.solid, _BAY * scene.extent)
    around = scene.lab[_depth(~hull) > _AROUND * scene.extent]
    found = np.zeros_like(scene.solid)
    if not len(around):
        return found
    surroundings = _Palette.of(around, rarest=_RAREST_AROUND)
    for bay in _pieces(hull & ~_grown(scene.solid), _LEAST_AREA * scene.solid.sum()):
        for piece in _alike(scene, bay, surroundings):
            if _hangs(scene, piece):
                found |= piece | (_grown(piece) & _grown(scene.solid))
    return found


def _alike(scene: _Scene, bay: Bool[np.ndarray, "h w"], surroundings: _Palette) -> list[Bool[np.ndarray, "h w"]]:
    """Pieces of a bay that look like what is beside it, and not like the surroundings; they reach the outline."""
    reach = _depth(~bay) < _NEAR * scene.extent
    beside = scene.shaded[reach & _shrunk(scene.solid, _SEAM)]
    if not len(beside):
        return []
    own = _Palette.of(beside, rarest=_RAREST).difference(scene.shaded[bay])
    other = surroundings.difference(scene.lab[bay])
    sure, likely = np.zeros_like(bay), np.zeros_like(bay)
    sure[bay] = (own < _ALIKE) & (other > 2.0 * own + _UNLIKE)
    likely[bay] = (own < _HARDLY_ALIKE) & (other > own + _HARDLY_UNLIKE)
    pieces = _pieces(_grown(_shrunk(likely)), _LEAST_AREA * scene.solid.sum())
    return [_up_to(scene.solid, piece) for piece in pieces if sure[piece].mean() >= _SURE]


def _hangs(scene: _Scene, piece: Bool[np.ndarray, "h w"]) -> bool:
    """Whether a piece is held by the person and ends sharply where it is not."""
    border = _grown(piece, 2) & ~piece
    beyond = _grown(piece, 4) & ~_grown(piece, 2)
    beyond &= ~_grown(scene.solid, 2)
    core = _shrunk(piece, 2)
    if scene.solid[border].mean() < _CONTACT or not core.any():
        return False
    if not beyond.any():
        return True
    nearest: Any = ndimage.distance_transform_edt(~core, return_distances=False, return_indices=True)
    rows, columns = nearest
    step = scene.lab[beyond] - scene.lab[rows[beyond], columns[beyond]]
    return float((np.linalg.norm(step, axis=-1) > _EDGE).mean()) >= _SHARP


def _up_to(solid: Bool[np.ndarray, "h w"], piece: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """A piece without the seam between it and the outline."""
    near = _grown(piece, _SEAM + 1)
    return _shrunk(_grown(piece | (solid & near), _SEAM), _SEAM) & ~solid & near


def _closed(region: Bool[np.ndarray, "h w"], reach: float) -> Bool[np.ndarray, "h w"]:
    """A region with all that no disc of this radius beside it reaches."""
    pad = int(reach) + 2
    wide = _depth(~np.pad(region, pad)) <= reach
    return (_depth(wide) > reach)[pad:-pad, pad:-pad] | region


def _pieces(region: Bool[np.ndarray, "h w"], least: float) -> list[Bool[np.ndarray, "h w"]]:
    """Its connected pieces of some size."""
    found: Any = ndimage.label(region)
    labels, count = found
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    return [labels == number for number in range(1, count + 1) if areas[number] >= least]


def _depth(region: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Distance to what is outside the region, pixels; 0 outside."""
    return np.asarray(ndimage.distance_transform_edt(region))


def _grown(region: Bool[np.ndarray, "h w"], pixels: int = 1) -> Bool[np.ndarray, "h w"]:
    return np.asarray(ndimage.binary_dilation(region, iterations=pixels))


def _shrunk(region: Bool[np.ndarray, "h w"], pixels: int = 1) -> Bool[np.ndarray, "h w"]:
    return np.asarray(ndimage.binary_erosion(region, iterations=pixels))
