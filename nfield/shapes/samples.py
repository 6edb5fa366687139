"""Points that a field of distances is trained on: on the surface, near it, and anywhere in the cube."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.shapes.signed_distance import SignedDistance
from nfield.shapes.user_mesh import UserMesh


@dataclass(frozen=True)
class Mixture:
    """Where points are drawn (NeuRBF, section 3.2); what is left of a whole lies anywhere in the cube."""

    surface: float = 0.5
    """Share of points on the surface, by area."""
    near: float = 0.375
    """Share of points beside the surface."""
    noise: float = 0.01
    """Deviation of these from it, in the cube's unit."""

    def counts(self, total: int) -> tuple[int, int, int]:
        """Points on the surface, near it, and anywhere.

        >>> Mixture().counts(16)
        (8, 6, 2)
        """
        surface, near = round(self.surface * total), round(self.near * total)
        return surface, near, total - surface - near


@dataclass(frozen=True)
class Labelled:
    """Points with their distances.

    Attributes:
        points: In the cube.
        distance: Signed, in its unit.
    """

    points: Float[Tensor, "n 3"]
    distance: Float[Tensor, "n"]


@dataclass(frozen=True)
class SurfacePoints:
    """Points of a mesh.

    Attributes:
        places: In the cube.
        face: Of which triangle each is.
    """

    places: Float[Tensor, "n 3"]
    face: Int[Tensor, "n"]

    def normals(self, mesh: UserMesh) -> Float[Tensor, "n 3"]:
        """Unit normals of the triangles."""
        return torch.from_numpy(mesh.normals).float()[self.face]


def on_surface(mesh: UserMesh, count: int, generator: torch.Generator) -> SurfacePoints:
    """Points that are evenly spread over a mesh's area.

    Args:
        mesh: The mesh.
        count: Of points.
        generator: Draws them.
    """
    ends = np.cumsum(mesh.areas)
    drawn = torch.rand(count, generator=generator, dtype=torch.float64).numpy()
    face = np.searchsorted(ends, drawn * ends[-1], side="right").clip(max=len(ends) - 1)
    u, v = torch.rand(2, count, 1, generator=generator, dtype=torch.float64).numpy()
    root = np.sqrt(u)
    first, second, third = np.moveaxis(mesh.triangles[face], 1, 0)
    places = (1.0 - root) * first + root * (1.0 - v) * second + root * v * third
    return SurfacePoints(torch.from_numpy(places).float(), torch.from_numpy(face).long())


def anywhere(count: int, generator: torch.Generator) -> Float[Tensor, "n 3"]:
    """Points of the cube, evenly spread."""
    return torch.rand(count, 3, generator=generator) * 2.0 - 1.0


def draw_samples(truth: SignedDistance, count: int, mixture: Mixture, generator: torch.Generator) -> Labelled:
    """Points of a mixture; those on the surface come first.

    Args:
        truth: Gives distances.
        count: Of points.
        mixture: Where they are.
        generator: Draws them.
    """
    surface, near, rest = mixture.counts(count)
    drawn = on_surface(truth.mesh, surface + near, generator).places
    noise = mixture.noise * torch.randn(near, 3, generator=generator)
    beside = (drawn[surface:] + noise).clamp(-1.0, 1.0)
    measured = torch.cat([beside, anywhere(rest, generator)])
    return Labelled(torch.cat([drawn[:surface], measured]), torch.cat([torch.zeros(surface), truth.at(measured)]))
