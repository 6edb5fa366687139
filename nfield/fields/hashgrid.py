"""The hash-grid radiance field of instant-ngp (Müller et al. 2022, section 5.4), one native op on a CPU."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from nfield.encodings.hashgrid import HashGrid
from nfield.fields.base import BuildContext, FieldConfig, Learning, backend
from nfield.fields.decoders import AlignedField, ColorNet, DensityNet
from nfield.kernels import radiance
from nfield.kernels.hash_grid import GridLayout
from nfield.kernels.radiance import RadianceWeights
from nfield.types import FieldOutput, Latent

_SHORT, _LONG = 4.0, 8.0
"""Minutes up to which small tables do best, and from which large ones do."""


@backend("hash")
@dataclass(frozen=True)
class HashConfig(FieldConfig):
    """Multiresolution hash grid with two small networks."""

    levels: int = 16
    """Resolutions of the grid."""
    log2_table_size: int = 17
    """Logarithm of the most entries of one level."""
    base_resolution: int = 16
    """Vertices along an edge of the coarsest level."""
    finest_resolution: int = 2048
    """Vertices along an edge of the finest level."""
    hidden: int = 64
    """Width of the networks' hidden layers; 32 and 64 run natively."""
    log_density_range: tuple[float, float] = (-10.0, 10.0)
    """Log-densities (1/m) are clipped to this range."""

    @property
    def layout(self) -> GridLayout:
        """Sizes of the grid."""
        return GridLayout.up_to(
            self.finest_resolution,
            levels=self.levels,
            log2_table_size=self.log2_table_size,
            base_resolution=self.base_resolution,
        )

    @classmethod
    def for_budget(cls, minutes: float) -> "HashConfig":
        """Small tables and few levels for short trainings."""
        if minutes <= _SHORT:
            return cls(levels=12, log2_table_size=17, finest_resolution=512)
        return cls(log2_table_size=19 if minutes > _LONG else 18)

    @classmethod
    def for_person(cls) -> "HashConfig":
        """Cells of a millimetre and a half, and narrow networks."""
        return cls(levels=14, log2_table_size=19, finest_resolution=1536, hidden=32)

    def learning(self) -> Learning:
        """Instant-ngp's, three times as fast for the table."""
        return Learning({"table": 3e-2, "network": 1e-2})

    def build(self, context: BuildContext) -> "HashField":
        """A new field over the context's box."""
        return HashField(self, context)


class HashField(AlignedField):
    """Radiance field whose features come from a hash grid."""

    def __init__(self, config: HashConfig, context: BuildContext) -> None:
        grid = HashGrid(config.layout, generator=context.generator)
        density_net = DensityNet(grid.out_dim, config.hidden, context.generator)
        super().__init__(context.box, ColorNet(config.hidden, context.generator), config.log_density_range)
        self.grid, self.density_net = grid, density_net

    @property
    def weights(self) -> RadianceWeights:
        """Matrices of both networks."""
        density, color = self.density_net, self.color_net
        assert isinstance(color, ColorNet)
        return RadianceWeights(density.first, density.last, color.first, color.middle, color.last)

    def encode(self, points: Float[Tensor, "n 3"]) -> Latent:
        """Output of the density network; its first entry is the log-density."""
        unit, presence = self.domain(points)
        return Latent(self.density_net(self.grid(unit)), presence)

    def decoders(self) -> dict[str, nn.Module]:
        """Both networks."""
        return {"density": self.density_net, **super().decoders()}

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The table, whose gradient is sparse, and the networks."""
        return {"table": [self.grid.table], "network": list(self.weights)}  # pyright: ignore[reportReturnType]

    def fused(self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"]) -> FieldOutput | None:
        """One native op for encoding and networks."""
        return self.with_appearance(points, dirs, None)

    def with_appearance(
        self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"], added: Float[Tensor, "n 15"] | None
    ) -> FieldOutput | None:
        """The answer where something is added to the feature's numbers of appearance; None without the native op."""
        unit, presence = self.domain(points)
        if not radiance.runs_fused(unit, dirs, self.grid.table, self.weights, self.grid.layout):
            return None
        table, layout = self.grid.table, self.grid.layout
        color, log_density = radiance.radiance(
            unit, dirs, table, self.weights, layout, log_range=self.log_density_range, added=added
        )
        return FieldOutput(log_density, color, presence)

    def fused_density(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]] | None:
        """One native op for encoding and density network."""
        unit, presence = self.domain(points)
        if not radiance.runs_fused(unit, unit, self.grid.table, self.weights, self.grid.layout):
            return None
        log_density = radiance.log_density(
            unit, self.grid.table, self.weights, self.grid.layout, log_range=self.log_density_range
        )
        return log_density, presence
