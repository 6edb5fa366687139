"""Loose cloth around the legs: a hull for skirts and closed coats, a sheet for the tails of an open coat."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from scipy.spatial import KDTree

from avatars.dress import vertex_normals
from avatars.surface.garment.cloth import body_weights, hanging_weights, smooth_step
from avatars.surface.garment.drape import DrapeConfig, Loose, carried, drape
from avatars.surface.garment.excess import Excess
from avatars.surface.garment.frame import Frame
from avatars.surface.garment.outline import Evidence, widened
from avatars.surface.garment.photographed import Photographed, faces_of
from avatars.surface.garment.settle import Obstacle
from avatars.surface.garment.tube import (
    Sections,
    Tube,
    body_sections,
    even_azimuths,
    row_heights,
    surface_samples,
)

TRUNK = ("torso", "left thigh", "right thigh", "left leg", "right leg")
ARMS = ("left arm", "right arm", "left hand", "right hand")


@dataclass(frozen=True)
class ClothPieceConfig:
    """Where loose cloth begins and how a coat opens."""

    columns: int = 120
    """Azimuths."""
    above: float = 0.04
    """How far above the first loose pixel it leaves the body, metres."""
    opening: float = 0.6
    """Half the angle that an open coat leaves free in front where the photo does not show it, radians."""
    same_colour: float = 14.0
    """Colours closer than this are alike, of 255."""


def cloth_piece(
    seen: Photographed, excess: Excess, *, around: bool, config: ClothPieceConfig | None = None
) -> Loose:
    """Loose cloth, ready to be fitted.

    Args:
        seen: The photo.
        excess: What is loose in it.
        around: Whether it goes around both legs.
        config: Options.
    """
    config = config or ClothPieceConfig()
    axis = _axis(seen)
    bare = seen.bare()
    sections = trunk_sections(seen, axis, config.columns)
    weights = _weights(seen, axis)
    loose_top, hem = vertical_range(
        seen, excess.cloth, frame=Frame.upright(axis, 0), sections=sections, weights=weights
    )
    top = _upper_edge(seen, trunk_sections(seen.wearing(bare), axis, config.columns), loose_top + config.above)
    below = seen.wearing(bare + (seen.rest - bare) * _grown_share(bare, top)[:, None])
    solid = trunk_sections(below, axis, config.columns)
    piece = Loose(
        kind="hull" if around else "sheet",
        frame=Frame.upright(axis, 0),
        top=top,
        hem=hem,
        sections=solid,
        solid=solid,
        evidence=_evidence(below, excess),
        obstacle=posed_obstacle(below, TRUNK, feet=False),
        weights=_weights(seen, axis, top=top),
        presence=_everywhere,
        parts=TRUNK,
    )
    return piece if around else _opened(seen, excess, piece, config)


def _upper_edge(seen: Photographed, bare: Sections, loose: float) -> float:
    """The waist, where clothes are fastened, or where something loose begins above it; under the armpits, metres."""
    hips, armpits = float(seen.joints[[1, 2], 1].mean()), float(seen.joints[[16, 17], 1].mean()) - 0.12
    waist = (bare.levels > hips + 0.12) & (bare.levels < armpits)
    width = (bare.radii * np.abs(np.sin(bare.azimuths))).max(1)
    narrowest = float(bare.levels[waist][np.argmin(width[waist])]) if waist.any() else armpits
    return min(max(loose, narrowest), armpits)


def _grown_share(rest: Float[torch.Tensor, "v 3"], top: float) -> Float[torch.Tensor, "v"]:
    """1 above a garment's upper edge, 0 below: what grew there grew to the garment's outline, which is not the body's."""
    return torch.from_numpy(smooth_step((rest[:, 1].double().numpy() - (top - 0.10)) / 0.08)).to(rest)


def trunk_sections(seen: Photographed, axis: tuple[float, float], columns: int) -> Sections:
    """How far trunk and legs, without the feet, reach from an axis in the T-pose; convex at each height."""
    faces = faces_of(seen.model, TRUNK, feet=False).numpy()
    rest = seen.rest.double().numpy()
    used = rest[np.unique(faces)]
    samples = surface_samples(rest, faces)
    bottom, top = float(used[:, 1].min()) + 0.01, float(used[:, 1].max()) - 0.01
    return body_sections(samples, axis, even_azimuths(columns), bottom=bottom, top=top).convex()


def posed_obstacle(seen: Photographed, parts: tuple[str, ...], *, feet: bool = True) -> Obstacle:
    """Parts of the dressed body as the photo shows it, with or without the feet."""
    return obstacle_of(seen.posed, vertex_normals(seen.posed, seen.model.faces), faces_of(seen.model, parts, feet=feet))


def obstacle_of(
    vertices: Float[torch.Tensor, "v 3"], normals: Float[torch.Tensor, "v 3"], faces: torch.Tensor
) -> Obstacle:
    """The vertices of some faces."""
    used = torch.unique(faces)
    return Obstacle(vertices[used].double().numpy(), normals[used].double().numpy())


def _axis(seen: Photographed) -> tuple[float, float]:
    """The pelvis, moved to the middle between belly and back."""
    rest, hips = seen.rest.numpy(), seen.joints[[1, 2]].mean(0)
    belt = np.abs(rest[:, 1] - hips[1]) < 0.05
    near = belt & (np.abs(rest[:, 0] - hips[0]) < 0.25)
    return float(hips[0]), float(0.5 * (rest[near, 2].min() + rest[near, 2].max()))


def _weights(
    seen: Photographed, axis: tuple[float, float], *, top: float | None = None
) -> Callable[[Float[np.ndarray, "m n 3"]], Float[np.ndarray, "m n 24"]]:
    """The body's own weights at the upper edge, those of hanging cloth farther down."""
    trunk = np.unique(faces_of(seen.model, TRUNK).numpy())
    vertices, own = seen.rest.double().numpy()[trunk], seen.model.weights.double().numpy()[trunk]
    hips = float(seen.joints[[1, 2], 1].mean())

    def weights(points: Float[np.ndarray, "m n 3"]) -> Float[np.ndarray, "m n 24"]:
        begin = hips + 0.10 if top is None else min(top, hips + 0.10)
        hanging = smooth_step((begin - points[..., 1]) / 0.12)[..., None]
        near = body_weights(points, vertices, own) if (hanging < 1.0).any() else 0.0
        return (1.0 - hanging) * near + hanging * hanging_weights(points, axis, seen.joints)

    return weights


def vertical_range(
    seen: Photographed,
    loose: Bool[np.ndarray, "h w"],
    *,
    frame: Frame,
    sections: Sections,
    weights: Callable[[Float[np.ndarray, "m n 3"]], Float[np.ndarray, "m n 24"]],
) -> tuple[float, float]:
    """Upper and lower height in the T-pose between which loose pixels lie, metres.

    Args:
        seen: The photo.
        loose: The pixels.
        frame: The part of the body around which they lie; the heights are in its frame.
        sections: The body there.
        weights: Skin weights of points of the T-pose.
    """
    top, bottom = float(sections.levels[-1]) - 0.05, float(sections.levels[0])
    heights = row_heights(top, np.full(len(sections.azimuths), bottom), 100)
    radii = sections.at(heights) + 0.04
    tube = Tube(frame.axis, sections.azimuths, heights, radii, np.ones(radii.shape, dtype=bool))
    points = frame.to_rest(tube.points())
    affine = np.einsum("mnj,jab->mnab", weights(points), seen.body.joints_from_rest.double().numpy())
    posed = (affine[..., :3] @ points[..., None])[..., 0] + affine[..., 3]
    pixel, _ = seen.project(posed)
    place = np.argwhere(loose)[:: max(1, int(loose.sum()) // 4000)]
    _, nearest = KDTree(pixel.reshape(-1, 2)).query(place[:, ::-1] + 0.5)
    found = heights.reshape(-1)[nearest]
    return float(np.quantile(found, 0.99)), float(np.quantile(found, 0.01))


def _evidence(seen: Photographed, excess: Excess) -> Evidence:
    arms = widened(seen.shows(ARMS), 0.01, excess.pixel)
    return Evidence(seen.mask, seen.silhouette(TRUNK), arms, seen.part > 0)


def _everywhere(tube: Tube) -> Bool[np.ndarray, "m n"]:
    return np.ones(tube.radii.shape, dtype=bool)


def _outside(low: float, high: float) -> Callable[[Tube], Bool[np.ndarray, "m n"]]:
    """All but the azimuths between two."""

    def presence(tube: Tube) -> Bool[np.ndarray, "m n"]:
        closed = (tube.azimuths < low) | (tube.azimuths > high)
        return np.broadcast_to(closed, tube.radii.shape).copy()

    return presence


def _opened(seen: Photographed, excess: Excess, piece: Loose, config: ClothPieceConfig) -> Loose:
    """The same piece, free between its front edges: those that the photo shows, the other as its mirror image."""
    piece = replace(piece, presence=_outside(-config.opening, config.opening))
    tube = drape(seen, piece)
    rings = carried(seen, piece, tube, DrapeConfig())
    left, right = _front_edges(seen, excess, piece, tube=tube, rings=rings, config=config)
    if np.isnan(left) and np.isnan(right):
        return piece
    left = -right if np.isnan(left) else left
    right = -left if np.isnan(right) else right
    return replace(piece, presence=_outside(max(right, -1.5), min(left, 1.5)))


def _front_edges(
    seen: Photographed,
    excess: Excess,
    piece: Loose,
    *,
    tube: Tube,
    rings: Float[np.ndarray, "m n 3"],
    config: ClothPieceConfig,
) -> tuple[float, float]:
    """Azimuths, radians, to the body's left and right, up to which the front has the colour of the loose cloth."""
    smooth = ndimage.gaussian_filter(seen.photo.astype(np.float64), (1.5, 1.5, 0.0))
    colours = smooth[excess.cloth]
    tree = KDTree(colours[:: max(1, len(colours) // 3000)])
    pixel, _ = seen.project(rings)
    column, row = np.floor(pixel[..., 0]).astype(np.int64), np.floor(pixel[..., 1]).astype(np.int64)
    height, width = seen.mask.shape
    at = (row.clip(0, height - 1), column.clip(0, width - 1))
    alike = np.asarray(tree.query(smooth[at])[0]) < config.same_colour
    known = seen.mask[at] & ~piece.evidence.blocked[at]
    below = tube.heights[0] - tube.heights > 0.10
    found: list[float] = []
    for sign in (1.0, -1.0):
        side = (sign * tube.azimuths > 0.0) & (sign * tube.azimuths < 1.5)
        usable, share = known[:, side] & below[:, side], np.zeros(int(side.sum()))
        count = usable.sum(0)
        share = np.where(count > 4, (alike[:, side] & usable).sum(0) / np.maximum(count, 1), np.nan)
        order = np.argsort(-sign * tube.azimuths[side])
        found.append(_last_alike(share[order], tube.azimuths[side][order]))
    return found[0], found[1]


def _last_alike(share: Float[np.ndarray, "k"], azimuths: Float[np.ndarray, "k"]) -> float:
    """The azimuth up to which most rows are alike, coming from the side; NaN where that is not seen."""
    known = np.isfinite(share)
    share, azimuths = share[known], azimuths[known]
    if len(share) < 3 or share[:6].max() < 0.5:
        return float("nan")
    start = int(np.argmax(share > 0.5))
    other = np.flatnonzero(share[start:] <= 0.5)
    return float(azimuths[start + other[0] - 1]) if len(other) else float("nan")
