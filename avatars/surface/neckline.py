"""Skin that a neckline bares: it stays in front, for clothes end higher behind."""

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from skimage.color import rgb2lab

from avatars.surface.rings import RingConfig, Rings, outerness
from avatars.surface.unrolled import CELL

_ENOUGH = 200
"""Texels from which a median says something."""
_LIKE_SKIN = 22.0
"""CIELAB distance from the face's colour up to which something is skin: shadows and light move it so far."""
_SAME = 8.0
"""The same up to which it is nothing else."""
_CLOTHED = 0.5
"""Share of the trunk that looks like skin from which on it is bare, or its clothes cannot be told from skin."""
_FLANK = 0.5
"""Share of the way from the middle of the front to its borders at which the flanks begin."""
_LOWEST = 0.02
"""Metres along the trunk at the lower end of a bare place where its flanks tell whether it goes on behind."""
_NECK = 0.08
"""Metres below the highest ring that is seen up to which the neck reaches down."""
_GOES_ON = 0.5
"""Share of the flanks that is bare where it does."""
_RIM = 4
"""Cells at the neckline that are mixed with skin."""


def skin_tone(
    color: Float[np.ndarray, "n 3"], face: Bool[np.ndarray, "n"], seen: Bool[np.ndarray, "n"]
) -> Float[np.ndarray, "3"] | None:
    """CIELAB of the face, None where too little of it is seen.

    Args:
        color: sRGB of texels.
        face: Those of the face.
        seen: Those that the photo shows.
    """
    shown = face & seen
    return rgb2lab(np.median(color[shown], 0)[None])[0] if shown.sum() >= _ENOUGH else None


def bared(rings: Rings, skin: Float[np.ndarray, "3"], config: RingConfig) -> Bool[np.ndarray, "h w"]:
    """Cells of a clothed trunk that show skin up to the neck which begins, below, in the middle of the front.

    Where it begins with all of a ring, above a strapless dress, it goes on behind. What does not reach the neck is no
    neckline: stripes in the colour of skin, the belly below a short top.

    Args:
        rings: The unrolled trunk.
        skin: CIELAB of the person's skin.
        config: How rings are completed.
    """
    seen = rings.confidence > config.confidence
    if not seen.any():
        return seen
    top = np.flatnonzero(seen.any(1)).max() - round(_NECK / CELL)
    bare = seen & _like_skin(rgb2lab(rings.color), skin, seen & (np.arange(len(seen)) < top)[:, None])
    if bare.sum() >= _CLOTHED * seen.sum():
        return np.zeros_like(seen)
    flank = seen & (outerness(rings.facing) > _FLANK)
    place = np.zeros(bare.shape, np.int32)
    ndimage.label(bare, output=place)
    inner = np.zeros_like(bare)
    for number, (rows, _) in enumerate(ndimage.find_objects(place), 1):
        mine, lowest = place == number, slice(rows.start, min(rows.stop, rows.start + round(_LOWEST / CELL)))
        if rows.stop > top and mine[lowest][flank[lowest]].sum() < _GOES_ON * flank[lowest].sum():
            inner |= mine
    return np.asarray(ndimage.binary_dilation(inner, iterations=_RIM))


def _like_skin(
    lab: Float[np.ndarray, "h w 3"], skin: Float[np.ndarray, "3"], trunk: Bool[np.ndarray, "h w"]
) -> Bool[np.ndarray, "h w"]:
    """Cells that look like skin, and more so than like what most of the trunk wears."""
    apart = np.linalg.norm(lab - skin, axis=-1)
    like = apart < _LIKE_SKIN
    worn = np.median(lab[trunk], 0) if trunk.any() else skin
    if np.linalg.norm(worn - skin) < _SAME:
        return like
    return like & (apart < np.linalg.norm(lab - worn, axis=-1))
