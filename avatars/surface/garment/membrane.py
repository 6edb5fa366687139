"""From the two edges of a piece that a photo shows to its section all around: a membrane in the T-pose."""

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from avatars.surface.garment.cloth import smooth_step
from avatars.surface.garment.loose import DrapeConfig, Loose
from avatars.surface.garment.thickness import Membrane
from avatars.surface.garment.tube import Sections

SPACING = 0.01
"""Distance of levels and of the membrane's columns, metres."""


def membrane_sections(
    piece: Loose,
    levels: Float[np.ndarray, "l"],
    edges: Float[np.ndarray, "l 2"],
    right: Float[np.ndarray, "2"],
    config: DrapeConfig,
) -> Sections:
    """Distances from the axis of a membrane between edges, over the body.

    Args:
        piece: What is fitted.
        levels: Heights from the top down, metres.
        edges: Lateral coordinates of the two edges at each, metres from the axis.
        right: The photo's right in the T-pose.
        config: Options.
    """
    turn = np.arctan2(right[0], right[1])
    columns = np.arange(edges[:, 0].min() - SPACING, edges[:, 1].max() + 2.0 * SPACING, SPACING)
    front, back = _depths(piece.sections, levels, columns, turn)
    middle = _middle(front, back)
    least = np.nan_to_num(np.fmax(front - middle[:, None], middle[:, None] - back) + config.clearance, nan=0.0)
    inside = (columns > edges[:, :1]) & (columns < edges[:, 1:])
    lateral = lateral_of(piece.sections, levels, right)
    width = 0.5 * (lateral.max(1) - lateral.min(1)).clip(min=0.02)
    aspect = (least.max(1) / width).clip(0.4, 1.2)
    wider = smooth_step((0.5 * (edges[:, 1] - edges[:, 0]) / width - 1.0) / config.rounder)
    source = 2.0 * (aspect + wider * (np.maximum(config.roundest, aspect) - aspect)) ** 2
    # The raster's edges lie up to a pixel beside the true ones; the source makes up for it.
    exact = (edges[:, 1] - edges[:, 0]) / (inside.sum(1) * SPACING).clip(min=SPACING)
    source = source * exact**2
    fixed = np.full(inside.shape, np.nan)
    if not piece.closed_top:
        fixed[0] = least[0]
    membrane = Membrane(
        inside,
        np.repeat(source[:, None], len(columns), 1),
        least,
        fixed,
        SPACING,
        upright=config.upright,
        closed_top=piece.closed_top,
    )
    half = _hung(membrane.half_thickness())
    return _around_axis(half, columns, levels=levels, edges=edges, middle=middle, turn=turn, like=piece.sections)


def _hung(half: Float[np.ndarray, "l c"]) -> Float[np.ndarray, "l c"]:
    """Thickness that does not shrink and grow again on the way down: cloth hangs straight between what holds it off."""
    deepest = half.max(1)
    straight = _least_concave(deepest)
    return half * (straight / np.maximum(deepest, 1e-6))[:, None]


def _least_concave(values: Float[np.ndarray, "l"]) -> Float[np.ndarray, "l"]:
    """The least concave sequence that is nowhere below the given one."""
    kept: list[int] = []
    for place in range(len(values)):
        while len(kept) > 1 and (values[kept[-1]] - values[kept[-2]]) * (place - kept[-2]) <= (
            values[place] - values[kept[-2]]
        ) * (kept[-1] - kept[-2]):
            kept.pop()
        kept.append(place)
    return np.interp(np.arange(len(values)), kept, values[kept])


def _middle(front: Float[np.ndarray, "l c"], back: Float[np.ndarray, "l c"]) -> Float[np.ndarray, "l"]:
    """Depth half way between front and back at each level, smoothly; that of the next level where there is no body."""
    there = (~np.isnan(front)).any(1).nonzero()[0]
    if len(there) == 0:
        return np.zeros(len(front))
    halfway = 0.5 * (np.nanmax(front[there], 1) + np.nanmin(back[there], 1))
    return ndimage.gaussian_filter1d(np.interp(np.arange(len(front)), there, halfway), 5.0)


def _depths(
    sections: Sections, levels: Float[np.ndarray, "l"], columns: Float[np.ndarray, "c"], turn: float
) -> tuple[Float[np.ndarray, "l c"], Float[np.ndarray, "l c"]]:
    """How far forward and how far back the body reaches at each lateral coordinate; NaN beside it."""
    radii = _on_levels(sections, levels)
    lateral, depth = radii * np.cos(sections.azimuths - turn), -radii * np.sin(sections.azimuths - turn)
    front, back = np.full((2, len(levels), len(columns)), np.nan)
    for row in range(len(levels)):
        for half, sign in ((front, 1.0), (back, -1.0)):
            chosen = sign * depth[row] >= 0.0
            order = np.argsort(lateral[row, chosen])
            at = lateral[row, chosen][order]
            if len(at) > 1:
                half[row] = np.interp(columns, at, depth[row, chosen][order], left=np.nan, right=np.nan)
    return np.where(np.isnan(front), -back, front), np.where(np.isnan(back), -front, back)


def _around_axis(
    half: Float[np.ndarray, "l c"],
    columns: Float[np.ndarray, "c"],
    *,
    levels: Float[np.ndarray, "l"],
    edges: Float[np.ndarray, "l 2"],
    middle: Float[np.ndarray, "l"],
    turn: float,
    like: Sections,
) -> Sections:
    """From half thicknesses over lateral coordinates to distances over azimuths, with the edges where they are."""
    share = -np.cos(np.linspace(0.0, np.pi, 49))
    radii = np.zeros((len(levels), len(like.azimuths)))
    for row in range(len(levels)):
        low, high = edges[row]
        lateral = low + 0.5 * (share + 1.0) * (high - low)
        depth = np.sqrt(np.interp(lateral, columns, half[row] ** 2))
        depth[[0, -1]] = 0.0
        across = np.concatenate([lateral, lateral[-2:0:-1]])
        forward = np.concatenate([middle[row] + depth, middle[row] - depth[-2:0:-1]])
        azimuth = np.mod(turn + np.arctan2(-forward, across) + np.pi, 2.0 * np.pi) - np.pi
        order = np.argsort(azimuth)
        radii[row] = np.interp(like.azimuths, azimuth[order], np.hypot(across, forward)[order], period=2.0 * np.pi)
    radii = ndimage.gaussian_filter1d(radii, 1.0, axis=0, mode="nearest")
    return Sections(levels[::-1].copy(), like.azimuths, radii[::-1].copy())


def lateral_of(
    sections: Sections, levels: Float[np.ndarray, "l"], right: Float[np.ndarray, "2"]
) -> Float[np.ndarray, "l n"]:
    """Coordinate towards the photo's right of the points of each section, metres from the axis."""
    return _on_levels(sections, levels) * np.cos(sections.azimuths - np.arctan2(right[0], right[1]))


def _on_levels(sections: Sections, levels: Float[np.ndarray, "l"]) -> Float[np.ndarray, "l n"]:
    return sections.at(np.repeat(levels[:, None], len(sections.azimuths), 1))
