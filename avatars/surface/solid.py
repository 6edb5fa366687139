"""The dressed body as a solid: points on it with their colours, points around it with what is inside."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from avatars.surface.appearance import Appearance
from avatars.surface.mesh import vertex_normals, winding_numbers
from nfield.kernels.nearest import NearestCenters


@dataclass(frozen=True)
class SolidConfig:
    """Where points are drawn."""

    on: int = 1_500_000
    """Points on the surface."""
    around: int = 400_000
    """Points around it, half of them inside."""
    depth: float = 0.025
    """How deep inside they lie at most, metres."""
    height: float = 0.016
    """How far outside they lie at most, metres."""
    detail: float = 4.0
    """How many times as densely points lie on detailed triangles (the head)."""


@dataclass(frozen=True)
class SurfacePoints:
    """Random points on the surface at rest.

    Attributes:
        place: Metres.
        normal: Unit vectors outwards.
        color: sRGB in [0, 1].
        visibility: 1 where the photo shows them, 0 where it does not.
    """

    place: Float[Tensor, "n 3"]
    normal: Float[Tensor, "n 3"]
    color: Float[Tensor, "n 3"]
    visibility: Float[Tensor, "n"]

    def in_space_order(self) -> "SurfacePoints":
        """The same, neighbours next to each other: fields look such points up several times as fast."""
        order = _space_order(self.place)
        return SurfacePoints(self.place[order], self.normal[order], self.color[order], self.visibility[order])


@dataclass(frozen=True)
class SpacePoints:
    """Random points around the surface at rest.

    Attributes:
        place: Metres.
        inside: Whether they lie inside the solid.
        distance: To the surface, metres: to the nearest of its points.
    """

    place: Float[Tensor, "n 3"]
    inside: Bool[Tensor, "n"]
    distance: Float[Tensor, "n"]


@dataclass(frozen=True)
class Solid:
    """A dressed body at rest, filled.

    Attributes:
        on: Points on its surface.
        around: Points near its surface.
    """

    on: SurfacePoints
    around: SpacePoints

    @staticmethod
    def of(
        vertices: Float[Tensor, "v 3"],
        faces: Int[Tensor, "t 3"],
        appearance: Appearance,
        *,
        detailed: Bool[Tensor, "t"],
        config: SolidConfig,
        generator: torch.Generator,
    ) -> "Solid":
        """Points of a mesh that may overlap itself and have holes.

        Inside is where the winding number exceeds one half (Jacobson et al. 2013; Barill et al. 2018).

        Args:
            vertices: At rest, metres.
            faces: Corners of each triangle, counter-clockwise from outside.
            appearance: The surface's colours, for these faces.
            detailed: Triangles that get more points.
            config: How many points, and where.
            generator: Draws them.
        """
        weight = _areas(vertices, faces) * torch.where(detailed, config.detail, 1.0)
        normals = vertex_normals(vertices, faces)
        on = _on_surface(vertices, normals, faces, appearance, weight, config.on, generator).in_space_order()
        chosen = torch.randint(config.on, (config.around,), generator=generator).sort().values
        offset = torch.rand(config.around, generator=generator)
        inwards = torch.arange(config.around) % 2 == 0
        offset = torch.where(inwards, -config.depth * offset, config.height * offset)
        place = on.place[chosen] + on.normal[chosen] * offset[:, None]
        distance = NearestCenters(on.place).query(place, 1)[1][:, 0].sqrt()
        return Solid(on, SpacePoints(place, winding_numbers(vertices, faces, place) > 0.5, distance))


def _space_order(points: Float[Tensor, "n 3"]) -> Int[Tensor, "n"]:
    """Order along a Z-order curve (Morton 1966) through cells of about 2 mm for a person."""
    low, high = points.amin(0), points.amax(0)
    cell = ((points - low) / (high - low).max().clamp_min(1e-9) * 1023.0).long()
    code = torch.zeros(len(points), dtype=torch.long)
    for bit in range(10):
        for axis in range(3):
            code |= ((cell[:, axis] >> bit) & 1) << (3 * bit + axis)
    return code.argsort()


def _areas(vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"]) -> Float[Tensor, "t"]:
    a, b, c = vertices[faces].unbind(1)
    return 0.5 * torch.linalg.cross(b - a, c - a).norm(dim=-1)


def _on_surface(
    vertices: Float[Tensor, "v 3"],
    normals: Float[Tensor, "v 3"],
    faces: Int[Tensor, "t 3"],
    appearance: Appearance,
    weight: Float[Tensor, "t"],
    count: int,
    generator: torch.Generator,
) -> SurfacePoints:
    """Points drawn by the weight of their triangles, evenly within each."""
    share = weight.double().cumsum(0)
    face = torch.searchsorted(share, torch.rand(count, generator=generator).double() * share[-1])
    face = face.clamp_max(len(faces) - 1)
    first, second = torch.rand(2, count, generator=generator)
    root = first.sqrt()
    barycentric = torch.stack([1.0 - root, root * (1.0 - second), root * second], -1)
    corners = torch.cat([vertices, normals], -1)[faces[face]]
    place, normal = (corners * barycentric[..., None]).sum(1).split(3, -1)
    look = appearance.at(face, barycentric)
    return SurfacePoints(place, torch.nn.functional.normalize(normal, dim=-1), look[:, :3], look[:, 3])
