"""The signed distance of a mesh: how far its nearest triangle is, and by the winding number on which side.

The generalised winding number (Jacobson et al. 2013; fast, Barill et al. 2018, by libigl) needs neither a closed
surface nor one that does not cross itself: inside is where it is beyond a half.
"""

from pathlib import Path

import igl
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nfield.errors import DataError
from nfield.shapes.user_mesh import UserMesh

_HALF = 0.5
_LOOKED_AT = 4096
_BESIDE = 1e-3
"""Distance from the surface, in the cube's unit, at which it is seen on which side its inside lies."""
_HARDLY = 0.02
_CELLS = 1024


class SignedDistance:
    """Knows the distance of points from a mesh; negative inside.

    Args:
        mesh: In the cube.
    """

    def __init__(self, mesh: UserMesh) -> None:
        self.mesh = mesh
        self._tree = igl.AABB()
        self._tree.init(mesh.vertices, mesh.faces)

    def at(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """Signed distances; not differentiable."""
        away = self.unsigned(points)
        return torch.where(self.inside(points), -away, away)

    def unsigned(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """Distances from the surface: exact, by a tree of boxes, which is twice as quick in the order of places."""
        if len(points) == 0:
            return points.new_zeros(0)
        order = _along_curve(points)
        sorted_points = points[order].double().numpy()
        square = self._tree.squared_distance(self.mesh.vertices, self.mesh.faces, sorted_points)[0]
        away = torch.from_numpy(np.sqrt(np.asarray(square, np.float64).reshape(-1))).float()
        return torch.empty_like(away).index_copy_(0, order, away)

    def inside(self, points: Float[Tensor, "n 3"]) -> Bool[Tensor, "n"]:
        """Whether points are inside."""
        return self.winding(points).abs() > _HALF

    def winding(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """How often the surface goes around points."""
        if len(points) == 0:
            return points.new_zeros(0)
        found = igl.fast_winding_number(self.mesh.vertices, self.mesh.faces, points.double().numpy())
        return torch.from_numpy(np.asarray(found, np.float64).reshape(-1)).float()


def distance_to(mesh: UserMesh, *, where: Path) -> SignedDistance:
    """The signed distance of a mesh, which is turned where its triangles face inwards.

    Args:
        mesh: In the cube.
        where: Its file, for messages.

    Raises:
        DataError: It has no inside.
    """
    known = SignedDistance(mesh)
    within, beyond = _beside(known)
    if bool((within + beyond).mean() < 0.0):
        known = SignedDistance(mesh.turned().noting("the triangles face inwards and are turned"))
        within, beyond = _beside(known)
    sides = (within.abs() > _HALF) != (beyond.abs() > _HALF)
    if float(sides.float().mean()) < _HARDLY:
        raise DataError(
            f"{where}: the surface encloses nothing (its winding number stays below a half), expected a solid; close "
            "it, or turn triangles that face different ways (trimesh: mesh.fix_normals())"
        )
    return known


def _beside(known: SignedDistance) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]]:
    """Winding numbers just behind and just in front of triangles, the largest ones."""
    mesh = known.mesh
    largest = np.argsort(-mesh.areas)[:_LOOKED_AT]
    middle, step = mesh.triangles[largest].mean(1), _BESIDE * mesh.normals[largest]
    behind, before = (torch.from_numpy(middle + side * step).float() for side in (-1.0, 1.0))
    return known.winding(behind), known.winding(before)


def _along_curve(points: Float[Tensor, "n 3"]) -> Tensor:
    """Points of the cube in the order of a Z-curve, so that neighbours in it are near each other."""
    cells = ((points + 1.0) * (_CELLS / 2)).long().clamp(0, _CELLS - 1)
    for shift, mask in ((16, 0x030000FF), (8, 0x0300F00F), (4, 0x030C30C3), (2, 0x09249249)):
        cells = (cells | (cells << shift)) & mask
    return (cells[:, 0] | (cells[:, 1] << 1) | (cells[:, 2] << 2)).argsort()
