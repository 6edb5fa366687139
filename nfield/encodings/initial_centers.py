"""Where radial bases go and how wide they are: weighted K-means and the covariance of its clusters.

NeuRBF (Chen et al. 2023, section 3.3, equations 8 to 11) computes centres and shapes once, from points that are
weighted by how much the signal changes there, and freezes them.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.errors import OptionError
from nfield.kernels.nearest import NearestCenters
from nfield.kernels.rbf import RbfKernel

CentersRule = Literal["kmeans", "random", "weighted", "lattice"]
"""How centres are found: weighted K-means; points drawn evenly; points drawn by weight; a regular lattice."""

_ITERATIONS = 10
_EMPTY = 1e-10
_MOST_ELONGATED = 1000.0


@dataclass(frozen=True)
class ShapeRule:
    """How the covariance of a cluster becomes the shape of its kernel.

    Attributes:
        alpha: Covariances are divided by it, which widens kernels (0.5: by 1.41).
        narrowest: Least width of a kernel, in the points' unit.
        widest: Largest width.
    """

    alpha: float
    narrowest: float
    widest: float


def initial_centers(
    points: Float[Tensor, "n d"],
    weights: Float[Tensor, "n"],
    count: int,
    *,
    how: CentersRule = "kmeans",
    generator: torch.Generator | None = None,
) -> Float[Tensor, "m d"]:
    """Centres of `count` kernels.

    Args:
        points: Where the signal is known.
        weights: How much of it is there, not negative; at least `count` points need a positive one.
        count: Number of kernels.
        how: See `CentersRule`.
        generator: Draws the first centres.
    """
    if how == "lattice":
        return lattice(points, count, generator)
    known = int((weights > 0.0).sum())
    if not 1 <= count <= known:
        raise OptionError(
            f"count: is {count}, expected 1 to {known} kernels, as many as points have a weight; ask for fewer"
        )
    drawn = draw(torch.ones_like(weights) if how == "random" else weights, count, generator)
    centers = points[drawn]
    if how != "kmeans":
        return centers
    keep = weights > 0.0
    return weighted_kmeans(points[keep], weights[keep], centers)


def draw(weights: Float[Tensor, "n"], count: int, generator: torch.Generator | None) -> Int[Tensor, "m"]:
    """Numbers of `count` different entries, drawn with probabilities in proportion to their weights.

    Each entry gets an exponential waiting time of its weight as rate, and the first `count` are taken (Efraimidis and
    Spirakis 2006), which has no limit on the number of entries.
    """
    uniform = torch.rand(len(weights), generator=generator, dtype=torch.float64).clamp_min(1e-300)
    waiting = -uniform.log() / weights.double()
    return waiting.topk(count, largest=False).indices


def lattice(points: Float[Tensor, "n d"], count: int, generator: torch.Generator | None) -> Float[Tensor, "m d"]:
    """`count` centres on a regular lattice over the points' box; those that the lattice cannot hold are drawn."""
    low, size = points.amin(0), points.amax(0) - points.amin(0)
    size = size.clamp_min(1e-6 * float(size.max().clamp_min(1e-6)))
    edge = (float(size.double().prod()) / count) ** (1.0 / len(size))
    steps = [max(1, int(extent / edge)) for extent in size.tolist()]
    axes = [(torch.arange(n) + 0.5) / n for n in steps]
    nodes = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(size))[:count]
    rest = torch.rand(count - len(nodes), len(size), generator=generator)
    return low + torch.cat([nodes, rest]).to(points) * size


def weighted_kmeans(
    points: Float[Tensor, "n d"],
    weights: Float[Tensor, "n"],
    centers: Float[Tensor, "m d"],
    *,
    iterations: int = _ITERATIONS,
) -> Float[Tensor, "m d"]:
    """Lloyd's iterations: each centre moves to the weighted mean of the points that are nearest to it.

    A centre without points stays where it is.

    Args:
        points: What is clustered.
        weights: Of the points, positive.
        centers: Where to begin.
        iterations: How often.
    """
    heavy = weights.double()
    for _ in range(iterations):
        cluster = _nearest(points, centers)
        mass = _sums(cluster, heavy, len(centers))
        moved = torch.stack([_sums(cluster, heavy * axis, len(centers)) for axis in points.double().unbind(-1)], -1)
        mean = moved / mass.clamp_min(1e-300)[:, None]
        centers = torch.where(mass[:, None] > 0.0, mean.to(centers), centers)
    return centers


class ClusterCovariance:
    """Weighted covariance of each centre's points about it (equation 9), of points that come in parts.

    Args:
        centers: Of the clusters.
    """

    def __init__(self, centers: Float[Tensor, "m d"]) -> None:
        count, dims = centers.shape
        self._centers, self._index = centers, NearestCenters(centers)
        self._mass = torch.zeros(count, dtype=torch.float64)
        self._squares = torch.zeros(count, dims, dims, dtype=torch.float64)

    def add(self, points: Float[Tensor, "n d"], weights: Float[Tensor, "n"]) -> None:
        """Takes points in, with their weights."""
        cluster, heavy = self._index.query(points, 1)[0][:, 0].long(), weights.double()
        count, dims = self._centers.shape
        self._mass += _sums(cluster, heavy, count)
        away = (points - self._centers[cluster]).double()
        for i in range(dims):
            for j in range(i, dims):
                self._squares[:, i, j] += _sums(cluster, heavy * away[:, i] * away[:, j], count)

    def result(self) -> Float[Tensor, "m d d"]:
        """In double precision; next to nothing for a centre without points."""
        dims = self._centers.shape[1]
        upper = self._squares.triu() / self._mass.clamp_min(1e-300)[:, None, None]
        covariance = upper + upper.triu(1).mT
        covariance[self._mass <= 0.0] = _EMPTY * torch.eye(dims, dtype=torch.float64)
        return covariance


def cluster_covariance(
    points: Float[Tensor, "n d"], weights: Float[Tensor, "n"], centers: Float[Tensor, "m d"]
) -> Float[Tensor, "m d d"]:
    """Weighted covariance of each centre's points about it, in double precision (equation 9)."""
    covariance = ClusterCovariance(centers)
    covariance.add(points, weights)
    return covariance.result()


def round_covariance(covariance: Float[Tensor, "m d d"]) -> Float[Tensor, "m d d"]:
    """Covariances of round clusters whose points are as far from their centres.

    >>> round_covariance(torch.tensor([[[4.0, 1.0], [1.0, 2.0]]])).tolist()
    [[[3.0, 0.0], [0.0, 3.0]]]
    """
    variance = covariance.diagonal(dim1=-2, dim2=-1).mean(-1)
    return variance[:, None, None] * torch.eye(covariance.shape[-1]).to(covariance)


def shapes_of(covariance: Float[Tensor, "m d d"], kernel: RbfKernel, rule: ShapeRule) -> Float[Tensor, "m s"]:
    """Shapes of kernels that are as wide as their clusters: each has the value 1/2 at the cluster's width.

    Widths along the principal axes are clamped to the rule's range and to a ratio, which keeps every shape positive
    definite in any dimension; clamping the matrix entry by entry, as the paper's release does, only does in two.
    """
    squares, axes = torch.linalg.eigh(covariance / rule.alpha)
    if kernel.numbers(covariance.shape[-1]) == 1:
        squares = squares.sum(-1, keepdim=True)
    squares = squares.clamp(rule.narrowest**2, rule.widest**2)
    squares = torch.maximum(squares, squares[:, -1:] / _MOST_ELONGATED)
    return kernel.shape(kernel.half_square / squares, axes).float()


def ellipses(
    shapes: Float[Tensor, "m s"], kernel: RbfKernel, dims: int
) -> tuple[Float[Tensor, "m d"], Float[Tensor, "m d d"]]:
    """Where kernels fall to 1/2: half axes and their directions (columns), the shortest first."""
    squares, axes = torch.linalg.eigh(kernel.matrix(shapes.double(), dims))
    return (kernel.half_square / squares).sqrt().flip(-1), axes.flip(-1)


def _nearest(points: Float[Tensor, "n d"], centers: Float[Tensor, "m d"]) -> Int[Tensor, "n"]:
    return NearestCenters(centers).query(points, 1)[0][:, 0].long()


def _sums(cluster: Int[Tensor, "n"], values: Float[Tensor, "n"], count: int) -> Float[Tensor, "m"]:
    return torch.bincount(cluster, values, minlength=count)
