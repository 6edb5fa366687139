"""Fit a loose piece in the T-pose so that, carried into the photo's pose, it ends at the photo's outline.

The unknowns are few and regular: for each height the two edges that the photo sees, for each azimuth the hem. Depth
follows from the edges by the membrane of `thickness`, in the T-pose, so a stride in the photo leaves no trace in it.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.sparse.linalg import spsolve

from avatars.surface.garment.cloth import smooth_step
from avatars.surface.garment.loose import DrapeConfig, Loose, carried, tube_cover
from avatars.surface.garment.membrane import SPACING, lateral_of, membrane_sections
from avatars.surface.garment.outline import hem_shifts, ring_shifts
from avatars.surface.garment.photographed import Photographed
from avatars.surface.garment.tube import Tube, row_heights

_STRAIGHT = 0.3
"""Weight of edges without kinks against the outline."""
_UNSEEN = 0.02
"""Weight of the straight line between what is seen of an edge, where it is hidden."""


@dataclass(frozen=True)
class _Outline:
    """The unknowns: lateral edges, metres from the axis, for levels from the top down, and the hem's heights."""

    levels: Float[np.ndarray, "l"]
    edges: Float[np.ndarray, "l 2"]
    hem: Float[np.ndarray, "n"]


def drape(seen: Photographed, piece: Loose, config: DrapeConfig | None = None) -> Tube:
    """The piece's surface in the T-pose.

    Args:
        seen: The photo.
        piece: What is fitted.
        config: Options.
    """
    config = config or DrapeConfig()
    right = piece.frame.across(seen)
    outline = _first_outline(piece, right, config)
    for _ in range(config.rounds):
        tube = _tube(piece, outline, right, config)
        outline = _improved(seen, piece, outline, tube, right, config)
    return _tube(piece, outline, right, config)


def _first_outline(piece: Loose, right: Float[np.ndarray, "2"], config: DrapeConfig) -> _Outline:
    levels = np.arange(piece.top, piece.hem - 0.25, -SPACING)
    lateral = lateral_of(piece.sections, levels, right)
    extent = np.stack([lateral.min(1), lateral.max(1)], 1)
    hem = np.full(len(piece.sections.azimuths), piece.hem)
    return _Outline(levels, extent + np.array([-0.02, 0.02]), hem)


def _tube(piece: Loose, outline: _Outline, right: Float[np.ndarray, "2"], config: DrapeConfig) -> Tube:
    """The surface of an outline."""
    azimuths = piece.sections.azimuths
    rows = max(8, int((piece.top - outline.hem.min()) / config.row))
    heights = row_heights(piece.top, outline.hem, rows)
    round_the_axis = membrane_sections(piece, outline.levels, outline.edges, right, config)
    below = piece.solid.at(heights)
    radii = np.maximum(round_the_axis.at(heights), below + config.clearance)
    if not piece.closed_top:
        out = smooth_step((piece.top - heights) / config.blend)
        radii = below - config.tuck + out * (radii - below + config.tuck)
    whole = Tube(piece.frame.axis, azimuths, heights, radii.clip(min=0.002), np.ones(heights.shape, dtype=bool))
    return replace(whole, present=piece.presence(whole))


def _improved(
    seen: Photographed,
    piece: Loose,
    outline: _Outline,
    tube: Tube,
    right: Float[np.ndarray, "2"],
    config: DrapeConfig,
) -> _Outline:
    """The outline after a look at how far the tube is from the photo's."""
    rings = carried(seen, piece, tube, config)
    turn = float(np.arctan2(right[0], right[1]))
    ends = (tube.column(turn + np.pi), tube.column(turn))
    shifts = ring_shifts(
        seen, piece.evidence, rings=rings, present=tube.present, ends=ends, closed_top=piece.closed_top
    ) * np.array([-1.0, 1.0])
    reached = _extents(tube, turn) + shifts
    edges = [
        _through(outline.edges[:, side], outline.levels, heights=tube.heights[:, ends[side]], reached=reached[:, side])
        for side in (0, 1)
    ]
    cover = tube_cover(seen, tube, rings)
    longer = hem_shifts(seen, piece.evidence, rings=rings, cover=cover)
    hem = _level_hem(outline.hem, np.where(tube.present[-1], longer, np.nan), config)
    return _Outline(outline.levels, np.stack(edges, 1), hem.clip(outline.levels[-1], piece.top - 0.1))


def _extents(tube: Tube, turn: float) -> Float[np.ndarray, "m 2"]:
    """Lateral coordinates between which each row of a tube lies, metres from the axis; NaN where the row is absent."""
    across = np.where(tube.present, tube.radii * np.cos(tube.azimuths - turn), np.nan)
    extents = np.full((len(across), 2), np.nan)
    rows = tube.present.any(1)
    extents[rows] = np.stack([np.nanmin(across[rows], 1), np.nanmax(across[rows], 1)], 1)
    return extents


def _through(
    before: Float[np.ndarray, "l"],
    levels: Float[np.ndarray, "l"],
    *,
    heights: Float[np.ndarray, "m"],
    reached: Float[np.ndarray, "m"],
) -> Float[np.ndarray, "l"]:
    """One edge through the lateral coordinates that the photo showed at some heights, without kinks."""
    known = np.isfinite(reached)
    if not known.any():
        return before
    order = np.argsort(heights[known])
    place, found = heights[known][order], reached[known][order]
    target = np.interp(levels, place, found)
    weight = np.where(np.abs(levels[:, None] - place).min(1) < 1.2 * SPACING, 1.0, _UNSEEN)
    count = len(levels)
    bend = sparse.csr_array(np.diff(np.eye(count), n=2, axis=0))
    system = sparse.diags_array(weight) + _STRAIGHT * bend.T @ bend
    return np.asarray(spsolve(sparse.csc_matrix(system), weight * target))


def _level_hem(
    before: Float[np.ndarray, "n"], longer: Float[np.ndarray, "n"], config: DrapeConfig
) -> Float[np.ndarray, "n"]:
    """A hem through what was seen of it: level, but for two waves around the axis."""
    known = np.isfinite(longer)
    if not known.any():
        return before
    target = before[known] - longer[known]
    typical = float(np.median(target))
    target = target.clip(typical - config.uneven, typical + config.uneven) - typical
    turn = 2.0 * np.pi * np.arange(len(before)) / len(before)
    waves = np.stack([np.ones_like(turn), np.sin(turn), np.cos(turn), np.sin(2.0 * turn), np.cos(2.0 * turn)], 1)
    stiff = config.level * len(target) * np.diag([0.0, 1.0, 1.0, 4.0, 4.0])
    system = waves[known].T @ waves[known] + stiff
    return typical + waves @ np.linalg.solve(system, waves[known].T @ target)
