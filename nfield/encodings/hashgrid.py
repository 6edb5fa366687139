"""The multiresolution hash grid as a module."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nfield.encodings.base import Encoding
from nfield.kernels.hash_grid import GridLayout, hash_encode

_INITIAL = 1e-4


class HashGrid(Encoding):
    """Learned features at the vertices of nested grids (Müller et al. 2022, section 3).

    Args:
        layout: Sizes of the grid.
        generator: Draws the first entries, uniform in [-1e-4, 1e-4].
    """

    def __init__(self, layout: GridLayout, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.in_dim, self.out_dim = layout.dims, layout.width
        self.layout = layout
        entries = torch.rand(layout.size, layout.features, generator=generator)
        self.table = nn.Parameter((entries * 2.0 - 1.0) * _INITIAL)

    def forward(self, unit: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Multilinear features of all levels, the coarsest first."""
        return hash_encode(unit, self.table, self.layout)
