"""Planes and lines as a radiance field (TensoRF, Chen et al. 2022), with the feature of PVD (section 1.4)."""

from dataclasses import dataclass
from typing import Literal

from nfield.encodings.planes import VectorMatrix
from nfield.errors import OptionError
from nfield.fields.base import BuildContext, FieldConfig, Learning, backend, require_at_least
from nfield.fields.decoders import FEATURES, ColorNet, FactoredField
from nfield.fields.reflected import WIDTHS, ReflectedColorNet

_DECODERS = {"direct": ColorNet, "reflected": ReflectedColorNet}
_SHORT = 4.0
"""Minutes up to which fewer nodes do best."""


@backend("vm")
@dataclass(frozen=True)
class VmConfig(FieldConfig):
    """Vector-matrix factors for density and appearance, and a small colour network."""

    resolution: int = 256
    """Nodes along an edge of the planes."""
    density_components: int = 16
    """Products of each plane and line that are summed to the log-density."""
    appearance_components: int = 32
    """Products of each plane and line that the appearance is mixed of."""
    hidden: int = 64
    """Width of the colour network's hidden layers."""
    decoder: Literal["direct", "reflected"] = "direct"
    """The colour network: of the direction, or of reflections about a normal that it makes (NeuRBF's release)."""
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
        if self.decoder == "reflected" and self.hidden % WIDTHS:
            raise OptionError(f"hidden: is {self.hidden}, expected a multiple of {WIDTHS} for the decoder 'reflected'")

    @staticmethod
    def reference() -> "VmConfig":
        """PVD's sizes: 17,346,032 parameters."""
        return VmConfig(resolution=300, appearance_components=48, empty=0.0, color_sees_density=False)

    @classmethod
    def for_budget(cls, minutes: float) -> "VmConfig":
        """Fewer nodes for short trainings."""
        return cls(resolution=192) if minutes <= _SHORT else cls()

    def learning(self) -> Learning:
        """Planes take steps like a table's, the networks behind them smaller ones (TensoRF: 2e-2 and 1e-3)."""
        return Learning({"planes": 2e-2, "network": 3e-3})

    def build(self, context: BuildContext) -> "VmField":
        """A new field over the context's box."""
        return VmField(self, context)


class VmField(FactoredField):
    """Radiance field whose feature is read off planes and lines, without a network for the density."""

    def __init__(self, config: VmConfig, context: BuildContext) -> None:
        generator, nodes = context.generator, config.resolution
        seen = FEATURES if config.color_sees_density else FEATURES - 1
        super().__init__(
            context.box,
            _DECODERS[config.decoder](config.hidden, generator, features=seen),
            config.log_density_range,
            empty=config.empty,
            density=VectorMatrix(nodes, config.density_components, generator=generator),
            appearance=VectorMatrix(nodes, config.appearance_components, FEATURES - 1, generator=generator),
            group="planes",
        )
