"""What the mask holds beyond the dressed body: loose cloth, hair and sleeves.

A piece counts where it reaches far from the body and is not small; what of the body is next to it says whose it is.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from scipy import ndimage

from avatars.body.skinning import transform
from avatars.surface.garment.photographed import Photographed, seen_from
from avatars.surface.garment.pixels import pieces_of, to_nearest
from avatars.surface.garment.regions import HEAD, LEGS, TRUNK, belongs, limb_parts


@dataclass(frozen=True)
class ExcessConfig:
    """What counts as loose."""

    reach: float = 0.02
    """A piece reaches at least this far from the dressed body, metres."""
    area: float = 0.004
    """Its least area, square metres."""
    hair_reach: float = 0.045
    """Long hair reaches at least this far from the bare face and neck, metres."""
    hair_area: float = 0.002
    """Its least area beside them, square metres."""
    sleeve_reach: float = 0.015
    """A loose sleeve reaches at least this far from the arm, metres."""
    sleeve_area: float = 0.001
    """Its least area, square metres."""


@dataclass(frozen=True)
class Excess:
    """Pixels of the mask that the dressed body does not explain.

    Attributes:
        cloth: Those that hang from trunk and legs.
        hair: Those that belong to the head.
        sleeves: Those of the left and the right arm.
        pixel: Metres that a pixel covers at the body.
    """

    cloth: Bool[np.ndarray, "h w"]
    hair: Bool[np.ndarray, "h w"]
    sleeves: tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]
    pixel: float


def find_excess(seen: Photographed, config: ExcessConfig | None = None) -> Excess:
    """The loose pieces of a mask, by what of the body is next to them."""
    config = config or ExcessConfig()
    pixel = float(seen.project(seen.posed.double().numpy())[1].mean())
    cover = seen.part > 0
    distance, row, column = to_nearest(cover)
    nearest = seen.part[row, column]
    cloth, hair, arms = np.zeros_like(cover), np.zeros_like(cover), np.zeros_like(cover)
    for box, piece in pieces_of(np.asarray(ndimage.binary_opening(seen.mask & ~cover))):
        reach, area = distance[box][piece].max() * pixel, _area(piece, pixel)
        of_head, of_cloth = _shares(nearest[box], piece)
        if reach >= config.reach and area >= config.area:
            cloth[box] |= piece & of_cloth
            hair[box] |= piece & of_head
        if reach >= config.sleeve_reach and not (of_head | of_cloth).any():
            arms[box] |= piece
    left, right = (arms & belongs(nearest, limb_parts(side, "arm")) for side in ("left", "right"))
    sleeves = (_large(left, config.sleeve_area, pixel), _large(right, config.sleeve_area, pixel))
    return Excess(cloth, hair | _beside_bare_neck(seen, config, pixel), sleeves, pixel)


def _beside_bare_neck(seen: Photographed, config: ExcessConfig, pixel: float) -> Bool[np.ndarray, "h w"]:
    """What stands off face and neck before they grew: a neck that grew into long hair does not explain it."""
    bare = seen.bare()
    posed = transform(seen.body.posed_from_rest, bare)
    raster = seen_from(seen.camera, posed, seen.model.faces)
    height = raster.interpolate(bare[:, 1:2], seen.model.faces)[..., 0].numpy()
    part = np.where(raster.face.numpy() >= 0, seen.model.parts[raster.face.clamp_min(0)].numpy(), 0)
    distance, row, column = to_nearest(part > 0)
    at = (row, column)
    eyes = float(bare[seen.model.vertices_at(("leye", "reye")), 1].mean())
    hair = np.zeros_like(seen.mask)
    for box, piece in pieces_of(seen.mask & (part == 0) & belongs(part[at], HEAD) & (height[at] < eyes)):
        if distance[box][piece].max() * pixel > config.hair_reach and _area(piece, pixel) > config.hair_area:
            hair[box] |= piece
    return hair


def _area(piece: Bool[np.ndarray, "h w"], pixel: float) -> float:
    return float(piece.sum()) * pixel**2


def _large(piece: Bool[np.ndarray, "h w"], area: float, pixel: float) -> Bool[np.ndarray, "h w"]:
    """The pixels, or none where they are too few."""
    return piece if _area(piece, pixel) > area else np.zeros_like(piece)


def _shares(nearest: Int[np.ndarray, "h w"], piece: Bool[np.ndarray, "h w"]) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels of a piece are the head's and which hang from trunk and legs; neither where it is a sleeve's."""
    head, legs, trunk = belongs(nearest, HEAD), belongs(nearest, LEGS), belongs(nearest, TRUNK)
    of = {
        name: (group & piece).sum() / piece.sum() for name, group in (("head", head), ("legs", legs), ("trunk", trunk))
    }
    everything, nothing = np.ones_like(piece), np.zeros_like(piece)
    if of["head"] > 0.2 and of["legs"] > 0.2:
        return head, ~head
    if of["head"] > 0.2:
        return everything, nothing
    return (nothing, everything) if of["trunk"] > 0.3 else (nothing, nothing)


def trouser_legs(seen: Photographed, excess: Excess) -> tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """Loose pixels beside the left and the right leg."""
    _, row, column = to_nearest(seen.part > 0)
    nearest = seen.part[row, column]
    left, right = (excess.cloth & belongs(nearest, limb_parts(side, "leg")) for side in ("left", "right"))
    return left, right
