"""A vector-matrix decomposition as a module."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nfield.encodings.factors import Factors
from nfield.kernels.planes import vector_matrix

_INITIAL = 0.1


class VectorMatrix(Factors):
    """Products of learned planes and lines (TensoRF, Chen et al. 2022, equation 8), summed or mixed by a basis.

    Args:
        nodes: Nodes along an edge of the planes and along the lines.
        components: Products of each of the three planes.
        outputs: Length of a feature, which a learned basis makes of the products; None sums them to one number.
        generator: Draws the first values: those of planes and lines are normal with deviation 0.1.
    """

    def __init__(
        self, nodes: int, components: int, outputs: int | None = None, *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.planes = nn.Parameter(_INITIAL * torch.randn(3, nodes, nodes, components, generator=generator))
        self.lines = nn.Parameter(_INITIAL * torch.randn(3, nodes, components, generator=generator))
        self._add_basis(3 * components, outputs, generator)

    def factors(self) -> list[nn.Parameter]:
        """See `Factors.factors`."""
        return [self.planes, self.lines]

    def forward(self, unit: Float[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
        """The sum of the products, or what the basis makes of them."""
        return vector_matrix(unit, self.planes, self.lines, self.basis)
