"""The back of the head: hair where the photo shows hair, skin where it shows none."""

import numpy as np
from jaxtyping import Bool, Float
from skimage.color import rgb2lab

from avatars.surface.rings import Rings
from avatars.surface.unrolled import there_and_back

_ENOUGH = 200
"""Texels from which a median says something."""
_APART = 10.0
"""CIELAB distance below which hair cannot be told from skin."""

Regions = tuple[Bool[np.ndarray, "n"], Bool[np.ndarray, "n"], Bool[np.ndarray, "n"]]
"""Of the head's texels: scalp, face, and what the photo shows."""


def hairless(
    rings: Rings,
    face: Bool[np.ndarray, "h w"],
    color: Float[np.ndarray, "n 3"],
    regions: Regions,
    *,
    below: int,
) -> Bool[np.ndarray, "h w"]:
    """Cells of the head that the back of the head must not copy: the face, and what is more like skin than like hair.

    Args:
        rings: The unrolled head.
        face: Cells of the face.
        color: sRGB of the head's texels.
        regions: Which of these are scalp, face, and seen.
        below: Row below which the neck begins, which is skin all round.
    """
    scalp, on_face, seen = regions
    neck = (np.arange(len(face)) < below)[:, None]
    if (seen & scalp).sum() < _ENOUGH or (seen & on_face).sum() < _ENOUGH:
        return face & ~neck
    hair, skin = (rgb2lab(np.median(color[seen & where], 0)[None])[0] for where in (scalp, on_face))
    if np.linalg.norm(hair - skin) < _APART:
        return face & ~neck
    lab = rgb2lab(rings.color)
    like_skin = np.linalg.norm(lab - hair, axis=-1) > np.linalg.norm(lab - skin, axis=-1)
    return (face | like_skin) & ~neck


def hair_rings(
    color: Float[np.ndarray, "h w 3"], known: Bool[np.ndarray, "h"], source: Bool[np.ndarray, "h w"], *, lowest: int
) -> tuple[Float[np.ndarray, "h w 3"], Bool[np.ndarray, "h"]]:
    """Rings of the head down to the nape continue those above them that show hair, by reflection there and back.

    Args:
        color: Of the unrolled head.
        known: Rings that have colours.
        source: Cells that were copied.
        lowest: The nape's row.
    """
    rows = np.flatnonzero(source.any(1) & known & (np.arange(len(known)) >= lowest))
    if not len(rows):
        return color, known
    take = np.arange(lowest, rows.min())
    color, known = color.copy(), known.copy()
    color[take] = color[rows[there_and_back(rows.min() - take, np.full(len(take), len(rows)))]]
    known[take] = True
    return color, known
