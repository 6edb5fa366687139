"""Sets of pixels: their pieces, their surroundings, and the colours in them."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage
from scipy.spatial import KDTree

_MOST_COLOURS = 3000


def pieces_of(pixels: Bool[np.ndarray, "h w"]) -> Iterator[tuple[tuple[slice, ...], Bool[np.ndarray, "a b"]]]:
    """The connected pieces, each with the box of the image that holds it."""
    label = np.zeros(pixels.shape, dtype=np.int32)
    ndimage.label(pixels, output=label)
    for index, box in enumerate(ndimage.find_objects(label)):
        if box is not None:
            yield box, label[box] == index + 1


def to_nearest(
    pixels: Bool[np.ndarray, "h w"],
) -> tuple[Float[np.ndarray, "h w"], Int[np.ndarray, "h w"], Int[np.ndarray, "h w"]]:
    """How many pixels away the nearest of the given ones is, and its row and column; infinitely far where none is."""
    if not pixels.any():
        nowhere = np.zeros(pixels.shape, dtype=np.int64)
        return np.full(pixels.shape, np.inf), nowhere, nowhere
    index = np.zeros((2, *pixels.shape), dtype=np.int32)
    distance = np.zeros(pixels.shape)
    ndimage.distance_transform_edt(~pixels, distances=distance, return_indices=True, indices=index)
    return distance, index[0].astype(np.int64), index[1].astype(np.int64)


def widened(pixels: Bool[np.ndarray, "h w"], metres: float, pixel: float) -> Bool[np.ndarray, "h w"]:
    """Pixels within some metres of the given ones, where a pixel covers `pixel` metres."""
    return to_nearest(pixels)[0] <= metres / pixel


def alike(
    photo: UInt8[np.ndarray, "h w 3"],
    sample: Bool[np.ndarray, "h w"],
    asked: tuple[Int[np.ndarray, "*b"], Int[np.ndarray, "*b"]],
    *,
    within: float,
) -> Bool[np.ndarray, "*b"]:
    """Whether pixels have a colour of a sample of pixels; both from the photo without its grain.

    Args:
        photo: sRGB.
        sample: Pixels that have the colours, at least one.
        asked: Rows and columns of the pixels asked.
        within: Colours closer than this are alike, of 255.
    """
    smooth = ndimage.gaussian_filter(photo.astype(np.float64), (2.0, 2.0, 0.0))
    colours = smooth[sample]
    distance, _ = KDTree(colours[:: max(1, len(colours) // _MOST_COLOURS)]).query(smooth[asked])
    return np.asarray(distance) < within
