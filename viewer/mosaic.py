"""Pictures of any size, decoded where they are looked at: tiles, and smaller versions of each (Williams 1983)."""

import math
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from nfield.data.picture_files import to_bytes
from nfield.rendering.image import ShouldStop

_TILE = 512

Pixels = Callable[[Int[Tensor, "n"]], Float[Tensor, "n 3"]]
"""Pixels of a picture, numbered row by row, to sRGB."""


class Mosaic:
    """Squares of pixels that are kept once they were decoded, as 8 bits.

    Args:
        size: Height and width of the picture.
        pixels: Decodes it.
    """

    def __init__(self, size: tuple[int, int], pixels: Pixels) -> None:
        self.size, self._pixels = size, pixels
        self._across = -(-size[1] // _TILE)
        self._tiles: dict[int, list[UInt8[Tensor, "h w 3"]]] = {}

    def colors(
        self, place: Float[Tensor, "n 2"], *, covered: float, whole: bool, should_stop: ShouldStop
    ) -> Float[Tensor, "n 3"] | None:
        """Colours of places; None where it was stopped. Tiles that were decoded by then stay.

        Args:
            place: From the upper left corner (0, 0) to the lower right one (1, 1).
            covered: Pixels along an edge of what a place stands for: it gets about their mean.
            whole: Whether tiles that are missing are decoded; else places on them get the colour of a single pixel.
            should_stop: Asked before each tile.
        """
        row, column = ((place * p).long().clamp(0, p - 1) for place, p in zip(place.T.flip(0), self.size, strict=True))
        tile = row // _TILE * self._across + column // _TILE
        found = place.new_zeros(len(place), 3)
        for number, here in _grouped(tile):
            if number not in self._tiles and whole:
                if should_stop():
                    return None
                self._tiles[number] = list(_halved(self._decoded(number)))
            if number in self._tiles:
                found[here] = _from_levels(self._tiles[number], row[here] % _TILE, column[here] % _TILE, covered)
        single = torch.tensor([number not in self._tiles for number in tile.unique().tolist()])
        missing = single[tile.unique(return_inverse=True)[1]] if len(tile) else tile.bool()
        found[missing] = self._pixels((row * self.size[1] + column)[missing])
        return found

    def _decoded(self, number: int) -> UInt8[Tensor, "h w 3"]:
        (height, width), top, left = self.size, number // self._across * _TILE, number % self._across * _TILE
        rows = torch.arange(top, min(top + _TILE, height))
        columns = torch.arange(left, min(left + _TILE, width))
        pixels = (rows[:, None] * width + columns).reshape(-1)
        return to_bytes(self._pixels(pixels)[None]).view(len(rows), len(columns), 3)


def _grouped(tile: Int[Tensor, "n"]) -> Iterator[tuple[int, Int[Tensor, "m"]]]:
    """The numbers that there are, and where each of them is."""
    numbers, counts = tile.unique(return_counts=True)
    places = tile.argsort().split(counts.tolist())
    return zip(numbers.tolist(), places, strict=True)


def _halved(tile: UInt8[Tensor, "h w 3"]) -> Iterator[UInt8[Tensor, "h w 3"]]:
    """A tile and its smaller versions, each of half the edge, down to one pixel."""
    yield tile
    while max(tile.shape[:2]) > 1:
        smaller = torch.nn.functional.avg_pool2d(tile.float().permute(2, 0, 1)[None], 2, ceil_mode=True)
        tile = smaller[0].permute(1, 2, 0).round().to(torch.uint8)
        yield tile


def _from_levels(
    levels: list[UInt8[Tensor, "_ _ 3"]], row: Int[Tensor, "n"], column: Int[Tensor, "n"], covered: float
) -> Float[Tensor, "n 3"]:
    level = min(max(round(math.log2(max(covered, 1.0))), 0), len(levels) - 1)
    chosen = levels[level]
    return chosen[(row >> level).clamp_max(len(chosen) - 1), (column >> level).clamp_max(chosen.shape[1] - 1)] / 255.0
