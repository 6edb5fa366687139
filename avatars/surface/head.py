"""The head all around: hair behind, and a face where the photo hides a part of it."""

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from avatars.surface.hair import Tones, combed, hairless, like_hair, nape
from avatars.surface.rings import RingConfig, Rings, complete_rings
from avatars.surface.unrolled import CELL, reflect_rows

_BROW = 0.6
"""Share of the way from the chin to the top of the face at which ears end."""
_EAR = 100.0
"""Degrees from the front at which they are."""
_GLIMPSE = 0.1
"""Confidence from which on the photo tells skin from hair."""
_BORDER = 0.75
"""Share of the way to where the face is last seen from which on it is its border."""
_HELD, _EVEN = 0.01, 0.006
"""Width of that border whose colour goes on, metres, and along how much of the head it is averaged."""
_FADING = 0.015
"""Metres beyond the border at which light and shadow on it have faded to a third."""
_FEWEST = 60
"""Cells from which on a cheek says something."""


def complete_head(
    rings: Rings,
    source: Bool[np.ndarray, "h w"],
    face: Bool[np.ndarray, "h w"],
    tones: Tones | None,
    config: RingConfig,
    *,
    chin: int,
) -> tuple[Float[np.ndarray, "h w 3"], Bool[np.ndarray, "h"]]:
    """Colours of the whole head, and which of its rings have them.

    Args:
        rings: The unrolled head.
        source: Cells that may be copied.
        face: Cells of the face.
        tones: Of hair and skin.
        config: How rings are completed.
        chin: The chin's row.
    """
    inner, face = face, cheeks(rings, face, tones, chin=chin)
    bare = inner if tones is None else inner | ~like_hair(rings, tones)
    lowest = nape(Rings(rings.color, rings.confidence * source, rings.facing), face, tones, chin=chin)
    source = source & ~hairless(rings, face, tones, below=lowest)
    color, known = complete_rings(rings, source, config, symmetric=True)
    color, known = combed(color, known, (rings.color, source), lowest=lowest)
    return with_face(color, known, rings, face, bare & (rings.confidence > config.confidence)), known


def cheeks(rings: Rings, face: Bool[np.ndarray, "h w"], tones: Tones | None, *, chin: int) -> Bool[np.ndarray, "h w"]:
    """The face and what goes on from it to the ears, on the sides where the photo shows skin there and not hair.

    A side of which it shows too little beside the face is like the other one; where both are, the border of what is
    seen of the face tells.

    Args:
        rings: The unrolled head.
        face: Cells of the face.
        tones: Of hair and skin.
        chin: The chin's row.
    """
    rows = np.flatnonzero(face.any(1))
    if tones is None or not len(rows):
        return face
    width = face.shape[1]
    brow = chin + round(_BROW * (int(np.quantile(rows, 0.98)) - chin))
    turn = np.abs((np.arange(width) + 0.5) / width - 0.5) * 360.0
    band = np.zeros_like(face)
    band[chin:brow] = (turn < _EAR) & ~face[chin:brow]
    left = np.broadcast_to(np.arange(width) < width // 2, face.shape)
    seen, hairy = rings.confidence > _GLIMPSE, like_hair(rings, tones)
    beside = [_mostly_bare(hairy[band & seen & side]) for side in (left, ~left)]
    shown = face & seen
    shown[:chin], shown[brow:] = False, False
    border = [_mostly_bare(hairy[_outermost(shown & side, turn)]) for side in (left, ~left)]
    first, second = (
        next((told for told in (beside[own], beside[1 - own], border[own], border[1 - own]) if told is not None), False)
        for own in (0, 1)
    )
    return face | (band & left & first) | (band & ~left & second)


def _outermost(shown: Bool[np.ndarray, "h w"], turn: Float[np.ndarray, "w"]) -> Bool[np.ndarray, "h w"]:
    """The border of what is seen, by the angle from the front."""
    return shown & (turn > _BORDER * float(np.max(turn * shown, initial=0.0)))


def _mostly_bare(hairy: Bool[np.ndarray, "n"]) -> bool | None:
    """Whether most of the cells are skin; None where there are too few."""
    return None if len(hairy) < _FEWEST else bool(hairy.mean() < 0.5)


def with_face(
    color: Float[np.ndarray, "h w 3"],
    known: Bool[np.ndarray, "h"],
    rings: Rings,
    face: Bool[np.ndarray, "h w"],
    source: Bool[np.ndarray, "h w"],
) -> Float[np.ndarray, "h w 3"]:
    """The head with its face as the photo shows it; where that is hidden, its mirror image, beyond it its skin.

    Args:
        color: Of the unrolled head.
        known: Rings that have colours.
        rings: What the photo shows.
        face: Cells of the face and the cheeks.
        source: Cells that may be copied: no hair that hangs over the cheeks.
    """
    source = source & face
    mirrored = source[:, ::-1] & face & ~source
    seen = np.where(mirrored[..., None], rings.color[:, ::-1], rings.color)
    filled, there = reflect_rows(seen, source | mirrored)
    filled = _held(filled, source | mirrored)
    take = face & there & known[:, None]
    return np.where(take[..., None], filled, color)


def _held(image: Float[np.ndarray, "h w 3"], source: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h w 3"]:
    """Rings beyond whose outermost cells their colour passes into that of all skin: a cheek has no second eye."""
    rows = np.flatnonzero(source.any(1))
    if not len(rows):
        return image
    result, column, skin = image.copy(), np.arange(source.shape[1]), np.median(image[source], 0)
    width, even = max(1, round(_HELD / CELL)), _EVEN / CELL
    first, last = source.argmax(1), source.shape[1] - 1 - source[:, ::-1].argmax(1)
    for border, outward in ((first, -1), (last, 1)):
        inside = (column - border[:, None]) * -outward
        near = source & (inside >= 0) & (inside < width)
        total = ndimage.gaussian_filter1d((image * near[..., None]).sum(1), even, axis=0)
        color = total / np.maximum(ndimage.gaussian_filter1d(near.sum(1).astype(np.float64), even), 1e-9)[:, None]
        share = np.exp(np.minimum(inside, 0) * CELL / _FADING)[..., None]
        beyond = (inside < 0) & np.asarray(source.any(1))[:, None]
        result = np.where(beyond[..., None], skin + (color[:, None] - skin) * share, result)
    return result
