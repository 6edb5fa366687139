"""The K nearest centres of points, exactly, in plain torch: for devices that the native core does not know.

Cells of a uniform grid hold the centres. A point looks at the block of cells around its own one, which holds every
centre up to some distance; what is farther is looked for in a grid of cells twice as large, and so on, until a block
holds all centres.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

_CENTERS_PER_CELL = 3.0
_FINEST = 1 << 10
"""Cells along the longest edge of the finest grid at most."""
_CHUNK = 1 << 12
"""Points that are asked for at once."""
_CHUNK_ENTRIES = 1 << 23
"""Distances that are computed at once, at most."""
_INFINITY_BITS = 0x7F800000


@dataclass(frozen=True)
class _Grid:
    """Centres in the cells of a uniform grid, x fastest.

    Attributes:
        low: Corner of the first cell.
        edge: Of a cell.
        shape: Cells along each axis.
        start: First place of each cell in `order`, and the end.
        order: Centres by cell, the lower number first.
    """

    low: Float[Tensor, "d"]
    edge: float
    shape: tuple[int, ...]
    start: Int[Tensor, "c"]
    order: Int[Tensor, "m"]

    @staticmethod
    def of(centers: Float[Tensor, "m d"], low: Float[Tensor, "d"], size: list[float], edge: float) -> "_Grid":
        """A grid over the box of the centres."""
        shape = tuple(int(s / edge) + 1 for s in size)
        cell = _flat(_cells(centers, low, edge, shape), shape)
        order = cell.argsort(stable=True)
        counts = torch.bincount(cell, minlength=math.prod(shape))
        start = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        return _Grid(low, edge, shape, start, order)

    def runs(self, points: Float[Tensor, "n d"]) -> tuple[Int[Tensor, "n r"], Int[Tensor, "n r"]]:
        """Where in `order` the centres of the block around each point lie, and how many from there on.

        Cells along x lie behind each other, so that three of them are one run.
        """
        dims, cells = len(self.shape), _cells(points, self.low, self.edge, self.shape)
        moves = torch.cartesian_prod(*(torch.arange(-1, 2, device=points.device),) * (dims - 1)).view(-1, dims - 1)
        rows = cells[:, None, 1:] + moves
        there = torch.stack([(rows[..., i] >= 0) & (rows[..., i] < n) for i, n in enumerate(self.shape[1:])]).all(0)
        inner = torch.where(there[..., None], rows, 0)
        left, right = (cells[:, None, :1] + side for side in (-1, 1))
        first, last = (
            _flat(torch.cat([x.clamp(0, self.shape[0] - 1).expand(-1, len(moves), -1), inner], -1), self.shape)
            for x in (left, right)
        )
        begin = self.start[first]
        return begin, torch.where(there, self.start[last + 1] - begin, 0)

    def known_to(self, points: Float[Tensor, "n d"]) -> Float[Tensor, "n"]:
        """Distance from each point up to which its block holds every centre; infinite where it holds all."""
        cells = _cells(points, self.low, self.edge, self.shape)
        bounds = []
        for axis, count in enumerate(self.shape):
            cell, place = cells[:, axis], points[:, axis] - self.low[axis]
            below = torch.where(cell > 1, place - (cell - 1) * self.edge, torch.inf)
            above = torch.where(cell < count - 2, (cell + 2) * self.edge - place, torch.inf)
            bounds.append(torch.minimum(below, above))
        return torch.stack(bounds, -1).amin(-1)


class NearestPyramid:
    """Grids of centres, each with cells twice as large as the one before.

    Args:
        centers: Points of the plane or of space, float32, on any device; duplicates are allowed.
    """

    def __init__(self, centers: Float[Tensor, "m d"]) -> None:
        self.centers = centers
        low, high = centers.amin(0), centers.amax(0)
        size = (high - low).tolist()
        self._slack = 1e-6 * (float(torch.maximum(low.abs(), high.abs()).max()) + max(size))
        self._grids: list[_Grid] = []
        edge = _finest_edge(centers, low, size)
        while max(size) >= 3.0 * edge:
            self._grids.append(_Grid.of(centers, low, size, edge))
            edge *= 2.0

    def query(
        self, points: Float[Tensor, "n d"], count: int, *, within: float = math.inf
    ) -> tuple[Int[Tensor, "n k"], Float[Tensor, "n k"]]:
        """See `NearestCenters.query`."""
        keys = _nothing(len(points), count, points.device)
        left = torch.arange(len(points), device=points.device)
        for grid in self._grids:
            found, known = self._looked_up(grid, points[left], count)
            keys[left] = found
            settled = (_square(found[:, -1]).sqrt() <= known) | (known >= within)
            left = left[~settled]
            if not len(left):
                break
        for part in left.split(max(1, _CHUNK_ENTRIES // len(self.centers))):
            every = torch.arange(len(self.centers), device=points.device).expand(len(part), -1)
            keys[part] = self._nearest(points[part], every, None, count)
        square = _square(keys)
        beyond = square > within * within
        numbers = torch.arange(count, dtype=torch.int32, device=points.device)
        index = torch.where(beyond | square.isinf(), numbers, (keys & 0x7FFFFFFF).int())
        return index, torch.where(beyond, torch.inf, square)

    def _looked_up(
        self, grid: _Grid, points: Float[Tensor, "n d"], count: int
    ) -> tuple[Int[Tensor, "n k"], Float[Tensor, "n"]]:
        """Keys of the nearest centres of a block, and the distance up to which nothing is missing."""
        begin, length = grid.runs(points)
        # Points whose blocks hold about as many centres go together, so that few places stay empty.
        total, order = length.sum(-1).sort()
        keys = _nothing(len(points), count, points.device)
        most = torch.stack([some[-1] for some in total.split(_CHUNK)]).tolist() if len(points) else []
        for part, width in zip(order.split(_CHUNK), most, strict=False):
            for some in part.split(max(1, _CHUNK_ENTRIES // max(width, 1))):
                place, held = _unrolled(begin[some], length[some], width)
                keys[some] = self._nearest(points[some], grid.order[place], held, count)
        return keys, grid.known_to(points) - self._slack

    def _nearest(
        self, points: Float[Tensor, "n d"], numbers: Int[Tensor, "n c"], held: Bool[Tensor, "n c"] | None, count: int
    ) -> Int[Tensor, "n k"]:
        """The smallest keys: the bits of the squared distance, which are in its order, before the centre's number."""
        square = (points[:, None] - self.centers[numbers]).square().sum(-1)
        if held is not None:
            square = torch.where(held, square, torch.inf)
        keys = (square.view(torch.int32).long() << 32) | numbers
        if (missing := count - keys.shape[1]) > 0:
            keys = torch.cat([keys, _nothing(len(points), missing, points.device)], -1)
        return keys.topk(count, dim=-1, largest=False).values


def _nothing(size: int, count: int, device: torch.device) -> Int[Tensor, "n k"]:
    """Keys of centres that were not found."""
    return torch.full((size, count), _INFINITY_BITS << 32, dtype=torch.int64, device=device)


def _unrolled(
    begin: Int[Tensor, "n r"], length: Int[Tensor, "n r"], width: int
) -> tuple[Int[Tensor, "n w"], Bool[Tensor, "n w"]]:
    """All numbers of some runs, one run behind the other, and which entries hold one."""
    end = length.cumsum(-1)
    entry = torch.arange(width, device=begin.device).expand(len(begin), -1).contiguous()
    run = torch.searchsorted(end, entry, right=True)
    held = run < end.shape[1]
    run = torch.where(held, run, 0)
    return torch.where(held, (begin - end + length).gather(1, run) + entry, 0), held


def _finest_edge(centers: Float[Tensor, "m d"], low: Float[Tensor, "d"], size: list[float]) -> float:
    """Edge of cells of which those that hold any centre hold about three."""
    longest = max(size)
    if longest <= 0.0:
        return math.inf
    edge, finest = longest, longest / _FINEST
    while edge > finest:
        shape = tuple(int(s / edge) + 1 for s in size)
        used = len(_flat(_cells(centers, low, edge, shape), shape).unique())
        if len(centers) <= _CENTERS_PER_CELL * used:
            break
        edge *= 0.5
    # A grid of few centres a cell is of use only while it is no larger than the centres are many.
    while math.prod(int(s / edge) + 1 for s in size) > 64 * len(centers):
        edge *= 2.0
    return edge


def _cells(points: Float[Tensor, "n d"], low: Float[Tensor, "d"], edge: float, shape: tuple[int, ...]) -> Tensor:
    """The cell of each point along each axis; the nearest one of points beside the grid."""
    place = ((points - low) / edge).nan_to_num(0.0)
    return torch.stack([place[:, axis].clamp(0, count - 1).long() for axis, count in enumerate(shape)], -1)


def _flat(cells: Int[Tensor, "*n d"], shape: tuple[int, ...]) -> Int[Tensor, "*n"]:
    """Number of each cell, x fastest."""
    flat = cells[..., -1]
    for axis in range(len(shape) - 2, -1, -1):
        flat = flat * shape[axis] + cells[..., axis]
    return flat


def _square(keys: Int[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """The squared distance that a key holds."""
    return (keys >> 32).int().view(torch.float32)
