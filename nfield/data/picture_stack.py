"""Pictures of one or several sizes in one block of memory, with the pixels that masks leave."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from nfield.devices import uniform, whole_numbers


@dataclass(frozen=True)
class PictureStack:
    """k pictures, stored one after the other, row by row. Parts of a stack share its memory.

    Attributes:
        pixels: All pixels: sRGB with straight alpha.
        first: Where the pixels of each picture begin.
        sizes: Height and width of each picture.
        used: Which pixels take part in training and measuring; None where all do.
        blended: Which pixels may be blended with a backdrop whose colour is known; None where there is no such.
    """

    pixels: UInt8[Tensor, "p 4"]
    first: Int[Tensor, "k"]
    sizes: Int[Tensor, "k 2"]
    used: Bool[Tensor, "p"] | None = None
    blended: Bool[Tensor, "p"] | None = None

    @staticmethod
    def of_one_size(images: UInt8[Tensor, "k h w 4"], *, used: Bool[Tensor, "k h w"] | None = None) -> "PictureStack":
        """Pictures of one size, whose memory is shared.

        >>> PictureStack.of_one_size(torch.zeros(3, 2, 5, 4, dtype=torch.uint8)).first.tolist()
        [0, 10, 20]
        """
        count, height, width, _ = images.shape
        sizes = torch.tensor([[height, width]]).expand(count, 2)
        first = torch.arange(count) * (height * width)
        return PictureStack(images.reshape(-1, 4), first, sizes, None if used is None else used.reshape(-1))

    def __len__(self) -> int:
        return self.first.shape[0]

    def __getitem__(self, index: slice | Int[Tensor, "n"]) -> "PictureStack":
        return replace(self, first=self.first[index], sizes=self.sizes[index])

    @property
    def one_size(self) -> bool:
        """Whether all pictures have the same height and width."""
        return bool((self.sizes == self.sizes[:1]).all())

    def together(self) -> UInt8[Tensor, "k h w 4"]:
        """Pictures of one size, at least one, as one tensor: a view where they follow on each other, else a copy."""
        height, width = self.sizes[0].tolist()
        size = height * width
        if torch.equal(self.first, self.first[0] + size * torch.arange(len(self), device=self.first.device)):
            begin = int(self.first[0])
            return self.pixels[begin : begin + size * len(self)].view(-1, height, width, 4)
        return torch.stack([self.picture(index) for index in range(len(self))])

    def picture(self, index: int) -> UInt8[Tensor, "h w 4"]:
        """One picture; its memory is shared."""
        return self._part(self.pixels, index)

    def used_of(self, index: int) -> Bool[Tensor, "h w"] | None:
        """Which pixels of one picture take part; None where all do."""
        return None if self.used is None else self._part(self.used, index)

    def at(self, picture: Int[Tensor, "r"], column: Int[Tensor, "r"], row: Int[Tensor, "r"]) -> Float[Tensor, "r 4"]:
        """Single pixels, sRGB and straight alpha in [0, 1]."""
        return self.pixels[self._place(picture, column, row)].to(torch.float32) / 255.0

    def blended_at(
        self, picture: Int[Tensor, "r"], column: Int[Tensor, "r"], row: Int[Tensor, "r"]
    ) -> Bool[Tensor, "r"]:
        """Whether single pixels may be blended with the backdrop."""
        if self.blended is None:
            return torch.zeros_like(picture, dtype=torch.bool)
        return self.blended[self._place(picture, column, row)]

    def _place(self, picture: Int[Tensor, "r"], column: Int[Tensor, "r"], row: Int[Tensor, "r"]) -> Int[Tensor, "r"]:
        return self.first[picture] + row * self.sizes[picture, 1] + column

    def _part(self, values: Tensor, index: int) -> Tensor:
        height, width = self.sizes[index].tolist()
        begin = int(self.first[index])
        return values[begin : begin + height * width].view(height, width, *values.shape[1:])


class PixelDraw:
    """Random pixels of a stack that take part: each picture equally often, each of its pixels equally often.

    Args:
        stack: The pictures.
    """

    def __init__(self, stack: PictureStack) -> None:
        self._stack = stack
        self._pools = None if stack.used is None else _pools(stack)
        height, width = stack.sizes[0].tolist() if len(stack) else (1, 1)
        self._size = (height, width) if stack.one_size else None  # asked once: the answer may lie on a GPU

    def __call__(
        self, count: int, generator: torch.Generator
    ) -> tuple[Int[Tensor, "r"], Int[Tensor, "r"], Int[Tensor, "r"]]:
        """Picture, column and row of `count` pixels."""
        if self._pools is not None:
            return self._from_pools(self._pools, count, generator)
        device = self._stack.pixels.device
        picture = whole_numbers(len(self._stack), count, generator=generator, device=device)
        if self._size is not None:
            height, width = self._size
            column = whole_numbers(width, count, generator=generator, device=device)
            return picture, column, whole_numbers(height, count, generator=generator, device=device)
        extent = self._stack.sizes[picture]
        row, column = _below(extent, uniform(count, 2, generator=generator, device=device)).unbind(-1)
        return picture, column, row

    def _from_pools(
        self, pools: "_Pools", count: int, generator: torch.Generator
    ) -> tuple[Int[Tensor, "r"], Int[Tensor, "r"], Int[Tensor, "r"]]:
        device = pools.pictures.device
        picture = pools.pictures[whole_numbers(len(pools.pictures), count, generator=generator, device=device)]
        share = torch.rand(count, generator=generator, device=generator.device, dtype=torch.float64).to(device)
        drawn = _below(pools.counts[picture], share)
        inside = pools.members[pools.first[picture] + drawn].long()
        width = self._stack.sizes[picture, 1]
        return picture, inside % width, inside // width


@dataclass(frozen=True)
class _Pools:
    """Pixels that take part, by picture: their places in the picture, one picture after the other."""

    members: Int[Tensor, "m"]
    first: Int[Tensor, "k"]
    counts: Int[Tensor, "k"]
    pictures: Int[Tensor, "n"]


def _pools(stack: PictureStack) -> _Pools:
    parts: list[Tensor] = []
    for index in range(len(stack)):
        used = stack.used_of(index)
        assert used is not None
        parts.append(used.reshape(-1).nonzero()[:, 0].to(torch.int32))
    counts = stack.first.new_tensor([len(part) for part in parts])
    return _Pools(torch.cat(parts), counts.cumsum(0) - counts, counts, counts.nonzero()[:, 0])


def _below(bound: Int[Tensor, "*r"], share: Float[Tensor, "*r"]) -> Int[Tensor, "*r"]:
    """Whole numbers from 0 up to, but without, a bound, for shares in [0, 1)."""
    return torch.minimum((share * bound).long(), bound - 1)
