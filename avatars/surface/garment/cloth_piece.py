"""Loose cloth around the legs: a hull for skirts and closed coats, a sheet for the tails of an open coat."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from avatars.surface.garment.cloth import body_weights, hanging_weights, smooth_step
from avatars.surface.garment.excess import Excess
from avatars.surface.garment.extent import vertical_range
from avatars.surface.garment.frame import Frame
from avatars.surface.garment.growth import outside_growth
from avatars.surface.garment.loose import DrapeConfig, Loose, everywhere
from avatars.surface.garment.opening import opened
from avatars.surface.garment.outline import Evidence
from avatars.surface.garment.photographed import Photographed, faces_of
from avatars.surface.garment.pixels import widened
from avatars.surface.garment.regions import ARMS, TRUNK
from avatars.surface.garment.slimmed import slimmed
from avatars.surface.garment.tube import Sections, body_sections, even_azimuths, surface_samples


@dataclass(frozen=True)
class ClothPieceConfig:
    """Where loose cloth begins and how a coat opens."""

    columns: int = 120
    """Azimuths."""
    above: float = 0.04
    """How far above the first loose pixel it leaves the body, metres."""
    narrowings: int = 2
    """How often the body under it is made narrower where the photo leaves no room for both."""


def cloth_piece(seen: Photographed, excess: Excess, *, around: bool, config: ClothPieceConfig | None = None) -> Loose:
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
    piece = Loose(
        kind="hull" if around else "sheet",
        frame=Frame.upright(axis, 0),
        top=top,
        hem=hem,
        **_laid_over(below, excess, axis, config),
        weights=_weights(seen, axis, top=top),
        presence=everywhere,
        parts=TRUNK,
        own_growth=outside_growth(seen, Frame.upright(axis, 0), top),
        covers=around,
    )
    narrow = below.rest
    for _ in range(config.narrowings):
        narrow = slimmed(seen, piece, narrow, DrapeConfig())
        moved = (narrow - below.rest).double().numpy()
        piece = replace(piece, narrowing=moved, **_laid_over(seen.wearing(narrow), excess, axis, config))
    return piece if around else opened(seen, excess.cloth, piece)


def _laid_over(
    below: Photographed, excess: Excess, axis: tuple[float, float], config: ClothPieceConfig
) -> dict[str, Any]:
    """What of a piece depends on the body that it lies over."""
    solid = trunk_sections(below, axis, config.columns)
    evidence, obstacle = _evidence(below, excess), below.obstacle(TRUNK)
    return {"sections": solid, "solid": solid, "evidence": evidence, "obstacle": obstacle}


def _upper_edge(seen: Photographed, bare: Sections, loose: float) -> float:
    """The waist, where clothes are fastened, or where something loose begins above it; under the armpits, metres."""
    hips, armpits = float(seen.joints[[1, 2], 1].mean()), float(seen.joints[[16, 17], 1].mean()) - 0.12
    waist = (bare.levels > hips + 0.12) & (bare.levels < armpits)
    width = (bare.radii * np.abs(np.sin(bare.azimuths))).max(1)
    narrowest = float(bare.levels[waist][np.argmin(width[waist])]) if waist.any() else armpits
    return min(max(loose, narrowest), armpits)


def _grown_share(rest: Float[torch.Tensor, "v 3"], top: float) -> Float[torch.Tensor, "v"]:
    """1 above a garment's upper edge, 0 below: what grew there grew to the garment's outline, not to the body's."""
    return torch.from_numpy(smooth_step((rest[:, 1].double().numpy() - (top - 0.10)) / 0.08)).to(rest)


def trunk_sections(seen: Photographed, axis: tuple[float, float], columns: int) -> Sections:
    """How far trunk and legs, without the feet, reach from an axis in the T-pose; convex at each height."""
    faces = faces_of(seen.model, TRUNK, feet=False).numpy()
    rest = seen.rest.double().numpy()
    used = rest[np.unique(faces)]
    samples = surface_samples(rest, faces)
    bottom, top = float(used[:, 1].min()) + 0.01, float(used[:, 1].max()) - 0.01
    return body_sections(samples, axis, even_azimuths(columns), bottom=bottom, top=top).convex()


def _axis(seen: Photographed) -> tuple[float, float]:
    """The pelvis, moved to the middle between belly and back."""
    rest, hips = seen.rest.numpy(), seen.joints[[1, 2]].mean(0)
    belt = np.abs(rest[:, 1] - hips[1]) < 0.05
    near = belt & (np.abs(rest[:, 0] - hips[0]) < 0.25)
    return float(hips[0]), float(0.5 * (rest[near, 2].min() + rest[near, 2].max()))


def _weights(
    seen: Photographed, axis: tuple[float, float], *, top: float | None = None
) -> Callable[[Float[np.ndarray, "m n 3"]], Float[np.ndarray, "m n j"]]:
    """The body's own weights at the upper edge, those of hanging cloth farther down."""
    trunk = np.unique(faces_of(seen.model, TRUNK).numpy())
    vertices, own = seen.rest.double().numpy()[trunk], seen.model.weights.double().numpy()[trunk]
    hips = float(seen.joints[[1, 2], 1].mean())

    def weights(points: Float[np.ndarray, "m n 3"]) -> Float[np.ndarray, "m n j"]:
        begin = hips + 0.10 if top is None else min(top, hips + 0.10)
        hanging = smooth_step((begin - points[..., 1]) / 0.12)[..., None]
        near = body_weights(points, vertices, own) if (hanging < 1.0).any() else 0.0
        return (1.0 - hanging) * near + hanging * hanging_weights(points, axis, seen.joints)

    return weights


def _evidence(seen: Photographed, excess: Excess) -> Evidence:
    arms = widened(seen.shows(ARMS), 0.01, excess.pixel)
    return Evidence(seen.mask, seen.silhouette(TRUNK), arms, seen.part > 0)
