"""Where an open coat is open in front."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from avatars.surface.garment.drape import drape
from avatars.surface.garment.loose import DrapeConfig, Loose, carried
from avatars.surface.garment.photographed import Photographed
from avatars.surface.garment.pixels import alike
from avatars.surface.garment.tube import Tube

_SIDE = 1.5


@dataclass(frozen=True)
class OpeningConfig:
    """How the front edges of a coat are found."""

    opening: float = 0.6
    """Half the angle that an open coat leaves free in front where the photo does not show it, radians."""
    same_colour: float = 14.0
    """Colours closer than this are alike, of 255."""


def _outside(low: float, high: float) -> Callable[[Tube], Bool[np.ndarray, "m n"]]:
    """All but the azimuths between two."""

    def presence(tube: Tube) -> Bool[np.ndarray, "m n"]:
        closed = (tube.azimuths < low) | (tube.azimuths > high)
        return np.broadcast_to(closed, tube.radii.shape).copy()

    return presence


def opened(
    seen: Photographed, loose: Bool[np.ndarray, "h w"], piece: Loose, config: OpeningConfig | None = None
) -> Loose:
    """A piece that is free between its front edges: those that the photo shows, another as the mirror image.

    Args:
        seen: The photo.
        loose: Loose pixels, which have the cloth's colours.
        piece: The same without an opening.
        config: Options.
    """
    config = config or OpeningConfig()
    piece = replace(piece, presence=_outside(-config.opening, config.opening))
    tube = drape(seen, piece)
    rings = carried(seen, piece, tube, DrapeConfig())
    left, right = _front_edges(seen, loose, piece, tube=tube, rings=rings, config=config)
    if np.isnan(left) and np.isnan(right):
        return piece
    left = -right if np.isnan(left) else left
    right = -left if np.isnan(right) else right
    return replace(piece, presence=_outside(max(right, -_SIDE), min(left, _SIDE)))


def _front_edges(
    seen: Photographed,
    loose: Bool[np.ndarray, "h w"],
    piece: Loose,
    *,
    tube: Tube,
    rings: Float[np.ndarray, "m n 3"],
    config: OpeningConfig,
) -> tuple[float, float]:
    """Azimuths, radians, to the body's left and right, up to which the front has the colour of the loose cloth."""
    pixel, _ = seen.project(rings)
    column, row = np.floor(pixel[..., 0]).astype(np.int64), np.floor(pixel[..., 1]).astype(np.int64)
    height, width = seen.mask.shape
    at = (row.clip(0, height - 1), column.clip(0, width - 1))
    same = alike(seen.photo, loose, at, within=config.same_colour)
    known = seen.mask[at] & ~piece.evidence.blocked[at]
    below = tube.heights[0] - tube.heights > 0.10
    usable = known & below
    count = usable.sum(0)
    share = np.where(count > 4, (same & usable).sum(0) / np.maximum(count, 1), np.nan)
    left, right = (_last_alike(share, tube.azimuths, sign) for sign in (1.0, -1.0))
    return left, right


def _last_alike(share: Float[np.ndarray, "n"], azimuths: Float[np.ndarray, "n"], sign: float) -> float:
    """The azimuth up to which most rows are alike, coming from one side; NaN where that is not seen."""
    side = (sign * azimuths > 0.0) & (sign * azimuths < _SIDE) & np.isfinite(share)
    order = np.argsort(-sign * azimuths[side])
    share, azimuths = share[side][order], azimuths[side][order]
    if len(share) < 3 or share[:6].max() < 0.5:
        return float("nan")
    start = int(np.argmax(share > 0.5))
    other = np.flatnonzero(share[start:] <= 0.5)
    return float(azimuths[start + other[0] - 1]) if len(other) else float("nan")
