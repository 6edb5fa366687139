"""Large pictures a band of rows at a time, and made smaller in bands."""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

_BAND = 1 << 20
"""Pixels of a band, at most, where a row has fewer."""

WHOLE = (0.0, 0.0, 1.0, 1.0)
"""The window that shows everything: left, top, right and bottom."""

Part = Callable[[int, int, int, int], Float[Tensor, "h w c"]]
"""A picture, asked part by part: from a row up to and without another, and from a column up to and without another."""


def bands(size: tuple[int, int], *, pixels: int | None = None) -> Iterator[tuple[int, int]]:
    """First row and the row after the last of every band of a picture, from top to bottom.

    Args:
        size: Height and width of the picture.
        pixels: Of a band at most; a megapixel by default. A band has at least one row.

    >>> list(bands((5, 10), pixels=20))
    [(0, 2), (2, 4), (4, 5)]
    """
    height, width = size
    rows = max(1, (_BAND if pixels is None else pixels) // width)
    for first in range(0, height, rows):
        yield first, min(first + rows, height)


def area_averaged(
    part: Part, window: tuple[float, float, float, float], size: tuple[int, int], wanted: tuple[int, int]
) -> Iterator[Float[Tensor, "h w c"]]:
    """Part of a picture made smaller, in bands from top to bottom: a pixel is the mean of those that it touches.

    For the whole picture this is torch's adaptive average pooling.

    Args:
        part: The picture.
        window: Left, top, right and bottom of the part, in [0, 1].
        size: Height and width of the whole picture.
        wanted: Height and width of the result.
    """
    left, top, right, bottom = window
    above, below = _touched(top, bottom, size[0], wanted[0])
    before, behind = _touched(left, right, size[1], wanted[1])
    taller = max(1.0, float((below - above).double().mean()))
    for first, last in bands(wanted, pixels=max(1, int(_BAND / taller * wanted[1] / size[1]))):
        begin, end = int(above[first]), int(below[last - 1])
        found = part(begin, end, int(before[0]), int(behind[-1]))
        across = _box_means(found.transpose(0, 1), before - before[0], behind - before[0]).transpose(0, 1)
        yield _box_means(across, above[first:last] - begin, below[first:last] - begin)


def _touched(low: float, high: float, pixels: int, wanted: int) -> tuple[Int[Tensor, "n"], Int[Tensor, "n"]]:
    """First pixel, and the one after the last, that each of `wanted` equal parts of an edge touches."""
    # Rounded, so that borders that should be whole numbers are.
    border = ((low + (high - low) * torch.arange(wanted + 1).double() / wanted) * pixels * 1e6).round() / 1e6
    begin = border[:-1].floor().long().clamp(0, pixels - 1)
    return begin, torch.maximum(border[1:].ceil().long().clamp(1, pixels), begin + 1)


def _box_means(
    values: Float[Tensor, "n m c"], begin: Int[Tensor, "k"], end: Int[Tensor, "k"]
) -> Float[Tensor, "k m c"]:
    """Means of runs of rows."""
    sums = torch.zeros(len(values) + 1, *values.shape[1:], dtype=torch.float64)
    torch.cumsum(values, 0, dtype=torch.float64, out=sums[1:])
    return ((sums[end] - sums[begin]) / (end - begin)[:, None, None]).to(values.dtype)
