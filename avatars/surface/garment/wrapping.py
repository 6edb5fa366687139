"""How loose cloth lies around the legs: around both, open in front, or around each."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Bool

from avatars.surface.garment.excess import Excess
from avatars.surface.garment.photographed import Photographed
from avatars.surface.garment.pixels import alike, widened
from avatars.surface.garment.regions import LEGS, TRUNK, limb_parts

_MOST_ASKED = 3000


class Wrapping(Enum):
    """How loose cloth lies around the legs."""

    HULL = "a skirt or a closed coat, around both"
    SHEET = "the tails of an open coat, behind and beside them"
    LEGS = "wide trousers, around each"
    CARRIED = "a bag at one side, around nothing"


@dataclass(frozen=True)
class WrappingConfig:
    """When cloth goes around the legs."""

    same_colour: float = 12.0
    """Colours closer than this are alike, of 255."""
    hull: float = 0.5
    """From this share of the legs' pixels in the cloth's colour on, it goes around the legs."""
    beside: float = 0.25
    """How far from a piece the legs' colours are compared, metres."""
    one_side: float = 0.15
    """Tails of a coat show on the less seen side at least this share of what they show on the other one."""
    gap: float = 0.15
    """A hull leaves less than this share of the pixels between the legs to the background."""


def wrapping(seen: Photographed, excess: Excess, config: WrappingConfig | None = None) -> Wrapping:
    """How loose cloth lies around the legs.

    It goes around them where between its edges they have its colour. Asked is the middle half of what the photo shows
    in each row; to the sides an open coat covers the legs, too. What is in another colour and beside the body on one
    side alone is no coat. Where the background shows between the legs, it is trousers.
    """
    config = config or WrappingConfig()
    rows = np.asarray(excess.cloth.any(1))
    near = widened(excess.cloth, config.beside, excess.pixel)
    zone = seen.shows(LEGS) & seen.mask & rows[:, None] & near & _middle_half(seen.silhouette(LEGS))
    if zone.sum() < 50:
        return Wrapping.HULL
    row, column = zone.nonzero()
    step = max(1, len(row) // _MOST_ASKED)
    same = alike(seen.photo, excess.cloth, (row[::step], column[::step]), within=config.same_colour)
    if float(same.mean()) <= config.hull:
        return Wrapping.CARRIED if _one_sided(seen, excess, config) else Wrapping.SHEET
    return Wrapping.LEGS if _parted(seen, rows, config) else Wrapping.HULL


def _one_sided(seen: Photographed, excess: Excess, config: WrappingConfig) -> bool:
    """Whether nearly all of the cloth is on one side of the trunk and the legs."""
    width = excess.cloth.shape[1]
    body = seen.silhouette(TRUNK)
    rows = np.asarray(body.any(1) & excess.cloth.any(1))
    middle = 0.5 * (np.argmax(body, axis=1) + width - 1 - np.argmax(body[:, ::-1], axis=1))
    left = excess.cloth & (np.arange(width) < middle[:, None]) & rows[:, None]
    sides = sorted((int(left.sum()), int((excess.cloth & rows[:, None]).sum() - left.sum())))
    return sides[0] < config.one_side * sides[1]


def _parted(seen: Photographed, rows: Bool[np.ndarray, "h"], config: WrappingConfig) -> bool:
    """Whether background shows between the legs where the cloth is: wide trousers, no skirt."""
    left, right = (seen.silhouette(limb_parts(side, "leg")) for side in ("left", "right"))
    between = _between(left, right) | _between(right, left)
    between &= ~left & ~right & rows[:, None] & (seen.part == 0)
    open_rows = between.sum(1) > 0
    if not open_rows.any():
        return False
    return bool((between & ~seen.mask).sum() > config.gap * between.sum())


def _between(first: Bool[np.ndarray, "h w"], second: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels that have the first to the left and the second to the right in their row."""
    return np.maximum.accumulate(first, axis=1) & np.maximum.accumulate(second[:, ::-1], axis=1)[:, ::-1]


def _middle_half(pixels: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The middle half of each row's span."""
    width = pixels.shape[1]
    first = np.argmax(pixels, axis=1)[:, None]
    last = width - 1 - np.argmax(pixels[:, ::-1], axis=1)[:, None]
    column = np.arange(width)
    return (np.abs(column - 0.5 * (first + last)) <= 0.25 * (last - first)) & np.asarray(pixels.any(1))[:, None]
