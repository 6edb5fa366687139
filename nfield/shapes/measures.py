"""How well a field agrees with the mesh that it was fitted to."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from trimesh import Trimesh

from nfield.data.world import World
from nfield.fields.signal import Signal
from nfield.kernels.nearest import NearestCenters
from nfield.shapes.samples import anywhere, on_surface
from nfield.shapes.signed_distance import SignedDistance
from nfield.shapes.task import distances, relative_error
from nfield.shapes.user_mesh import UserMesh

_VOLUME_POINTS = 1 << 20
_SURFACE_POINTS = 1 << 20
_DISTANCE_POINTS = 1 << 16


@dataclass(frozen=True)
class DistanceMeasures:
    """Measures of a field of distances; docs/evaluation.md defines them.

    Attributes:
        iou: Of the insides, on points of the cube.
        iou_outside: Of the outsides, which is what NeuRBF's release calls IoU.
        normal_error: Mean angle between normals of nearest points, degrees.
        normal_floor: The same of the mesh and itself, between two draws of points.
        chamfer: Mean distance between the surfaces, to and fro, as a share of the radius of the mesh.
        off_surface_error: Mean relative error of distances at points of the cube.
        triangles: Of the marched surface.
    """

    iou: float
    iou_outside: float
    normal_error: float
    normal_floor: float
    chamfer: float
    off_surface_error: float
    triangles: int


def measured(signal: Signal, marched: Trimesh, truth: SignedDistance, *, seed: int = 0) -> DistanceMeasures:
    """Measures a field.

    Args:
        signal: The field.
        marched: Its surface.
        truth: Distance of its mesh.
        seed: Of the points.
    """
    generator = torch.Generator().manual_seed(seed)
    inside, outside = _overlaps(signal, truth, generator)
    found = UserMesh(np.asarray(marched.vertices), np.asarray(marched.faces), World())
    found = _without_slivers(found)
    error = normal_error(found, truth.mesh, generator)
    points = anywhere(_DISTANCE_POINTS, generator)
    off_surface = relative_error(distances(signal, points), truth.at(points)).mean()
    return DistanceMeasures(
        iou=inside,
        iou_outside=outside,
        normal_error=error,
        normal_floor=normal_error(truth.mesh, truth.mesh, generator),
        chamfer=chamfer(found, truth, generator),
        off_surface_error=float(off_surface),
        triangles=len(marched.faces),
    )


def overlap(one: Bool[Tensor, "n"], other: Bool[Tensor, "n"]) -> float:
    """Intersection over union of two sets of points; 1 of two empty ones.

    >>> overlap(torch.tensor([True, True, False]), torch.tensor([True, False, False]))
    0.5
    """
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0


def normal_error(one: UserMesh, other: UserMesh, generator: torch.Generator) -> float:
    """Normal angular error, degrees (NeuRBF, equation 12): points of each, nearest points of the other, both ways.

    Args:
        one: A mesh.
        other: Another.
        generator: Draws the points, evenly over the area.
    """
    places, normals = zip(*(_with_normals(mesh, generator) for mesh in (one, other)), strict=True)
    angles = [
        _angle(normals[a], normals[b][NearestCenters(places[b]).query(places[a], 1)[0][:, 0].long()])
        for a, b in ((0, 1), (1, 0))
    ]
    return 0.5 * sum(angles)


def chamfer(found: UserMesh, truth: SignedDistance, generator: torch.Generator) -> float:
    """Mean distance of points of each surface from the other surface, mean of both ways, in the cube's unit."""
    there = truth.unsigned(on_surface(found, _DISTANCE_POINTS, generator).places)
    back = SignedDistance(found).unsigned(on_surface(truth.mesh, _DISTANCE_POINTS, generator).places)
    return 0.5 * float(there.mean() + back.mean())


def _overlaps(signal: Signal, truth: SignedDistance, generator: torch.Generator) -> tuple[float, float]:
    """Of the insides and of the outsides."""
    points = anywhere(_VOLUME_POINTS, generator)
    found, exact = distances(signal, points) < 0.0, truth.inside(points)
    return overlap(found, exact), overlap(~found, ~exact)


def _with_normals(mesh: UserMesh, generator: torch.Generator) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
    points = on_surface(mesh, _SURFACE_POINTS, generator)
    return points.places, points.normals(mesh)


def _angle(one: Float[Tensor, "n 3"], other: Float[Tensor, "n 3"]) -> float:
    """Mean angle, degrees."""
    cosine = (one.double() * other.double()).sum(-1).clamp(-1.0, 1.0)
    return float(torch.rad2deg(cosine.acos()).mean())


def _without_slivers(mesh: UserMesh) -> UserMesh:
    """Marched meshes have triangles whose area is 0 to rounding, and normals none."""
    kept = mesh.areas > 1e-14
    return UserMesh(mesh.vertices, np.ascontiguousarray(mesh.faces[kept]), mesh.world)
