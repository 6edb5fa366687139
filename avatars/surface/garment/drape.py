"""Find the surface of a loose piece in the T-pose so that, carried into the photo's pose, it ends at the photo's outline.

The unknowns are few and regular: for each height the two edges that the photo sees, for each azimuth the hem. Depth
follows from the edges by the membrane of `thickness`, in the T-pose, so a stride in the photo leaves no trace in it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from avatars.surface.garment.cloth import smooth_step
from avatars.surface.garment.frame import Frame
from avatars.surface.garment.outline import Evidence, hem_shifts, ring_shifts
from avatars.surface.garment.photographed import Photographed, seen_from
from avatars.surface.garment.settle import Cloth, Obstacle, settle
from avatars.surface.garment.shell import edges_of, grid_faces
from avatars.surface.garment.thickness import Membrane
from avatars.surface.garment.tube import Sections, Tube, row_heights

_SPACING = 0.01


@dataclass(frozen=True)
class DrapeConfig:
    """How a loose surface is fitted."""

    rounds: int = 5
    """How often the outline is looked for."""
    clearance: float = 0.006
    """Distance that cloth keeps from the dressed body, metres."""
    tuck: float = 0.008
    """How deep its upper edge lies under the dressed body's surface, metres."""
    blend: float = 0.05
    """Height over which it leaves the body, metres."""
    rounder: float = 0.8
    """Cloth that is this much wider than the body, as a share of the body, is as deep as wide."""
    roundest: float = 1.0
    """Depth over width of free cloth."""
    upright: float = 0.1
    """How much the thickness at one height follows that at others; 1 for a membrane alike in both directions."""
    row: float = 0.012
    """Distance of the rows, metres."""
    straight: float = 0.3
    """Weight of edges without kinks against the outline."""
    level: float = 0.01
    """Weight of a level hem against the outline."""
    uneven: float = 0.12
    """Nothing that is farther from the hem's median height than this is the hem, metres."""


@dataclass(frozen=True)
class Loose:
    """A piece to be fitted.

    Attributes:
        kind: "hull", "sheet", "hair", "leg" or "sleeve".
        frame: The body part that it goes around; everything below is in its frame.
        top: Height of its upper edge, metres.
        hem: First guess of the height of its lower edge, metres.
        sections: The part of the body that it goes around.
        solid: What of the body it stays outside of.
        evidence: What the photo says of its outline.
        obstacle: The body below it, as the photo shows it.
        weights: Skin weights of points of the T-pose, in the body's own frame.
        presence: Which points of a tube belong to it.
        parts: Parts of the body that it covers.
        closed_top: Whether it closes above (a hat); else it comes out of the body there.
    """

    kind: str
    frame: Frame
    top: float
    hem: float
    sections: Sections
    solid: Sections
    evidence: Evidence
    obstacle: Obstacle
    weights: Callable[[Float[np.ndarray, "m n 3"]], Float[np.ndarray, "m n 24"]]
    presence: Callable[[Tube], Bool[np.ndarray, "m n"]]
    parts: tuple[str, ...]
    closed_top: bool = False

    @property
    def covers(self) -> bool:
        """Whether it goes all the way around what is below it, which then is not seen."""
        return self.kind in ("hull", "leg", "sleeve")


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


def carried(seen: Photographed, piece: Loose, tube: Tube, config: DrapeConfig) -> Float[np.ndarray, "m n 3"]:
    """A tube's points as the photo shows them, clear of the body."""
    points = piece.frame.to_rest(tube.points())
    joints = seen.body.joints_from_rest.double().numpy()
    affine = np.einsum("mnj,jab->mnab", piece.weights(points), joints)
    posed = (affine[..., :3] @ points[..., None])[..., 0] + affine[..., 3]
    outward = (affine[..., :3] @ piece.frame.to_rest(tube.outward())[..., None])[..., 0]
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    outward *= piece.kind != "hair"
    clear = clearances(tube, config).reshape(-1)
    edges = edges_of(grid_faces(tube.present))
    cloth = Cloth.of(points.reshape(-1, 3), edges, clearance=clear, fastened=clear < 0.0)
    places = settle(posed.reshape(-1, 3), outward.reshape(-1, 3), cloth=cloth, obstacle=piece.obstacle)
    return places.reshape(points.shape)


def clearances(tube: Tube, config: DrapeConfig) -> Float[np.ndarray, "m n"]:
    """Distance to keep from the body, metres: tucked in at the top, clear of it farther down."""
    out = smooth_step((tube.heights[:1] - tube.heights) / config.blend)
    return -config.tuck + out * (config.tuck + config.clearance)


def _first_outline(piece: Loose, right: Float[np.ndarray, "2"], config: DrapeConfig) -> _Outline:
    levels = np.arange(piece.top, piece.hem - 0.25, -_SPACING)
    lateral = _lateral(piece.sections, levels, right)
    extent = np.stack([lateral.min(1), lateral.max(1)], 1)
    hem = np.full(len(piece.sections.azimuths), piece.hem)
    return _Outline(levels, extent + np.array([-0.02, 0.02]), hem)


def _lateral(
    sections: Sections, levels: Float[np.ndarray, "l"], right: Float[np.ndarray, "2"]
) -> Float[np.ndarray, "l n"]:
    """Coordinate towards the photo's right of the points of each section, metres from the axis."""
    return _on_levels(sections, levels) * np.cos(sections.azimuths - np.arctan2(right[0], right[1]))


def _on_levels(sections: Sections, levels: Float[np.ndarray, "l"]) -> Float[np.ndarray, "l n"]:
    return sections.at(np.repeat(levels[:, None], len(sections.azimuths), 1))


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
    tube = Tube(piece.frame.axis, azimuths, heights, radii.clip(min=0.002), np.ones(heights.shape, dtype=bool))
    return Tube(tube.axis, azimuths, heights, tube.radii, piece.presence(tube))


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
    columns = np.arange(edges[:, 0].min() - _SPACING, edges[:, 1].max() + 2.0 * _SPACING, _SPACING)
    front, back = _depths(piece.sections, levels, columns, turn)
    middle = _middle(front, back)
    least = np.nan_to_num(np.fmax(front - middle[:, None], middle[:, None] - back) + config.clearance, nan=0.0)
    inside = (columns > edges[:, :1]) & (columns < edges[:, 1:])
    lateral = _lateral(piece.sections, levels, right)
    width = 0.5 * (lateral.max(1) - lateral.min(1)).clip(min=0.02)
    aspect = (least.max(1) / width).clip(0.4, 1.2)
    wider = smooth_step((0.5 * (edges[:, 1] - edges[:, 0]) / width - 1.0) / config.rounder)
    source = 2.0 * (aspect + wider * (np.maximum(config.roundest, aspect) - aspect)) ** 2
    # The raster's edges lie up to a pixel beside the true ones; the source makes up for it.
    exact = (edges[:, 1] - edges[:, 0]) / (inside.sum(1) * _SPACING).clip(min=_SPACING)
    source = source * exact**2
    fixed = np.full(inside.shape, np.nan)
    if not piece.closed_top:
        fixed[0] = least[0]
    membrane = Membrane(
        inside,
        np.repeat(source[:, None], len(columns), 1),
        least,
        fixed,
        _SPACING,
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
        radii[row] = np.interp(
            like.azimuths, azimuth[order], np.hypot(across, forward)[order], period=2.0 * np.pi
        )
    radii = ndimage.gaussian_filter1d(radii, 1.0, axis=0, mode="nearest")
    return Sections(levels[::-1].copy(), like.azimuths, radii[::-1].copy())


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
    ends = (_column(tube, turn + np.pi), _column(tube, turn))
    shifts = ring_shifts(
        seen, piece.evidence, rings=rings, present=tube.present, ends=ends, closed_top=piece.closed_top
    )
    across = np.where(tube.present, tube.radii * np.cos(tube.azimuths - turn), np.nan)
    rows = tube.present.any(1)
    reached = np.full(shifts.shape, np.nan)
    reached[rows] = np.stack([-np.nanmin(across[rows], 1), np.nanmax(across[rows], 1)], 1) + shifts[rows]
    edges = np.stack(
        [
            _through(outline.edges[:, side], outline.levels, tube.heights[:, ends[side]], reached[:, side], config, side)
            for side in (0, 1)
        ],
        1,
    )
    cover = tube_cover(seen, tube, rings)
    longer = hem_shifts(seen, piece.evidence, rings=rings, cover=cover)
    hem = _level_hem(outline.hem, np.where(tube.present[-1], longer, np.nan), config)
    return _Outline(outline.levels, edges, hem.clip(outline.levels[-1], piece.top - 0.1))


def tube_cover(seen: Photographed, tube: Tube, rings: Float[np.ndarray, "m n 3"]) -> Bool[np.ndarray, "h w"]:
    """Pixels of a tube's surface."""
    vertices = torch.from_numpy(rings.reshape(-1, 3)).float()
    faces = torch.from_numpy(grid_faces(tube.present))
    return (seen_from(seen.camera, vertices, faces).face >= 0).numpy()


def _column(tube: Tube, azimuth: float) -> int:
    return int(np.argmax(np.cos(tube.azimuths - azimuth)))


def _through(
    before: Float[np.ndarray, "l"],
    levels: Float[np.ndarray, "l"],
    heights: Float[np.ndarray, "m"],
    reached: Float[np.ndarray, "m"],
    config: DrapeConfig,
    side: int,
) -> Float[np.ndarray, "l"]:
    """One edge through the lateral distances that the photo showed at some heights, without kinks."""
    known = np.isfinite(reached)
    if not known.any():
        return before
    order = np.argsort(heights[known])
    place, found = heights[known][order], reached[known][order]
    target = np.interp(levels, place, found)
    weight = np.where(np.abs(levels[:, None] - place).min(1) < 0.012, 1.0, 0.02)
    count = len(levels)
    bend = sparse.diags([1.0, -2.0, 1.0], [0, 1, 2], shape=(count - 2, count))
    system = sparse.diags(weight) + config.straight * bend.T @ bend
    return (-1.0, 1.0)[side] * np.asarray(spsolve(sparse.csc_matrix(system), weight * target))


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
