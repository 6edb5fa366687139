"""Sines and cosines of coordinates."""

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.encodings.base import Encoding


class Frequency(Encoding):
    """Coordinates and their sines and cosines at frequencies that double (NeRF, Mildenhall et al. 2020, equation 4).

    As in PVD (section 1.3), coordinates run over [-1, 1] and frequencies are 1, 2, 4, ..., without a factor of pi:
    the first octave does not repeat within the box.

    Args:
        octaves: Number of frequencies.
    """

    def __init__(self, octaves: int) -> None:
        super().__init__()
        self.in_dim, self.out_dim = 3, 3 + 6 * octaves
        self.register_buffer("frequencies", 2.0 ** torch.arange(octaves), persistent=False)

    def forward(self, unit: Float[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
        """The coordinates, all sines, all cosines."""
        centered = 2.0 * unit - 1.0
        angles = (centered[:, None, :] * self.get_buffer("frequencies")[:, None]).flatten(1)
        return torch.cat([centered, angles.sin(), angles.cos()], -1)
