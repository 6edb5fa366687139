"""A grid whose appearance is sharpened by adaptive radial bases (NeuRBF, Chen et al. 2023, section 3.4).

With z the log-density and f0 the numbers of appearance that the grid's own field gives, and g the features of the
nearest radial bases,

    v(x) = [z | f0 + W g(x)]

is the feature, and everything after it is as in that field: of a hash grid, of planes and lines (the base of the
paper's fields of synthetic scenes) or of a dense grid. So density never asks for the radial bases, as there, or it gets
a row of W of its own, as in the paper's fields of captured scenes. The field is the grid's until its kernels have
places.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from nfield.devices import on_host
from nfield.encodings.budget import Budget
from nfield.encodings.initial_centers import initial_centers
from nfield.encodings.rbf import AdaptiveBases, BasesConfig
from nfield.fields.base import Answer, BuildContext, Field, FieldConfig, Learning, backend
from nfield.fields.decoders import FEATURES, matrix
from nfield.fields.dense import FEATURES as DENSE_FEATURES
from nfield.fields.dense import DenseConfig, DenseField
from nfield.fields.hashgrid import HashConfig, HashField
from nfield.fields.salient_points import salient_points
from nfield.fields.vm import VmConfig, VmField
from nfield.kernels.points import place_in_box
from nfield.types import FieldOutput, Latent

_NARROWEST = 5e-4
_POINTS_PER_KERNEL = 64
_LEAST_POINTS = 1 << 12
_FROZEN = 3 + 6
"""Numbers of a kernel's centre and shape."""
_MIXING_RATE = 1e-2
"""Of a base that has no network."""


def _kernels() -> BasesConfig:
    return BasesConfig(14_000, features=16, neighbours=5, normalize=False, alpha=0.3, initial=1e-6)


@backend("rbf")
@dataclass(frozen=True)
class RbfConfig(FieldConfig):
    """A hash grid, planes or a dense grid with adaptive radial bases for appearance."""

    grid: HashConfig = field(default_factory=lambda: HashConfig(levels=15))
    """The hash grid and the networks of base `hash`."""
    bases: BasesConfig = field(default_factory=_kernels)
    """The kernels."""
    base: Literal["hash", "vm", "dense"] = "hash"
    """What they refine."""
    vm: VmConfig = field(default_factory=lambda: _with_room(VmConfig(), _kernels()))
    """The planes and the network of base `vm`."""
    dense: DenseConfig = field(default_factory=lambda: _with_room(DenseConfig(), _kernels()))
    """The grid of base `dense`."""
    density: bool = False
    """Let the kernels change the density, too."""

    @property
    def refined(self) -> HashConfig | VmConfig | DenseConfig:
        """Options of the base."""
        return {"hash": self.grid, "vm": self.vm, "dense": self.dense}[self.base]

    @staticmethod
    def as_large_as(reference: HashConfig) -> "RbfConfig":
        """A field of as many numbers as a hash field: kernels take the place of one of the grid's levels."""
        grid, bases = replace(reference, levels=reference.levels - 1), RbfConfig().bases
        fixed = _grid_numbers(grid) + (FEATURES - 1) * bases.features
        budget = Budget(_grid_numbers(reference), fixed, trained=bases.features, frozen=_FROZEN)
        return RbfConfig(grid, replace(bases, count=budget.kernels))

    @classmethod
    def for_budget(cls, minutes: float) -> "RbfConfig":
        """As many numbers as the base's own field of the same budget."""
        config = cls.as_large_as(HashConfig.for_budget(minutes))
        return replace(
            config,
            vm=_with_room(VmConfig.for_budget(minutes), config.bases),
            dense=_with_room(DenseConfig(), config.bases),
        )

    @classmethod
    def for_person(cls) -> "RbfConfig":
        """As many numbers as a person's hash field."""
        return cls.as_large_as(HashConfig.for_person())

    def learning(self) -> Learning:
        """The base's, and rates of the kernels' features and, where the base has no network, of what mixes them."""
        known = self.refined.learning()
        return replace(known, rates={"network": _MIXING_RATE, **known.rates, "features": 2e-2})

    @property
    def initialises(self) -> bool:
        """Its kernels wait for their places."""
        return True

    def build(self, context: BuildContext) -> "RbfField":
        """A new field over the context's box; its kernels are initialised where the context has a source."""
        built = RbfField(self, context)
        if context.source is not None:
            built.initialise(context.source, generator=context.generator)
        return built


def _grid_numbers(config: HashConfig) -> int:
    """Numbers of a hash field's table and of the one matrix whose size depends on the levels."""
    return config.layout.size * config.layout.features + config.layout.width * config.hidden


_Sized = TypeVar("_Sized", VmConfig, DenseConfig)


def _with_room(config: _Sized, bases: BasesConfig) -> _Sized:
    """Options of a field that has room for kernels within the numbers that it had.

    >>> _with_room(VmConfig(resolution=192), _kernels()).appearance_components
    28
    """
    wanted = bases.count * (bases.features + _FROZEN)
    if isinstance(config, VmConfig):
        of_component = 3 * config.resolution * (config.resolution + 1) + FEATURES - 1
        given = math.ceil((wanted + (FEATURES - 1) * bases.features) / of_component)
        return replace(config, appearance_components=max(1, config.appearance_components - given))
    left = config.resolution**3 - math.ceil(wanted / DENSE_FEATURES) - bases.features
    return replace(config, resolution=max(2, math.floor(max(left, 0) ** (1.0 / 3.0))))


class RbfField(Field):
    """Radiance field from a grid's field and radial bases."""

    def __init__(self, config: RbfConfig, context: BuildContext) -> None:
        super().__init__()
        self.base: HashField | VmField | DenseField = config.refined.build(replace(context, source=None))
        self.feature_dim, self.levels = self.base.feature_dim, self.base.levels
        self.log_density_range = self.base.log_density_range
        self.bases = AdaptiveBases(config.bases, context.box.size, generator=context.generator)
        self._first = 0 if config.density else 1
        self.mixing = matrix(self.feature_dim - self._first, config.bases.features, context.generator)

    @property
    def initialised(self) -> bool:
        """Whether the kernels are initialised."""
        return self.bases.initialised

    @torch.no_grad()
    def initialise(self, source: Field, *, generator: torch.Generator | None) -> None:
        """Initialises the kernels where the source is dense and its appearance changes (equation 10), shaped after it.

        Args:
            source: A field of the same scene; may be this one.
            generator: Draws points and first centres.
        """
        config, generator = self.bases.config, on_host(generator)
        wanted = max(_LEAST_POINTS, _POINTS_PER_KERNEL * config.count)
        points, weights = salient_points(source, self.base.domain.box, wanted, least=config.count, generator=generator)
        from_corner = points - self.base.domain.box.low.cpu()
        centers = initial_centers(from_corner, weights, config.count, generator=generator)
        self.bases.initialise(
            centers, from_corner, weights, narrowest=_NARROWEST * float(self.base.domain.box.size.max())
        )

    def encode(self, points: Float[Tensor, "n 3"]) -> Latent:
        """The base's feature, with the radial bases added to its appearance, or to all of it."""
        latent = self.base.encode(points)
        if not self.initialised:
            return latent
        return Latent(latent.feature + pad(self._added(points), (self._first, 0)), latent.presence)

    def _added(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n f"]:
        """What the radial bases add."""
        unit, _ = place_in_box(self.base.domain.box, points)
        return linear(self.bases(unit), self.mixing)

    @property
    def _spares_density(self) -> bool:
        """Whether the density is the base's alone."""
        return self._first == 1 or not self.initialised

    def density_head(self, feature: Float[Tensor, "n f"]) -> Float[Tensor, "n"]:
        """The feature's first entry."""
        return self.base.density_head(feature)

    def color_head(self, feature: Float[Tensor, "n f"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """The base's colour of the feature seen along the direction."""
        return self.base.color_head(feature, dirs)

    def decoders(self) -> dict[str, nn.Module]:
        """The networks of the base."""
        return self.base.decoders()

    def sparse(self) -> list[nn.Parameter]:
        """Those of the base."""
        return self.base.sparse()

    def imitate(self, answer: Answer, *, floor: float) -> bool:
        """The base does where it can: features of kernels begin near zero."""
        return self.base.imitate(answer, floor=floor)

    def encode_for_density(self, points: Float[Tensor, "n 3"]) -> Latent:
        """What the base needs alone where the radial bases do not touch density."""
        return self.base.encode_for_density(points) if self._spares_density else self.encode(points)

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The base's groups, the mixing matrix with its networks, and the features of the kernels."""
        groups = self.base.param_groups()
        return groups | {"network": [*groups.get("network", []), self.mixing], "features": [self.bases.features]}

    def fused(self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"]) -> FieldOutput | None:
        """The base's own short way, with what the radial bases add once they have places."""
        if not self.initialised:
            return self.base.fused(points, dirs)
        if isinstance(self.base, VmField) or not self._spares_density:
            return None
        return self.base.with_appearance(points, dirs, self._added(points))

    def fused_density(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]] | None:
        """The base's native op, where the radial bases do not touch density."""
        return self.base.fused_density(points) if self._spares_density else None
