"""A field that looks the same from everywhere."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nfield.fields.base import Answer, Field
from nfield.types import FieldOutput, Latent


class UnlitField(Field):
    """A field whose colour is asked from one fixed direction, so that it cannot depend on the view.

    One photo shows every surface from one direction only: what a field learned of that direction would be a way to
    look right from the photo's camera alone.

    Args:
        inner: The field that answers.
    """

    def __init__(self, inner: Field) -> None:
        super().__init__()
        self.inner = inner
        self.feature_dim = inner.feature_dim
        self.levels = inner.levels
        self.log_density_range = inner.log_density_range

    def encode(self, points: Float[Tensor, "n 3"]) -> Latent:
        """The inner field's."""
        return self.inner.encode(points)

    def density_head(self, feature: Float[Tensor, "n f"]) -> Float[Tensor, "n"]:
        """The inner field's."""
        return self.inner.density_head(feature)

    def color_head(self, feature: Float[Tensor, "n f"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """The inner field's, seen from the fixed direction."""
        return self.inner.color_head(feature, _fixed(dirs))

    def decoders(self) -> dict[str, nn.Module]:
        """The inner field's."""
        return self.inner.decoders()

    @property
    def initialised(self) -> bool:
        """The inner field's."""
        return self.inner.initialised

    def initialise(self, source: Field, *, generator: torch.Generator | None) -> None:
        """The inner field's."""
        self.inner.initialise(source, generator=generator)

    def imitate(self, answer: Answer, *, floor: float) -> bool:
        """The inner field's."""
        return self.inner.imitate(answer, floor=floor)

    def sparse(self) -> list[nn.Parameter]:
        """The inner field's."""
        return self.inner.sparse()

    def encode_for_density(self, points: Float[Tensor, "n 3"]) -> Latent:
        """The inner field's."""
        return self.inner.encode_for_density(points)

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The inner field's."""
        return self.inner.param_groups()

    def fused(self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"]) -> FieldOutput | None:
        """The inner field's native op, seen from the fixed direction."""
        return self.inner.fused(points, _fixed(dirs))

    def fused_density(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]] | None:
        """The inner field's."""
        return self.inner.fused_density(points)


def _fixed(dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
    return torch.tensor([0.0, 0.0, 1.0], dtype=dirs.dtype, device=dirs.device).repeat(len(dirs), 1)
