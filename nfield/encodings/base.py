"""The interface of encodings."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor, nn


class Encoding(nn.Module, ABC):
    """Maps points of [0, 1]^d to features; only encodings see unit coordinates.

    Attributes:
        in_dim: d.
        out_dim: Length of a feature.
    """

    in_dim: int
    out_dim: int

    @abstractmethod
    def forward(self, unit: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Features of points; differentiable in points and parameters."""

    if TYPE_CHECKING:

        def __call__(self, unit: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
            """Typed for the checker."""
            ...
