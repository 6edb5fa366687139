"""The back of the head: hair where the photo shows hair, skin where it shows none."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from skimage.color import rgb2lab

from avatars.surface.rings import Rings, outerness, ring_means
from avatars.surface.unrolled import CELL, reflect_rows, ring_distance

_ENOUGH = 200
"""Texels from which a median says something."""
_APART = 10.0
"""CIELAB distance below which hair cannot be told from skin."""
_ALIKE = 20.0
"""CIELAB distance from the scalp's colour up to which what hangs beside the neck is hair."""
_FLANK = 5
"""Cells of hair beside the neck from which on there is hair behind it."""
_STRANDS = 20
"""Cells from which on a ring tells what strands look like."""
_LOCK = 0.03
"""Width of what counts as strands, metres; what is broader is light."""
_RIM = 3
"""Cells at the border of hair that are mixed with skin."""
_MOST = 2.0
"""Strands differ from those around by this many standard deviations at most: what shines is not repeated."""
_PASSING = 0.01
"""Way over which what is seen passes into combed strands, metres."""

Regions = tuple[Bool[np.ndarray, "n"], Bool[np.ndarray, "n"], Bool[np.ndarray, "n"]]
"""Of the head's texels: scalp, face, and what the photo shows."""
Tones = tuple[Float[np.ndarray, "k 3"], Float[np.ndarray, "k 3"]]
"""CIELAB of hair and of skin, each in shade, usual and in the light."""


def hair_and_skin(color: Float[np.ndarray, "n 3"], regions: Regions) -> Tones | None:
    """The colours of hair and skin, or None where too little of them is seen or they are alike.

    Args:
        color: sRGB of the head's texels.
        regions: Which of these are scalp, face, and seen.
    """
    scalp, on_face, seen = regions
    if (seen & scalp).sum() < _ENOUGH or (seen & on_face).sum() < _ENOUGH:
        return None
    hair, skin = (_tones(color[seen & where]) for where in (scalp, on_face))
    return None if np.linalg.norm(hair[1] - skin[1]) < _APART else (hair, skin)


def _tones(color: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "3 3"]:
    """CIELAB of the median of the darkest third, of all, and of the brightest third."""
    ranked, third = color[color.sum(-1).argsort(kind="stable")], len(color) // 3
    return rgb2lab(np.stack([np.median(part, 0) for part in (ranked[:third], ranked, ranked[-third:])])[None])[0]


def hairless(
    rings: Rings, face: Bool[np.ndarray, "h w"], tones: Tones | None, *, below: int
) -> Bool[np.ndarray, "h w"]:
    """Cells of the head that the back of the head must not copy: the face, and what is more like skin than like hair.

    Args:
        rings: The unrolled head.
        face: Cells of the face.
        tones: Of hair and skin.
        below: Row below which the neck begins, which is skin all round.
    """
    neck = (np.arange(len(face)) < below)[:, None]
    return (face if tones is None else face | ~like_hair(rings, tones)) & ~neck


def nape(rings: Rings, face: Bool[np.ndarray, "h w"], tones: Tones | None, *, chin: int) -> int:
    """The lowest row of the head behind which hair hangs: it is seen beside the neck down to there.

    Args:
        rings: The unrolled head, with no confidence where nothing may be copied.
        face: Cells of the face.
        tones: Of hair and skin.
        chin: The chin's row; what grows behind it reaches there at least.
    """
    if tones is None:
        return chin
    near = _apart(rings, tones[0]) < _ALIKE
    beside = near & like_hair(rings, tones) & (rings.confidence > 0.0) & ~face & (outerness(rings.facing) > 0.5)
    bare = np.flatnonzero(beside[:chin].sum(1) < _FLANK)
    return int(bare.max()) + 1 if len(bare) else 0


def combed(
    color: Float[np.ndarray, "h w 3"],
    known: Bool[np.ndarray, "h"],
    hair: tuple[Float[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"]],
    *,
    lowest: int,
) -> tuple[Float[np.ndarray, "h w 3"], Bool[np.ndarray, "h"]]:
    """The head with strands of hair that run down its back: those of the ring that shows most of them.

    Each ring keeps its own shade where enough of its hair is seen, and takes that of the rings next to it where not.

    Args:
        color: Of the unrolled head.
        known: Rings that have colours.
        hair: Colours that the photo shows, and which cells of them are hair that may be copied.
        lowest: The row down to which there is hair behind.
    """
    seen, source = hair
    inner: Any = ndimage.binary_erosion(source, iterations=_RIM)
    source = inner if (inner.sum(1)[lowest:] >= _STRANDS).any() else source
    rows = np.flatnonzero((source.sum(1) >= _STRANDS) & (np.arange(len(known)) >= lowest))
    if not len(rows):
        return color, known
    shade = np.stack([np.median(seen[row][source[row]], 0) for row in rows])
    place = np.arange(lowest, len(known))
    shades = np.stack([np.interp(place, rows, plane) for plane in shade.T], -1)
    beyond = np.abs(place - place.clip(rows.min(), rows.max())) * CELL
    usual = np.median(seen[rows][source[rows]], 0)
    shades = usual + (shades - usual) * np.exp(-beyond / _LOCK)[:, None]
    widest = rows[source[rows].sum(1).argmax()]
    strands = _strands(seen[widest], source[widest])
    behind = np.clip(shades[:, None] + strands, 0.0, 1.0)
    hairy = source & np.isin(np.arange(len(known)), rows)[:, None]
    share = np.clip(ring_distance(hairy)[lowest:] * CELL / _PASSING, 0.0, 1.0)[..., None]
    result, filled = color.copy(), known.copy()
    own = np.where(known[:, None, None], color, seen)[lowest:]
    result[lowest:] = own * (1.0 - share) + behind * share
    filled[lowest:] = True
    return result, filled


def _strands(ring: Float[np.ndarray, "w 3"], source: Bool[np.ndarray, "w"]) -> Float[np.ndarray, "w 3"]:
    """How the strands of one ring differ from their surroundings, all around."""
    means, _ = ring_means(ring[None], source[None], _LOCK)
    detail = np.where(source[:, None], ring - means[0], 0.0)
    most = _MOST * detail[source].std(0)
    return reflect_rows(np.clip(detail, -most, most)[None], source[None])[0][0]


def no_hair(rings: Rings, tones: Tones) -> Bool[np.ndarray, "h w"]:
    """Cells beside and on hanging hair that show skin or clothes."""
    return ~like_hair(rings, tones) | (_apart(rings, tones[0]) > _ALIKE)


def like_hair(rings: Rings, tones: Tones) -> Bool[np.ndarray, "h w"]:
    """Cells that are more like hair than like skin."""
    hair, skin = (_apart(rings, tone) for tone in tones)
    return np.asarray(hair <= skin)


def _apart(rings: Rings, tones: Float[np.ndarray, "k 3"]) -> Float[np.ndarray, "h w"]:
    """CIELAB distance of each cell from the nearest of some tones."""
    lab = rgb2lab(rings.color)
    return np.min([np.linalg.norm(lab - tone, axis=-1) for tone in tones], 0)
