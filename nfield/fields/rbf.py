"""A hash-grid field whose appearance is sharpened by adaptive radial bases (NeuRBF, Chen et al. 2023, section 3.4).

With z the log-density and f0 the fifteen numbers of appearance that the hash grid's density network gives, and g the
features of the nearest radial bases,

    v(x) = [z | f0 + W g(x)]

is the feature, and everything after it is as in the hash field. So density never asks for the radial bases, as in the
paper's fields of synthetic scenes, and the field is the hash field until its kernels have places.
"""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from nfield.devices import on_host
from nfield.encodings.budget import Budget
from nfield.encodings.initial_centers import initial_centers
from nfield.encodings.rbf import AdaptiveBases, BasesConfig
from nfield.fields.base import BuildContext, Field, FieldConfig, Learning, backend
from nfield.fields.decoders import FEATURES, matrix
from nfield.fields.hashgrid import HashConfig, HashField
from nfield.fields.salient_points import salient_points
from nfield.kernels.points import place_in_box
from nfield.types import FieldOutput, Latent

_NARROWEST = 5e-4
_POINTS_PER_KERNEL = 64
_LEAST_POINTS = 1 << 12


@backend("rbf")
@dataclass(frozen=True)
class RbfConfig(FieldConfig):
    """Hash grid with adaptive radial bases for appearance."""

    grid: HashConfig = field(default_factory=lambda: HashConfig(levels=15))
    """The hash grid and the networks."""
    bases: BasesConfig = field(
        default_factory=lambda: BasesConfig(14_000, features=16, neighbours=5, normalize=False, alpha=0.3, initial=1e-6)
    )
    """The kernels."""

    @staticmethod
    def as_large_as(reference: HashConfig) -> "RbfConfig":
        """A field of as many numbers as a hash field: kernels take the place of one of the grid's levels."""
        grid, bases = replace(reference, levels=reference.levels - 1), RbfConfig().bases
        fixed = _grid_numbers(grid) + (FEATURES - 1) * bases.features
        budget = Budget(_grid_numbers(reference), fixed, trained=bases.features, frozen=3 + 6)
        return RbfConfig(grid, replace(bases, count=budget.kernels))

    @classmethod
    def for_budget(cls, minutes: float) -> "RbfConfig":
        """As many numbers as the hash field of the same budget."""
        return cls.as_large_as(HashConfig.for_budget(minutes))

    @classmethod
    def for_person(cls) -> "RbfConfig":
        """As many numbers as a person's hash field."""
        return cls.as_large_as(HashConfig.for_person())

    def learning(self) -> Learning:
        """The hash field's, and a rate of the kernels' features."""
        return Learning({**self.grid.learning().rates, "features": 2e-2})

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


class RbfField(Field):
    """Radiance field from a hash grid and radial bases."""

    def __init__(self, config: RbfConfig, context: BuildContext) -> None:
        super().__init__()
        self.base = HashField(config.grid, context)
        self.feature_dim, self.levels = self.base.feature_dim, self.base.levels
        self.log_density_range = self.base.log_density_range
        self.bases = AdaptiveBases(config.bases, context.box.size, generator=context.generator)
        self.mixing = matrix(FEATURES - 1, config.bases.features, context.generator)

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
        """The hash grid's feature, with the radial bases added to its appearance."""
        latent = self.base.encode(points)
        if not self.initialised:
            return latent
        return Latent(latent.feature + pad(self._appearance(points), (1, 0)), latent.presence)

    def _appearance(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 15"]:
        """What the radial bases add."""
        unit, _ = place_in_box(self.base.domain.box, points)
        return linear(self.bases(unit), self.mixing)

    def density_head(self, feature: Float[Tensor, "n f"]) -> Float[Tensor, "n"]:
        """The feature's first entry."""
        return self.base.density_head(feature)

    def color_head(self, feature: Float[Tensor, "n f"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Colour network on the feature and the harmonics of the direction."""
        return self.base.color_head(feature, dirs)

    def decoders(self) -> dict[str, nn.Module]:
        """The networks of the hash field."""
        return self.base.decoders()

    def encode_for_density(self, points: Float[Tensor, "n 3"]) -> Latent:
        """The hash grid's feature: radial bases do not touch density."""
        return self.base.encode(points)

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The hash field's groups, the mixing matrix with its networks, and the features of the kernels."""
        groups = self.base.param_groups()
        return groups | {"network": [*groups["network"], self.mixing], "features": [self.bases.features]}

    def fused(self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"]) -> FieldOutput | None:
        """The hash field's native op, with what the radial bases add once they have places."""
        return self.base.with_appearance(points, dirs, self._appearance(points) if self.initialised else None)

    def fused_density(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]] | None:
        """The hash field's native op."""
        return self.base.fused_density(points)
