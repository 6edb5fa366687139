"""How sharp a frame of a video is, and how far its content moved since another one."""

import numpy as np
from jaxtyping import Float
from scipy import ndimage

_TILE = 64
"""Edge of the tiles whose displacement is measured, pixels; at most half of it is found."""
_FLAT = 1e-4
"""Variance below which a tile shows nothing that could be found again, in (grey levels / 255)^2."""


def sharpness(frame: Float[np.ndarray, "h w"]) -> float:
    """Variance of the Laplacian: blur takes it away. Comparable between frames of about the same content.

    Args:
        frame: Grey, in [0, 1].
    """
    return float(ndimage.laplace(frame).var())


def displacement(before: Float[np.ndarray, "h w"], after: Float[np.ndarray, "h w"]) -> float:
    """Mean distance by which tiles of a frame moved, pixels, by phase correlation (Kuglin and Hines 1975).

    Tiles without texture do not count; 0 where none has any.

    Args:
        before: Grey, in [0, 1].
        after: The same size.
    """
    first, second = _tiles(before), _tiles(after)
    textured = (first.var((1, 2)) > _FLAT) & (second.var((1, 2)) > _FLAT)
    if not textured.any():
        return 0.0
    return float(np.linalg.norm(_shifts(first[textured], second[textured]), axis=-1).mean())


def _tiles(frame: np.ndarray) -> Float[np.ndarray, "t e e"]:
    """Square tiles beside each other; one smaller tile where the frame is smaller than one."""
    edge = min(_TILE, *frame.shape)
    rows, columns = frame.shape[0] // edge, frame.shape[1] // edge
    cut = frame[: rows * edge, : columns * edge].reshape(rows, edge, columns, edge)
    return cut.transpose(0, 2, 1, 3).reshape(-1, edge, edge)


def _shifts(before: Float[np.ndarray, "t e e"], after: Float[np.ndarray, "t e e"]) -> Float[np.ndarray, "t 2"]:
    """Rows and columns by which each tile moved, to a fraction of a pixel."""
    edge = before.shape[-1]
    window = np.outer(np.hanning(edge), np.hanning(edge))  # what leaves on one side does not come back on the other
    spectra = [np.fft.rfft2((tiles - tiles.mean((1, 2), keepdims=True)) * window) for tiles in (before, after)]
    cross = spectra[1] * spectra[0].conj()
    surface = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-12), s=(edge, edge))
    row, column = np.unravel_index(surface.reshape(len(surface), -1).argmax(-1), (edge, edge))
    along = [_refined(surface, row, column, axis) for axis in (0, 1)]
    return (np.stack(along, -1) + edge / 2) % edge - edge / 2


def _refined(surface: np.ndarray, row: np.ndarray, column: np.ndarray, axis: int) -> Float[np.ndarray, "t"]:
    """A peak's place along one axis: between it and its higher neighbour by their heights (Foroosh et al. 2002)."""
    edge, each = surface.shape[-1], np.arange(len(surface))
    step = np.array([axis == 0, axis == 1], int)

    def height(offset: int) -> np.ndarray:
        return np.maximum(surface[each, (row + offset * step[0]) % edge, (column + offset * step[1]) % edge], 0.0)

    low, peak, high = height(-1), height(0), height(1)
    side = np.where(high > low, 1.0, -1.0)
    share = np.maximum(high, low) / np.maximum(peak + np.maximum(high, low), 1e-12)
    return (row if axis == 0 else column) + side * share
