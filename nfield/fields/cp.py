"""Lines as a radiance field (TensoRF's CP, Chen et al. 2022), with PVD's feature (section 1.4): the smallest grid."""

from dataclasses import dataclass

from nfield.encodings.lines import CanonicalPolyadic
from nfield.fields.base import BuildContext, FieldConfig, Learning, backend, require_at_least
from nfield.fields.decoders import FEATURES, ColorNet, FactoredField


@backend("cp")
@dataclass(frozen=True)
class CpConfig(FieldConfig):
    """Canonical polyadic factors for density and appearance, and a small colour network."""

    resolution: int = 500
    """Nodes along the lines."""
    density_components: int = 96
    """Products of three lines that are summed to the log-density."""
    appearance_components: int = 288
    """Products of three lines that the appearance is mixed of."""
    hidden: int = 64
    """Width of the colour network's hidden layers."""
    empty: float = -3.0
    """Log-density (1/m) where all factors are zero: what they are drawn to where nothing is seen."""
    color_sees_density: bool = True
    """Whether the colour network also takes the log-density, as that of the hash grid does, whose shape it then has."""
    log_density_range: tuple[float, float] = (-10.0, 10.0)
    """Log-densities (1/m) are clipped to this range."""

    def __post_init__(self) -> None:
        require_at_least(2, resolution=self.resolution)
        require_at_least(
            1,
            density_components=self.density_components,
            appearance_components=self.appearance_components,
            hidden=self.hidden,
        )

    def learning(self) -> Learning:
        """Lines take steps like a table's, the networks behind them smaller ones (TensoRF: 2e-2 and 1e-3)."""
        return Learning({"lines": 2e-2, "network": 3e-3})

    def build(self, context: BuildContext) -> "CpField":
        """A new field over the context's box."""
        return CpField(self, context)


class CpField(FactoredField):
    """Radiance field whose feature is read off lines, without a network for the density."""

    def __init__(self, config: CpConfig, context: BuildContext) -> None:
        generator, nodes = context.generator, config.resolution
        seen = FEATURES if config.color_sees_density else FEATURES - 1
        super().__init__(
            context.box,
            ColorNet(config.hidden, generator, features=seen),
            config.log_density_range,
            empty=config.empty,
            density=CanonicalPolyadic(nodes, config.density_components, generator=generator),
            appearance=CanonicalPolyadic(nodes, config.appearance_components, FEATURES - 1, generator=generator),
            group="lines",
        )
