"""What decompositions of a volume share (TensoRF, Chen et al. 2022): products of learned factors, summed or mixed."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from nfield.encodings.base import Encoding


class Factors(Encoding):
    """Products of learned factors, summed to one number or mixed to a feature by a learned basis.

    Attributes:
        basis: Makes a feature of the products; ones, which are not learned, where they are summed.
    """

    basis: Tensor

    @abstractmethod
    def factors(self) -> list[nn.Parameter]:
        """What is multiplied."""

    def _add_basis(self, products: int, outputs: int | None, generator: torch.Generator | None) -> None:
        """Makes the basis.

        Args:
            products: How many there are.
            outputs: Length of a feature; None sums the products.
            generator: Draws the first values.
        """
        self.in_dim, self.out_dim = 3, outputs or 1
        if outputs is None:
            self.register_buffer("basis", torch.ones(1, products), persistent=False)
        else:
            uniform = torch.rand(outputs, products, generator=generator) * 2.0 - 1.0
            self.basis = nn.Parameter(uniform / products**0.5)
