"""The body under loose cloth, no wider than the photo lets it be.

A body is found in a mask that holds the cloth, too. Where the cloth lies close the found body is as wide as both, or
wider, so that cloth that keeps clear of it would stand out of the outline.
"""

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from avatars.surface.garment.cloth import smooth_step
from avatars.surface.garment.loose import DrapeConfig, Loose, carried
from avatars.surface.garment.outline import ring_shifts
from avatars.surface.garment.photographed import Photographed
from avatars.surface.garment.regions import belongs
from avatars.surface.garment.tube import Tube, row_heights
from avatars.surface.mesh import vertex_parts

_SMOOTHED = 0.03
"""Width of the Gaussian over heights, metres."""
_BEGINS = 0.08
"""Metres below a piece's upper edge, and above its hem, in which it sets in."""
_LEAST = 0.85
"""The narrowest share of its width that a body gets."""


def slimmed(seen: Photographed, piece: Loose, rest: Float[Tensor, "v 3"], config: DrapeConfig) -> Float[Tensor, "v 3"]:
    """Vertices of the body at rest, metres, narrowed so that a piece that lies close ends at the outline.

    Args:
        seen: The photo.
        piece: What lies over it, before it is fitted.
        rest: The body below the piece.
        config: How far cloth keeps from it.
    """
    right = piece.frame.across(seen)
    turn = float(np.arctan2(right[0], right[1]))
    hem = np.full(len(piece.solid.azimuths), piece.hem)
    heights = row_heights(piece.top, hem, max(8, int((piece.top - piece.hem) / config.row)))
    close = piece.solid.at(heights) + config.clearance + (0.0 if piece.covers else config.thickness)
    tube = Tube(piece.frame.axis, piece.solid.azimuths, heights, close, np.ones(heights.shape, dtype=bool))
    ends = (tube.column(turn + np.pi), tube.column(turn))
    rings = carried(seen, piece, tube, config)
    shifts = ring_shifts(seen, piece.evidence, rings=rings, present=tube.present, ends=ends)
    width = close[:, ends]
    share = ((width + np.nan_to_num(shifts).clip(max=0.0)) / width).clip(_LEAST, 1.0)
    share = ndimage.gaussian_filter1d(share, _SMOOTHED / config.row, axis=0, mode="nearest")
    return _narrowed(seen, piece, rest, share=share, heights=heights[:, 0], right=right)


def _narrowed(
    seen: Photographed,
    piece: Loose,
    rest: Float[Tensor, "v 3"],
    *,
    share: Float[np.ndarray, "m 2"],
    heights: Float[np.ndarray, "m"],
    right: Float[np.ndarray, "2"],
) -> Float[Tensor, "v 3"]:
    """Vertices moved towards the piece's axis, across the photo, by a share of their distance for each side."""
    place = piece.frame.to_local(rest.double().numpy())
    across = (place[:, [0, 2]] - np.asarray(piece.frame.axis)) @ right
    left, to_right = (np.interp(-place[:, 1], -heights, share[:, side]) for side in (0, 1))
    below, above = (smooth_step(way / _BEGINS) for way in (piece.top - place[:, 1], place[:, 1] - piece.hem))
    own = belongs(vertex_parts(seen.model).numpy(), piece.parts)
    moved = (np.where(across < 0.0, left, to_right) - 1.0) * across * below * above * own
    place[:, [0, 2]] += moved[:, None] * right
    return torch.from_numpy(piece.frame.to_rest(place)).to(rest)
