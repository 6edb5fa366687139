"""Adaptive radial bases (NeuRBF, Chen et al. 2023, section 3): features that sit where the signal needs them."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from nfield.encodings.base import Encoding
from nfield.encodings.initial_centers import ShapeRule, cluster_covariance, round_covariance, shapes_of
from nfield.kernels.nearest import NearestCenters
from nfield.kernels.rbf import (
    RBF_KERNELS,
    SMALLEST_SUM,
    RbfKernel,
    Transposed,
    frequency_ladder,
    rbf_mix,
    rbf_values,
    transpose,
)

KernelName = Literal["inverse_quadratic", "tent", "rotated_tent", "inverse_multiquadric", "gaussian"]


@dataclass(frozen=True)
class BasesConfig:
    """Number and kind of radial bases."""

    count: int
    """Number of kernels."""
    features: int = 32
    """Numbers that a kernel carries."""
    neighbours: int = 4
    """Nearest kernels that a point takes its features from."""
    kernel: KernelName = "inverse_quadratic"
    """Their function of the distance."""
    isotropic: bool = False
    """Make kernels round, as wide as their clusters are in the mean; their shapes keep all their numbers."""
    normalize: bool = True
    """Divide the values of a point's kernels by their sum."""
    frequencies: tuple[float, float] | None = None
    """Lowest and highest frequency of the sines of the values, one a feature; None for the values themselves."""
    alpha: float = 0.5
    """Kernels are wider than their clusters by one over its root."""
    initial: float = 1e-4
    """Features begin uniform between minus this and this."""


@dataclass(frozen=True)
class Nearby:
    """What a point's features depend on beside the features of the kernels: fixed while these are frozen.

    Attributes:
        neighbours: Numbers of each point's kernels.
        phi: Their values there.
        transposed: The neighbours by kernel; None where the points serve only once.
    """

    neighbours: Int[Tensor, "n k"]
    phi: Float[Tensor, "n k"]
    transposed: Transposed | None = None

    def __getitem__(self, rows: Int[Tensor, "b"]) -> "Nearby":
        return Nearby(self.neighbours[rows], self.phi[rows])


class AdaptiveBases(Encoding):
    """Features of the nearest kernels, weighted by the kernels' values there.

    Centres and shapes are buffers of a fixed size that `place` fills; they are not trained. Until then the features of
    every point are 0.

    Args:
        config: Number and kind of the kernels.
        extent: Edges of the domain, in the unit in which distances are measured: [0, 1]^d is stretched to it.
        generator: Draws the first features.
    """

    centers: Tensor
    shapes: Tensor
    placed: Tensor
    extent: Tensor

    def __init__(
        self, config: BasesConfig, extent: Float[Tensor, "d"], *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.config, self.in_dim, self.out_dim = config, len(extent), config.features
        numbers = self.kernel.numbers(self.in_dim)
        entries = torch.rand(config.count, config.features, generator=generator)
        self.features = nn.Parameter((entries * 2.0 - 1.0) * config.initial)
        self.register_buffer("extent", extent.float().clone())
        self.register_buffer("centers", torch.zeros(config.count, self.in_dim))
        self.register_buffer("shapes", torch.zeros(config.count, numbers))
        self.register_buffer("placed", torch.zeros((), dtype=torch.bool))
        sines = config.frequencies
        ladder = None if sines is None else frequency_ladder(config.features, *sines)
        self.register_buffer("frequencies", ladder, persistent=False)
        self._index: tuple[Tensor, int, NearestCenters, float] | None = None
        self._known_initialised: tuple[Tensor, int, bool] | None = None

    @property
    def kernel(self) -> RbfKernel:
        """The kind of the kernels."""
        return RBF_KERNELS[self.config.kernel]

    @property
    def initialised(self) -> bool:
        """Whether the kernels have places; kept here, because the buffer may lie on a GPU."""
        known, placed = self._known_initialised, self.placed
        if known is None or known[0] is not placed or known[1] != placed._version:
            known = (placed, placed._version, bool(placed))
            self._known_initialised = known
        return known[2]

    @torch.no_grad()
    def initialise(
        self,
        centers: Float[Tensor, "m d"],
        points: Float[Tensor, "n d"],
        weights: Float[Tensor, "n"],
        *,
        narrowest: float,
    ) -> None:
        """Puts the kernels at centres, with shapes from the weighted points around each.

        Args:
            centers: One for each kernel, in the extent's unit.
            points: Where the signal is known, in the same unit.
            weights: How much of it is there.
            narrowest: Least width of a kernel; the widest is a tenth of the extent.
        """
        keep = weights > 0.0
        self.put(centers, cluster_covariance(points[keep], weights[keep], centers), narrowest=narrowest)

    @torch.no_grad()
    def put(self, centers: Float[Tensor, "m d"], covariance: Float[Tensor, "m d d"], *, narrowest: float) -> None:
        """Puts the kernels at centres, as wide as their clusters are.

        Args:
            centers: One for each kernel, in the extent's unit.
            covariance: Of the points around each.
            narrowest: Least width of a kernel; the widest is a tenth of the extent.
        """
        rule = ShapeRule(self.config.alpha, narrowest, max(float(self.extent.max()) / 10.0, narrowest))
        self.centers.copy_(centers)
        covariance = round_covariance(covariance) if self.config.isotropic else covariance
        self.shapes.copy_(shapes_of(covariance, self.kernel, rule))
        self.placed.fill_(True)

    def nearby(self, unit: Float[Tensor, "n d"], *, keep: bool = False) -> Nearby:
        """Neighbours of points and their values; differentiable in the points.

        Args:
            unit: Points in [0, 1]^d.
            keep: Whether they will be asked for often, so that sorting the neighbours once pays.
        """
        points = unit * self.extent
        count, reach = min(self.config.neighbours, self.config.count), self._reach()
        neighbours, square = self._nearest().query(points.detach(), count, within=reach)
        whole = self.config.normalize and math.isinf(reach)
        phi = rbf_values(points, self.centers, self.shapes, neighbours, kernel=self.kernel, normalize=whole)
        if not math.isinf(reach):  # the numbers of what was not found are any, and may be those of found ones
            phi = torch.where(square.isinf(), torch.zeros_like(phi), phi)
            phi = phi / (phi.sum(-1, keepdim=True) + SMALLEST_SUM) if self.config.normalize else phi
        return Nearby(neighbours, phi, transpose(neighbours, self.config.count) if keep else None)

    def mix(self, nearby: Nearby) -> Float[Tensor, "n c"]:
        """Features of points whose neighbours are known."""
        sines = self.get_buffer("frequencies") if self.config.frequencies is not None else None
        return rbf_mix(self.features, nearby.phi, nearby.neighbours, sines, transposed=nearby.transposed)

    def forward(self, unit: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Features of points; 0 while the kernels have no places."""
        if not self.initialised:
            return unit.new_zeros(len(unit), self.out_dim)
        return self.mix(self.nearby(unit))

    def _nearest(self) -> NearestCenters:
        """The index of the centres as they are now."""
        return self._known()[2]

    def _reach(self) -> float:
        """Where kernels of compact support end: beyond it no neighbour need be looked for, which is quick."""
        return self._known()[3]

    def _known(self) -> tuple[Tensor, int, NearestCenters, float]:
        centers = self.centers
        known = self._index
        if known is None or known[0] is not centers or known[1] != centers._version:
            reach = self.kernel.reach(self.shapes, self.in_dim)
            known = (centers, centers._version, NearestCenters(centers), reach)
            self._index = known
        return known
