"""The head all around: hair behind, and a face where the photo hides a part of it."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from skimage.color import lab2rgb, rgb2lab

from avatars.surface.hair import Tones, combed, hairless, like_hair, nape
from avatars.surface.rings import RingConfig, Rings, complete_rings
from avatars.surface.unrolled import CELL, reflect_rows, ring_distance

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
_FADING = 0.03
"""Metres beyond the border at which light and shadow on it have faded to a third."""
_FEWEST = 60
"""Cells from which on a cheek says something."""
_SEAM = 0.03
"""Metres beyond a seam between the face and its mirror image at which the light of the one has faded to a third."""
_LIT = 0.03
"""Metres behind what is seen of the neck at which it is as light as the face."""
_BARE, _SHADOW = 15.0, 35.0
"""Chroma by which a bare neck differs from the face at most, and lightness that the chin's shadow takes, CIELAB."""


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
    seen = rings.confidence > config.confidence
    color = _lit_neck(color, rings, inner & seen, seen, below=min(chin, lowest))
    return with_face(color, known, rings, face, bare & seen), known


def _lit_neck(
    color: Float[np.ndarray, "h w 3"],
    rings: Rings,
    face: Bool[np.ndarray, "h w"],
    seen: Bool[np.ndarray, "h w"],
    *,
    below: int,
) -> Float[np.ndarray, "h w 3"]:
    """The head with a bare neck that is as light behind as the face: in front the chin throws its shadow on it.

    Args:
        color: Of the unrolled head.
        rings: What the photo shows.
        face: Cells of the face that it shows.
        seen: All cells that it shows.
        below: The row up to which there is neck.
    """
    shown = seen[:below]
    if not face.any() or not shown.any():
        return color
    skin = np.median(rgb2lab(rings.color[face][None])[0], 0)
    lab = rgb2lab(color[:below])
    ring = np.stack([np.median(row[there], 0) if there.any() else skin for row, there in zip(lab, shown, strict=True)])
    darker = skin[0] - ring[:, 0]
    bare = (np.linalg.norm((ring - skin)[:, 1:], axis=-1) < _BARE) & (darker > 0.0) & (darker < _SHADOW)
    share = np.clip(ring_distance(shown) * CELL / _LIT, 0.0, 1.0) * (bare & shown.any(1))[:, None]
    lab += share[..., None] * (skin - ring)[:, None]
    result = color.copy()
    result[:below] = np.where(share[..., None] > 0.0, np.clip(lab2rgb(lab), 0.0, 1.0), color[:below])
    return result


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
    seen = np.where(mirrored[..., None], _in_its_light(rings.color, source), rings.color)
    filled, there = reflect_rows(seen, source | mirrored)
    filled = _held(filled, source | mirrored)
    take = face & there & known[:, None]
    return np.where(take[..., None], filled, color)


def _held(image: Float[np.ndarray, "h w 3"], source: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h w 3"]:
    """Rings beyond whose outermost cells their colour passes into that of all skin: a cheek has no second eye."""
    if not source.any():
        return image
    result, skin = image.copy(), np.median(image[source], 0)
    for color, beyond in _borders(image, source, source):
        share = np.exp(-beyond * CELL / _FADING)[..., None]
        there = (beyond > 0) & np.asarray(source.any(1))[:, None]
        result = np.where(there[..., None], skin + (color[:, None] - skin) * share, result)
    return result


def _in_its_light(color: Float[np.ndarray, "h w 3"], source: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h w 3"]:
    """The mirror image, whose light passes at the border of what may be copied into that of the side it lies on.

    The light from one side makes one cheek darker than the other: the mirror image of the other would end at a seam.
    """
    mirrored = color[:, ::-1]
    result = mirrored.copy()
    for differs, beyond in _borders(color - mirrored, source, source & source[:, ::-1]):
        share = np.exp(-beyond * CELL / _SEAM)[..., None] * (beyond > 0)[..., None]
        result += differs[:, None] * share
    return np.clip(result, 0.0, 1.0)


def _borders(
    values: Float[np.ndarray, "h w c"], source: Bool[np.ndarray, "h w"], told: Bool[np.ndarray, "h w"]
) -> Iterator[tuple[Float[np.ndarray, "h c"], Float[np.ndarray, "h w"]]]:
    """Of both borders of a region: the mean of values in a strip along it in each ring, and how far beyond cells lie.

    Args:
        values: Of cells; 0 in rings whose strip tells nothing.
        source: The region.
        told: Cells of it whose values count.
    """
    column, width, even = np.arange(source.shape[1]), max(1, round(_HELD / CELL)), _EVEN / CELL
    first, last = source.argmax(1), source.shape[1] - 1 - source[:, ::-1].argmax(1)
    for border, outward in ((first, -1), (last, 1)):
        beyond = (column - border[:, None]) * outward
        near = told & (beyond <= 0) & (beyond > -width)
        total = ndimage.gaussian_filter1d((values * near[..., None]).sum(1), even, axis=0)
        count = ndimage.gaussian_filter1d(near.sum(1).astype(np.float64), even)
        yield total / np.maximum(count, 1e-9)[:, None], np.maximum(beyond, 0).astype(np.float64)
