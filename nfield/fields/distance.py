"""Signed distances of a solid: a grid of space and a small network, with adaptive radial bases in the hybrid field.

NeuRBF, section 3.2, and instant-ngp's field of distances. Points are in the cube [-1, 1]^3, distances in its unit:
negative inside, positive outside.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.encodings.budget import Budget
from nfield.encodings.hashgrid import HashGrid
from nfield.encodings.rbf import AdaptiveBases, BasesConfig
from nfield.fields.signal import Signal
from nfield.kernels.hash_grid import GridLayout
from nfield.types import Box

CUBE = Box.cube(1.0)
"""What a field of distances covers."""


def unit_of(points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
    """Points of the cube as a signal takes them; those outside go to its wall."""
    return CUBE.unit_from_world(points).clamp(0.0, 1.0)


@dataclass(frozen=True)
class DistanceConfig(ABC):
    """Options of a field of distances; a frozen dataclass whose docstrings are the help text."""

    @abstractmethod
    def build(self, generator: torch.Generator | None = None) -> Signal:
        """A new field; kernels have no places yet."""

    @abstractmethod
    def sized(self) -> "DistanceConfig":
        """The same with a number of kernels, where that is left to a budget."""


@dataclass(frozen=True)
class HashDistanceConfig(DistanceConfig):
    """Multiresolution hash grid and a small network: instant-ngp's field of distances."""

    levels: int = 16
    """Resolutions of the grid."""
    log2_table_size: int = 15
    """Logarithm of the most entries of one level."""
    finest_resolution: int = 256
    """Vertices along an edge of the finest level."""
    hidden: int = 64
    """Width of the network."""
    sines: tuple[float, float] | None = None
    """Frequencies of sines after the first layer; None for ReLU."""

    def build(self, generator: torch.Generator | None = None) -> Signal:
        """A new field."""
        grid = _grid(self, generator)
        return Signal(grid, None, self.hidden, 1, sines=self.sines, generator=generator)

    def sized(self) -> "HashDistanceConfig":
        """The same: it has no kernels."""
        return self


@dataclass(frozen=True)
class RbfDistanceConfig(DistanceConfig):
    """NeuRBF's hybrid: a grid of half the size, and adaptive radial bases on the surface."""

    bases: BasesConfig = field(
        default_factory=lambda: BasesConfig(0, features=16, neighbours=8, kernel="tent", frequencies=(1.0, 8.0))
    )
    """The kernels; a count of 0 stands for as many as make the field as large as a hash grid."""
    levels: int = 8
    """Resolutions of the grid."""
    log2_table_size: int = 15
    """Logarithm of the most entries of one level, here and in the hash grid that is the measure of size."""
    finest_resolution: int = 256
    """Vertices along an edge of the finest level."""
    hidden: int = 64
    """Width of the network."""
    sines: tuple[float, float] | None = None
    """Frequencies of sines after the first layer, NeuRBF's are 30 300; None for ReLU: minutes are short for them."""

    def build(self, generator: torch.Generator | None = None) -> Signal:
        """A new field; its kernels have no places yet."""
        grid = _grid(self, generator)
        bases = AdaptiveBases(self.bases, CUBE.size, generator=generator)
        return Signal(grid, bases, self.hidden, 1, sines=self.sines, generator=generator)

    def budget(self) -> Budget:
        """What kernels cost, against the hash grid of the same table size."""
        alike = HashDistanceConfig(log2_table_size=self.log2_table_size, finest_resolution=self.finest_resolution)
        reference = alike.build()
        trained, total = self._with(1).build().counts()
        features = self.bases.features
        return Budget(reference.counts()[1], trained - features, features, total - trained)

    def sized(self) -> "RbfDistanceConfig":
        """The same with a count of kernels: as given, or as many as the budget affords."""
        return self._with(self.bases.count or max(self.budget().kernels, 1))

    def _with(self, count: int) -> "RbfDistanceConfig":
        return replace(self, bases=replace(self.bases, count=count))


def _grid(config: HashDistanceConfig | RbfDistanceConfig, generator: torch.Generator | None) -> HashGrid:
    layout = GridLayout.up_to(config.finest_resolution, levels=config.levels, log2_table_size=config.log2_table_size)
    return HashGrid(layout, generator=generator)


DISTANCES: dict[str, type[DistanceConfig]] = {"hash": HashDistanceConfig, "rbf": RbfDistanceConfig}
"""Fields of distances by the name that the command line and checkpoints use."""
