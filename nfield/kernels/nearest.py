"""The K nearest centres of points, exactly: an index that is built once and asked often."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.errors import OptionError
from nfield.kernels import native_core
from nfield.kernels.nearest_pyramid import NearestPyramid

MOST_NEIGHBOURS = 8
"""The largest K."""

_CENTERS_PER_BUCKET = 3.0
_CROWDED = 6.0
_BUCKETS_PER_CENTER = 8
_VECTOR = 16
_CHUNK_ENTRIES = 1 << 24


def nearest_reference(
    points: Float[Tensor, "n d"], centers: Float[Tensor, "m d"], count: int, *, within: float = math.inf
) -> tuple[Int[Tensor, "n k"], Float[Tensor, "n k"]]:
    """The torch twin of `NearestCenters.query`: every distance is computed, in chunks of points.

    Differences are squared and not expanded, which would lose all digits far from the origin.
    """
    indices, squares = [], []
    for part in points.split(max(1, _CHUNK_ENTRIES // (len(centers) * centers.shape[1]))):
        square = (part[:, None] - centers).square().sum(-1)
        # A stable sort, so that among equal distances the lower number comes first.
        found = square.sort(dim=-1, stable=True) if count > 1 else square.min(-1, keepdim=True)
        indices.append(found.indices[:, :count])
        squares.append(found.values[:, :count])
    index, nearest = torch.cat(indices).int(), torch.cat(squares)
    beyond = nearest > within * within
    return torch.where(beyond, torch.arange(count, dtype=torch.int32, device=index.device), index), torch.where(
        beyond, torch.inf, nearest
    )


@dataclass(frozen=True)
class _Buckets:
    """Centres sorted into the buckets of a uniform grid, x fastest; see native/nearest.cpp."""

    low: Float[Tensor, "d"]
    edge: float
    slack: float
    shape: Int[Tensor, "d"]
    start: Int[Tensor, "b"]
    order: Int[Tensor, "m"]
    sorted: Float[Tensor, "d m2"]

    @staticmethod
    def of(centers: Float[Tensor, "m d"]) -> "_Buckets":
        """About three centres a bucket; more and smaller buckets where the centres crowd in few of them."""
        low, high = centers.amin(0), centers.amax(0)
        size = (high - low).double()
        edge = _edge(size.tolist(), len(centers) / _CENTERS_PER_BUCKET)
        slack = float(torch.maximum(low.abs(), high.abs()).max() + size.max()) * 1e-6
        while True:
            shape = (size / edge).floor().int() + 1
            start = torch.zeros(int(shape.prod()) + 1, dtype=torch.int32)
            order = torch.zeros(len(centers), dtype=torch.int32)
            ranked = torch.zeros(centers.shape[1], len(centers) + _VECTOR)
            built = _Buckets(low, edge, slack, shape, start, order, ranked)
            native_core.require().nearest_build(centers, low, edge, slack, shape, start, order, ranked)
            crowd = len(centers) / max(int((start.diff() > 0).sum()), 1)
            finer = 0.5 * edge
            buckets = math.prod(int(s / finer) + 1 for s in size.tolist())
            more = len(start) - 1 < buckets <= _BUCKETS_PER_CENTER * len(centers)  # never, for one place many times
            if crowd <= _CROWDED or not more:
                return built
            edge = finer

    def arrays(self) -> tuple[Tensor, float, float, Tensor, Tensor, Tensor, Tensor]:
        """What the native core wants to know."""
        return self.low, self.edge, self.slack, self.shape, self.start, self.order, self.sorted


def _edge(size: list[float], buckets: float) -> float:
    """Edge of cubic buckets of which about so many fill a box; axes along which the box is thinner count as one."""
    wide = [s for s in size if s > 0.0]
    while wide:
        edge = (math.prod(wide) / max(buckets, 1.0)) ** (1.0 / len(wide))
        thin = min(wide)
        if thin >= edge or len(wide) == 1:
            return edge
        wide.remove(thin)
    return 1.0


class NearestCenters:
    """An index of centres, to be asked for the K nearest ones of points.

    Queries go through the points in the given order and use that neighbours in it (along a ray, along a row of
    pixels) are near each other; points that are not are sorted first. The answer never depends on the order.

    Args:
        centers: Points of the plane or of space; duplicates are allowed. They are copied.

    >>> index = NearestCenters(torch.tensor([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]]))
    >>> numbers, square = index.query(torch.tensor([[0.9, 0.0]]), 2)
    >>> numbers.tolist()
    [[1, 0]]
    """

    def __init__(self, centers: Float[Tensor, "m d"]) -> None:
        if centers.shape[1] not in (2, 3) or len(centers) == 0:
            raise OptionError(
                f"centers: have the shape {tuple(centers.shape)}, expected at least one point of 2 or 3 coordinates"
            )
        self.centers = centers.detach().clone(memory_format=torch.contiguous_format)
        if not bool(torch.isfinite(self.centers).all()):
            raise OptionError("centers: hold values that are not finite numbers; remove these points")
        native = native_core.runs_natively(self.centers)
        self._buckets = _Buckets.of(self.centers) if native else None
        self._pyramid: NearestPyramid | None = None

    def __len__(self) -> int:
        return len(self.centers)

    @torch.no_grad()
    def query(
        self, points: Float[Tensor, "n d"], count: int, *, within: float = math.inf
    ) -> tuple[Int[Tensor, "n k"], Float[Tensor, "n k"]]:
        """The nearest centres of points, the nearest first; among equal distances the lower number first.

        Args:
            points: Of as many coordinates as the centres.
            count: K, from 1 to 8 and at most the number of centres.
            within: Centres farther away are not looked for, which is quick where there are no others.

        Returns:
            Numbers of the centres, int32, and squared distances; where there are fewer within the distance, the
            others have a squared distance of infinity and any number.
        """
        self._check(points, count)
        if self._buckets is None or not native_core.runs_natively(points):
            return self._asked_in_torch(points, count, within)
        index, square = points.new_empty(len(points), count, dtype=torch.int32), points.new_empty(len(points), count)
        arrays = (native_core.array(points), self.centers, *self._buckets.arrays(), within * within)
        native_core.require().nearest_query(*arrays, index, square, torch.get_num_threads())
        return index, square

    def _asked_in_torch(
        self, points: Float[Tensor, "n d"], count: int, within: float
    ) -> tuple[Int[Tensor, "n k"], Float[Tensor, "n k"]]:
        """The same without the native core: by grids where points and centres lie together, as float32."""
        if points.dtype != torch.float32 or points.device != self.centers.device:
            return nearest_reference(points, self.centers.to(points), count, within=within)
        self._pyramid = self._pyramid or NearestPyramid(self.centers)
        return self._pyramid.query(points, count, within=within)

    def _check(self, points: Float[Tensor, "n d"], count: int) -> None:
        if points.shape[1] != self.centers.shape[1]:
            raise OptionError(
                f"points: have {points.shape[1]} coordinates, expected {self.centers.shape[1]} as the centres have"
            )
        most = min(MOST_NEIGHBOURS, len(self.centers))
        if not 1 <= count <= most:
            raise OptionError(
                f"count: is {count}, expected 1 to {most} neighbours of {len(self.centers)} centres; ask for fewer"
            )
