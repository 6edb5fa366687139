"""Splats to begin with: a flat disc on each of some points of surfaces."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.kernels.gaussians import Splats
from nfield.kernels.harmonics import constant_harmonic
from nfield.kernels.nearest import NearestCenters

_NEIGHBOURS = 3
_WIDTH = 0.75
"""Standard deviation of a disc over the distance of its neighbours: of some, with this opacity lego began best."""
_FLATNESS = 0.2
"""Standard deviation of a disc along its normal over that across it."""
_OPACITY = 0.8
_SMALLEST, _LARGEST = 1e-4, 0.1
"""Standard deviations over the extent of all points."""


@dataclass(frozen=True)
class SurfacePoints:
    """Points of surfaces.

    Attributes:
        places: Metres.
        normals: Unit vectors.
        colors: sRGB in [0, 1].
    """

    places: Float[Tensor, "n 3"]
    normals: Float[Tensor, "n 3"]
    colors: Float[Tensor, "n 3"]


def surface_splats(points: SurfacePoints, *, degree: int) -> Splats:
    """A disc on each point, as wide as its nearest neighbours are away, in one colour from everywhere.

    Args:
        points: At least four.
        degree: Of the spherical harmonics that the colours have room for, 0 to 3.
    """
    _, square = NearestCenters(points.places).query(points.places, _NEIGHBOURS + 1)
    extent = float((points.places.amax(0) - points.places.amin(0)).norm())
    width = _WIDTH * square[:, 1:].mean(-1).sqrt().clamp(_SMALLEST * extent, _LARGEST * extent)
    scales = width[:, None] * width.new_tensor([1.0, 1.0, _FLATNESS])
    harmonics = points.colors.new_zeros(len(width), (degree + 1) ** 2, 3)
    harmonics[:, 0] = (points.colors - 0.5) / constant_harmonic()
    logits = torch.full_like(width, _OPACITY).logit()
    return Splats(points.places, turned_to(points.normals), scales.log(), logits, harmonics)


def turned_to(normals: Float[Tensor, "n 3"]) -> Float[Tensor, "n 4"]:
    """Unit quaternions that turn +z to unit vectors, by the shortest way.

    >>> turned_to(torch.tensor([[0.0, 0.0, 1.0]])).abs().tolist()
    [[1.0, 0.0, 0.0, 0.0]]
    """
    x, y, z = normals.unbind(-1)
    half = torch.stack([1.0 + z, -y, x, torch.zeros_like(z)], -1)
    # The way to -z is not unique.
    half = torch.where(z[:, None] < -1.0 + 1e-6, half.new_tensor([0.0, 1.0, 0.0, 0.0]), half)
    return torch.nn.functional.normalize(half, dim=-1)
