"""Multiresolution hash grid encoding (Müller et al. 2022, section 3), laid out as tiny-cuda-nn's HashGrid.

Grids of space, and of the plane for images: below, n d is n 3 or n 2.

The same table serves the torch twin, the native core and tinycudann. Level l has
scale_l = base_resolution * per_level_scale^l - 1 and resolution_l = ceil(scale_l) + 1 vertices an edge; it holds
min(resolution_l^d rounded up to 8, 2^log2_table_size) entries, dense where they suffice, else hashed.
"""

import itertools
import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, reduce

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.kernels import cuda, native_core

_PRIMES = (1, 2654435761, 805459861)
_UINT32 = 0xFFFFFFFF


@dataclass(frozen=True)
class GridLayout:
    """Sizes of a hash grid; everything else follows from them by tiny-cuda-nn's rules.

    Attributes:
        levels: Number of resolutions.
        features: Features of an entry.
        log2_table_size: Logarithm of the most entries that a level may have.
        base_resolution: Vertices along an edge of the coarsest level.
        per_level_scale: Factor between the resolutions of neighbouring levels.
        dims: Coordinates of a point, 3 or 2.
    """

    levels: int = 16
    features: int = 2
    log2_table_size: int = 17
    base_resolution: int = 16
    per_level_scale: float = 1.3819129
    dims: int = 3

    @staticmethod
    def up_to(
        finest: int, *, levels: int = 16, log2_table_size: int = 17, base_resolution: int = 16, dims: int = 3
    ) -> "GridLayout":
        """The layout whose finest level has `finest` vertices along an edge.

        >>> GridLayout.up_to(2048).resolution.tolist()[-1]
        2048
        """
        growth = math.exp(math.log(finest / base_resolution) / max(levels - 1, 1))
        return GridLayout(levels, 2, log2_table_size, base_resolution, growth, dims)

    @property
    def width(self) -> int:
        """Length of a point's encoding."""
        return self.levels * self.features

    @cached_property
    def scale(self) -> Float[Tensor, "l"]:
        """Factor from [0, 1] to grid coordinates, in the single precision that tiny-cuda-nn uses."""
        log2_growth = np.log2(np.float32(self.per_level_scale))
        level = np.arange(self.levels, dtype=np.float32)
        return torch.from_numpy(np.exp2(level * log2_growth) * np.float32(self.base_resolution) - np.float32(1.0))

    @cached_property
    def resolution(self) -> Int[Tensor, "l"]:
        """Vertices along an edge of each level."""
        return torch.ceil(self.scale).int() + 1

    @cached_property
    def entries(self) -> Int[Tensor, "l"]:
        """Entries of each level."""
        dense = [(int(r) ** self.dims + 7) // 8 * 8 for r in self.resolution]
        return torch.tensor([min(d, 1 << self.log2_table_size) for d in dense], dtype=torch.int32)

    @cached_property
    def hashed(self) -> Int[Tensor, "l"]:
        """1 for levels whose vertices share entries."""
        pairs = zip(self.resolution, self.entries, strict=True)
        return torch.tensor([int(r) ** self.dims > int(e) for r, e in pairs]).int()

    @cached_property
    def offset(self) -> Int[Tensor, "l1"]:
        """First entry of each level in the table, and the size of the table."""
        return torch.cat([torch.zeros(1, dtype=torch.int64), self.entries.long().cumsum(0)])

    @property
    def size(self) -> int:
        """Entries of the whole table."""
        return int(self.offset[-1])

    def arrays(self) -> list[Tensor]:
        """What the native core wants to know of the layout."""
        return [self.scale, self.resolution, self.entries, self.hashed, self.offset]


def _strides(resolution: int, entries: int, dims: int) -> tuple[int, ...]:
    """Factors of the coordinates in an entry's index: rows of a dense level, or the primes of the hash."""
    dense = resolution**dims <= entries
    return tuple(resolution**axis for axis in range(dims)) if dense else _PRIMES[:dims]


def _combined(terms: Sequence[Int[Tensor, "n"]], resolution: int, entries: int) -> Int[Tensor, "n"]:
    """Entries from coordinates times their factors: a sum where the level is dense, else the hash."""
    dense = resolution ** len(terms) <= entries
    return reduce(operator.add if dense else operator.xor, terms) % entries


def vertex_index(vertex: Int[Tensor, "n d"], resolution: int, entries: int) -> Int[Tensor, "n"]:
    """Entry of grid vertices within their level: dense (x fastest) where the level can hold all, else hashed."""
    factors = _strides(resolution, entries, vertex.shape[-1])
    terms = [axis * factor & _UINT32 for axis, factor in zip(vertex.long().unbind(-1), factors, strict=True)]
    return _combined(terms, resolution, entries)


def grid_coordinate(unit: Float[Tensor, "n d"], scale: float, rounding: torch.dtype) -> Float[Tensor, "n d"]:
    """Grid coordinate unit * scale + 0.5 with one rounding to `rounding`, as a fused multiply-add; differentiable."""
    exact = unit.double() * scale + 0.5
    rounded = exact.to(rounding).double()
    return (exact + (rounded - exact).detach()).to(unit.dtype)


def _corners(
    coordinate: Float[Tensor, "n d"], resolution: int, entries: int
) -> Iterator[tuple[Int[Tensor, "n"], Float[Tensor, "n"]]]:
    """Entries of the vertices around each point, and their multilinear weights, x fastest; see `vertex_index`."""
    low = coordinate.detach().floor()
    place = (coordinate - low).unbind(-1)
    weights = [(1.0 - w, w) for w in place]
    factors = _strides(resolution, entries, len(weights))
    terms = [
        (cell * factor & _UINT32, (cell + 1) * factor & _UINT32)
        for cell, factor in zip(low.long().unbind(-1), factors, strict=True)
    ]
    for reverse in itertools.product((0, 1), repeat=len(terms)):
        sides = reverse[::-1]
        index = _combined([pair[side] for pair, side in zip(terms, sides, strict=True)], resolution, entries)
        yield index, reduce(operator.mul, (pair[side] for pair, side in zip(weights, sides, strict=True)))


def hash_encode_reference(
    unit: Float[Tensor, "n d"],
    table: Float[Tensor, "e f"],
    layout: GridLayout,
    *,
    rounding: torch.dtype | None = None,
) -> Float[Tensor, "n c"]:
    """The torch twin of `hash_encode`: any device and precision, differentiable.

    Args:
        unit: Points in [0, 1]^d; others are clamped to it.
        table: Entries of all levels.
        layout: Sizes of the grid.
        rounding: Precision of the grid coordinate; that of `unit` by default. A double-precision reference of a
            single-precision op needs float32, because at fine levels the coordinate's rounding is all one sees.
    """
    inside = unit.clamp(0.0, 1.0)
    columns = []
    for level in range(layout.levels):
        entries, offset = int(layout.entries[level]), int(layout.offset[level])
        coordinate = grid_coordinate(inside, float(layout.scale[level]), rounding or unit.dtype)
        total = torch.zeros(len(unit), table.shape[1], dtype=table.dtype, device=unit.device)
        for index, weight in _corners(coordinate, int(layout.resolution[level]), entries):
            total = total + weight.to(table.dtype)[:, None] * table[offset + index]
        columns.append(total)
    return torch.cat(columns, -1)


_NATIVE = {3: "hash_encode", 2: "hash_encode_2d"}
"""The core's ops by the number of coordinates."""


@torch.library.custom_op("nfield::hash_encode", mutates_args=())
def _native_encode(unit: Tensor, table: Tensor, layout: list[Tensor]) -> Tensor:
    out = unit.new_empty(len(unit), 2 * len(layout[0]))
    encode = getattr(native_core.require(), _NATIVE[unit.shape[1]])
    encode(native_core.array(unit), native_core.array(table), *layout, out, torch.get_num_threads())
    return out


@_native_encode.register_fake
def _(unit: Tensor, table: Tensor, layout: list[Tensor]) -> Tensor:
    return unit.new_empty(len(unit), 2 * len(layout[0]))


@torch.library.custom_op("nfield::hash_encode_backward", mutates_args=())
def _native_backward(
    unit: Tensor, table: Tensor, grad: Tensor, layout: list[Tensor], to_points: bool
) -> tuple[Tensor, Tensor]:
    grad_table = torch.empty_like(table, memory_format=torch.contiguous_format)
    grad_points = unit.new_empty(len(unit) if to_points else 0, unit.shape[1])
    arrays = [native_core.array(t) for t in (unit, table, grad)]
    backward = getattr(native_core.require(), f"{_NATIVE[unit.shape[1]]}_backward")
    backward(*arrays, *layout, grad_table, grad_points, torch.get_num_threads())
    return grad_table, grad_points


@_native_backward.register_fake
def _(unit: Tensor, table: Tensor, grad: Tensor, layout: list[Tensor], to_points: bool) -> tuple[Tensor, Tensor]:
    return torch.empty_like(table), unit.new_empty(len(unit) if to_points else 0, unit.shape[1])


def _setup(ctx, inputs, output) -> None:  # noqa: ANN001 (torch's own types)
    unit, table, layout = inputs
    ctx.save_for_backward(unit, table)
    ctx.layout = layout


def _backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor | None, list[None]]:  # noqa: ANN001 (torch's own type has no public fields)
    unit, table = ctx.saved_tensors
    grad_table, grad_points = _native_backward(unit, table, grad, ctx.layout, ctx.needs_input_grad[0])
    return (grad_points if ctx.needs_input_grad[0] else None), grad_table, [None] * len(ctx.layout)


_native_encode.register_autograd(_backward, setup_context=_setup)


def hash_encode(unit: Float[Tensor, "n d"], table: Float[Tensor, "e f"], layout: GridLayout) -> Float[Tensor, "n c"]:
    """Features of points in a multiresolution hash grid; differentiable in points and table.

    Args:
        unit: Points in [0, 1]^d; others are clamped to it.
        table: Entries of all levels, each level's after the other (`layout.size` rows).
        layout: Sizes of the grid.

    Returns:
        Level-major features, those of level 0 first.
    """
    if layout.dims == 3 and cuda.takes(unit, table):
        sizes = {name: value for name, value in asdict(layout).items() if name != "dims"}
        return cuda.hash_encode(unit, table, **sizes)
    if native_core.runs_natively(unit, table) and layout.features == 2:
        return _native_encode(unit, table, layout.arrays())
    return hash_encode_reference(unit, table, layout)
