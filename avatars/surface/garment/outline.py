"""How far a surface is from a photo's outline: sideways for each of its rings, and down at its hem."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from avatars.surface.garment.photographed import Photographed

_BEHIND_ARM = 0.02


@dataclass(frozen=True)
class Evidence:
    """What the photo says about where a surface ends.

    Attributes:
        mask: The person.
        own: Pixels that the surface goes around in any case: the trunk, or the head.
        blocked: Pixels of limbs, in front of the surface or beside it, behind which its edge cannot be seen.
        body: Pixels of the whole body.
        reach: How far from its axis a surface may end, metres.
    """

    mask: Bool[np.ndarray, "h w"]
    own: Bool[np.ndarray, "h w"]
    blocked: Bool[np.ndarray, "h w"]
    body: Bool[np.ndarray, "h w"]
    reach: float = 0.7


def ring_shifts(
    seen: Photographed,
    evidence: Evidence,
    *,
    rings: Float[np.ndarray, "m n 3"],
    present: Bool[np.ndarray, "m n"],
    ends: tuple[int, int],
    closed_top: bool = False,
) -> Float[np.ndarray, "m 2"]:
    """How far each ring's outermost points are from the outline, metres, outwards positive; NaN where it is hidden.

    Args:
        seen: The photo.
        evidence: What of it counts.
        rings: Points around the body as the photo shows it, metres.
        present: Points that belong to the surface.
        ends: Columns whose points lie farthest to the photo's left and right in the T-pose.
        closed_top: Whether rings that the photo does not show shrink to their centre.
    """
    pixel, scale = seen.project(rings)
    shifts = np.full((len(rings), 2), np.nan)
    for row in range(len(rings)):
        if not present[row].any():
            continue
        first, last = pixel[row, ends[0]], pixel[row, ends[1]]
        along = (last - first) / (np.linalg.norm(last - first) + 1e-9)
        centre, metres = 0.5 * (first + last), float(scale[row].mean())
        place = (pixel[row, present[row]] - centre) @ along
        for side, (sign, end) in enumerate(((-1.0, -place.min()), (1.0, place.max()))):
            way = _way_out(evidence, centre, sign * along, metres)
            if way < 0.0:
                way = 0.0 if closed_top else float("nan")
            shifts[row, side] = (way - end) * metres
    return shifts


def _way_out(evidence: Evidence, centre: Float[np.ndarray, "2"], along: Float[np.ndarray, "2"], metres: float) -> float:
    """Pixels from the centre to the edge of what is seen of a surface.

    NaN where the edge is hidden, -1 where nothing of the surface is seen.
    """
    height, width = evidence.mask.shape
    steps = np.arange(0, int(evidence.reach / metres))
    column = np.floor(centre[0] + steps * along[0]).astype(np.int64)
    row = np.floor(centre[1] + steps * along[1]).astype(np.int64)
    there = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    at = (row.clip(0, height - 1), column.clip(0, width - 1))
    inside, own, blocked = evidence.mask[at] & there, evidence.own[at] & there, evidence.blocked[at] & there
    trunk = (own & inside).nonzero()[0]
    start = int(trunk[-1]) if len(trunk) else 0
    if not inside[start]:
        return -1.0
    end = start + int(np.argmin(np.append(inside[start:], False)))
    if end >= len(steps) or not there[end]:
        return float("nan")
    least = max(1, int(_BEHIND_ARM / metres))
    if blocked[start + 1 : end].any() and blocked[max(start, end - least) : end].any():
        return float("nan")
    return end - 0.5


def hem_shifts(
    seen: Photographed,
    evidence: Evidence,
    *,
    rings: Float[np.ndarray, "m n 3"],
    cover: Bool[np.ndarray, "h w"],
) -> Float[np.ndarray, "n"]:
    """How much longer each column must be to end at the outline, metres; NaN where that cannot be seen.

    Args:
        seen: The photo.
        evidence: What of it counts.
        rings: Points around the body as the photo shows it, metres, the hem last.
        cover: Pixels of the surface itself.
    """
    pixel, scale = seen.project(rings[[-5, -1]])
    down = pixel[1] - pixel[0]
    down /= np.linalg.norm(down, axis=1, keepdims=True) + 1e-9
    aside = np.stack([-down[:, 1], down[:, 0]], 1)
    metres = scale[1][:, None]
    steps = np.arange(-0.06, 0.25, 0.002)
    way = pixel[1][:, None] + (steps / metres)[..., None] * down[:, None]
    wide = 0.015 / metres[..., None] * aside[:, None]
    inside = _look(evidence.mask, way)
    body = _look(evidence.body, way) | _look(evidence.body, way - wide) | _look(evidence.body, way + wide)
    start = _look(evidence.mask, way[:, :1] - wide)[:, 0] & _look(evidence.mask, way[:, :1] + wide)[:, 0]
    first = np.argmin(inside, axis=1)
    seen_end = ~inside.all(1) & inside[:, 0] & start
    clear = ~(body & (np.arange(len(steps)) <= first[:, None] + 5)).any(1)
    lowest = ~_look(cover, pixel[1][:, None] + (0.015 / metres)[..., None] * down[:, None])[:, 0]
    return np.where(seen_end & clear & lowest, steps[first] - 0.001, np.nan)


def _look(image: Bool[np.ndarray, "h w"], pixel: Float[np.ndarray, "*b 2"]) -> Bool[np.ndarray, "*b"]:
    """Values at image points; False outside."""
    place: Int[np.ndarray, "*b 2"] = np.floor(pixel).astype(np.int64)
    height, width = image.shape
    there = (place >= 0).all(-1) & (place[..., 0] < width) & (place[..., 1] < height)
    return image[place[..., 1].clip(0, height - 1), place[..., 0].clip(0, width - 1)] & there
