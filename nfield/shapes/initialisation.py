"""Where radial bases lie around a mesh: on its surface, where alone a field of distances has detail."""

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.encodings.initial_centers import CentersRule, initial_centers
from nfield.fields.signal import Signal
from nfield.shapes.samples import on_surface
from nfield.shapes.user_mesh import UserMesh

_POINTS_PER_KERNEL = 20
_MOST_POINTS = 1 << 19
_NARROWEST = 1.0 / 200.0
_CELL = 2.0 / 1024.0


def initialise_on_surface(signal: Signal, mesh: UserMesh, *, how: CentersRule, generator: torch.Generator) -> None:
    """Puts a field's radial bases on the surface; does nothing for a field without.

    NeuRBF weighs training points by one over their distance, which leaves those of the surface: these are drawn here.

    Args:
        signal: Has as many kernels as its budget affords.
        mesh: In the cube.
        how: How centres are found.
        generator: Draws points and first centres.
    """
    bases = signal.bases
    if bases is None:
        return
    points = cloud(mesh, bases.config.count, generator) + 1.0  # bases measure from the cube's corner
    weights = torch.ones(len(points))
    centers = initial_centers(points, weights, bases.config.count, how=how, generator=generator)
    bases.initialise(centers, points, weights, narrowest=_CELL * _NARROWEST)


def cloud(mesh: UserMesh, kernels: int, generator: torch.Generator) -> Float[Tensor, "n 3"]:
    """Points of the surface, of which some kernels find their places.

    Args:
        mesh: In the cube.
        kernels: How many there are.
        generator: Draws the points.
    """
    count = max(min(_POINTS_PER_KERNEL * kernels, _MOST_POINTS), 2 * kernels)
    return on_surface(mesh, count, generator).places
