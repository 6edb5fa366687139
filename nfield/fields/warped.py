"""A field behind a change of coordinates: how avatars are posed."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from nfield.fields.base import Field, with_solid
from nfield.types import FieldOutput, Latent

_SOLID = 7.0
"""Log-density of what is known to be solid, 1/m: light goes a millimetre deep."""


class Warped(NamedTuple):
    """Points behind a warp.

    Attributes:
        points: Canonical points, metres.
        presence: Of each, in [0, 1].
        core: How much of each is known to be solid, in [0, 1]; None where nothing is known.
    """

    points: Float[Tensor, "n 3"]
    presence: Float[Tensor, "n"]
    core: Float[Tensor, "n"] | None = None

    @property
    def solid(self) -> Float[Tensor, "n"] | None:
        """Log-density of what is known to be solid, 1/m; see `Latent.solid`."""
        return None if self.core is None else self.core.log() + _SOLID


class Warp(nn.Module, ABC):
    """A map from the posed world to the canonical one."""

    @abstractmethod
    def to_canonical(self, points: Float[Tensor, "n 3"]) -> Warped:
        """Where points of the posed world, metres, come from."""


class WarpedField(Field):
    """A canonical field seen through a warp; presences multiply, and what the warp knows to be solid is added.

    Args:
        canonical: The field that holds the matter.
        warp: From this field's world to the canonical one. Directions are passed on unturned.
    """

    def __init__(self, canonical: Field, warp: Warp) -> None:
        super().__init__()
        self.canonical, self.warp = canonical, warp
        self.feature_dim = canonical.feature_dim
        self.levels = canonical.levels
        self.log_density_range = canonical.log_density_range

    def encode(self, points: Float[Tensor, "n 3"]) -> Latent:
        """The canonical latent at warped points."""
        warped = self.warp.to_canonical(points)
        latent = self.canonical.encode(warped.points)
        return Latent(latent.feature, latent.presence * warped.presence, warped.solid)

    def density_head(self, feature: Float[Tensor, "n f"]) -> Float[Tensor, "n"]:
        """The canonical field's."""
        return self.canonical.density_head(feature)

    def color_head(self, feature: Float[Tensor, "n f"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """The canonical field's."""
        return self.canonical.color_head(feature, dirs)

    def decoders(self) -> dict[str, nn.Module]:
        """The canonical field's."""
        return self.canonical.decoders()

    def sparse(self) -> list[nn.Parameter]:
        """The canonical field's."""
        return self.canonical.sparse()

    def encode_for_density(self, points: Float[Tensor, "n 3"]) -> Latent:
        """The canonical field's at warped points."""
        warped = self.warp.to_canonical(points)
        latent = self.canonical.encode_for_density(warped.points)
        return Latent(latent.feature, latent.presence * warped.presence, warped.solid)

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The canonical field's groups, and the warp's own parameters where it has any."""
        groups = self.canonical.param_groups()
        learned = list(self.warp.parameters())
        return {**groups, "warp": learned} if learned else groups

    def fused(self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"]) -> FieldOutput | None:
        """The canonical field's native op at warped points."""
        warped = self.warp.to_canonical(points)
        out = self.canonical(warped.points, dirs)
        return FieldOutput(with_solid(out.log_density, warped.solid), out.color, out.presence * warped.presence)

    def fused_density(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]] | None:
        """The canonical field's native op at warped points."""
        warped = self.warp.to_canonical(points)
        log_density, inner = self.canonical.density_and_presence(warped.points)
        return with_solid(log_density, warped.solid), inner * warped.presence
