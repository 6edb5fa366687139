"""A field behind a change of coordinates: how avatars are posed."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from nfield.fields.base import Field
from nfield.types import FieldOutput, Latent


class Warp(nn.Module, ABC):
    """A map from the posed world to the canonical one."""

    @abstractmethod
    def to_canonical(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n"]]:
        """Canonical points, metres, and the presence of each, in [0, 1]."""


class WarpedField(Field):
    """A canonical field seen through a warp; presences multiply.

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
        moved, presence = self.warp.to_canonical(points)
        latent = self.canonical.encode(moved)
        return Latent(latent.feature, latent.presence * presence)

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
        moved, presence = self.warp.to_canonical(points)
        latent = self.canonical.encode_for_density(moved)
        return Latent(latent.feature, latent.presence * presence)

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The canonical field's groups, and the warp's own parameters where it has any."""
        groups = self.canonical.param_groups()
        learned = list(self.warp.parameters())
        return {**groups, "warp": learned} if learned else groups

    def fused(self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"]) -> FieldOutput | None:
        """The canonical field's native op at warped points."""
        moved, presence = self.warp.to_canonical(points)
        out = self.canonical(moved, dirs)
        return FieldOutput(out.log_density, out.color, out.presence * presence)

    def fused_density(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]] | None:
        """The canonical field's native op at warped points."""
        moved, presence = self.warp.to_canonical(points)
        log_density, inner = self.canonical.matter(moved)
        return log_density, inner * presence
