"""A canonical polyadic decomposition as a module."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nfield.encodings.factors import Factors
from nfield.kernels.lines import line_products

_INITIAL = 0.2


class CanonicalPolyadic(Factors):
    """Products of three learned lines (TensoRF, Chen et al. 2022, equation 3), summed or mixed by a basis.

    Args:
        nodes: Nodes along the lines.
        components: Products.
        outputs: Length of a feature, which a learned basis makes of the products; None sums them to one number.
        generator: Draws the first values: those of the lines are normal with deviation 0.2, as TensoRF's.
    """

    def __init__(
        self, nodes: int, components: int, outputs: int | None = None, *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.lines = nn.Parameter(_INITIAL * torch.randn(3, nodes, components, generator=generator))
        self._add_basis(components, outputs, generator)

    def factors(self) -> list[nn.Parameter]:
        """See `Factors.factors`."""
        return [self.lines]

    def forward(self, unit: Float[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
        """The sum of the products, or what the basis makes of them."""
        return line_products(unit, self.lines) @ self.basis.T
