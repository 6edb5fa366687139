"""The surface of a field of distances: marching cubes that looks only where the surface may be."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from trimesh import Trimesh

from nfield.errors import DataError
from nfield.fields.signal import Signal
from nfield.scene_export.marching import Lattice, marched
from nfield.shapes.task import distances
from nfield.types import Box

_CELLS = 64
"""Cells along an edge of the cube in which it is first seen how far the surface is."""
_MARGIN = 1.5
"""How much nearer than a field says a surface may be."""
_SLACK = 0.01


@dataclass(frozen=True)
class NarrowBand:
    """The part of the cube where a field's surface may be.

    Attributes:
        near: Whether it may pass through each cell, x first.
        inside: Whether the middle of each cell is inside.
    """

    near: Bool[Tensor, "k k k"]
    inside: Bool[Tensor, "k k k"]

    @staticmethod
    def of(signal: Signal) -> "NarrowBand":
        """Of a field: a cell is near where its middle is no farther from the surface than its corners, or little."""
        middle = (torch.arange(_CELLS) + 0.5) * (2.0 / _CELLS) - 1.0
        points = torch.stack(torch.meshgrid(middle, middle, middle, indexing="ij"), -1).reshape(-1, 3)
        found = distances(signal, points).view(_CELLS, _CELLS, _CELLS)
        reach = _MARGIN * math.sqrt(3.0) / _CELLS + _SLACK
        return NarrowBand(found.abs() <= reach, found < 0.0)

    @property
    def box(self) -> Box:
        """Around the cells that are near.

        Raises:
            DataError: None is.
        """
        cells = self.near.nonzero()
        if len(cells) == 0:
            raise DataError("the field has no surface, expected one; train it for longer")
        return Box(_place(cells.amin(0)), _place(cells.amax(0) + 1))

    def cells_of(self, points: Float[Tensor, "n 3"]) -> tuple[Tensor, Tensor, Tensor]:
        """Indices of the cells that hold points; those beyond the cube are put into the outermost ones."""
        x, y, z = ((points + 1.0) * (_CELLS / 2)).long().clamp(0, _CELLS - 1).unbind(-1)
        return x, y, z


def zero_set(signal: Signal, resolution: int) -> Trimesh:
    """The surface where a field is 0, turned outwards, in the cube.

    Args:
        signal: The field.
        resolution: Cubes along the longest edge of the box around its surface.
    """
    band = NarrowBand.of(signal)

    def inside(points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        cells = band.cells_of(points)
        value = torch.where(band.inside[cells], 1.0, -1.0)
        near = band.near[cells].nonzero()[:, 0]
        return value.index_copy(0, near, -distances(signal, points[near])) * steepness

    lattice = Lattice.over(band.box, resolution)
    # Marching cubes takes values within some units of 0 for exact; these make one of a cube's edge.
    steepness = 1.0 / lattice.cell
    vertices, faces = marched(inside, lattice)
    if len(faces) == 0:
        raise DataError("the field has no surface, expected one; train it for longer")
    return Trimesh(vertices, faces, process=False)


def _place(cell: Tensor) -> Float[Tensor, "3"]:
    return cell * (2.0 / _CELLS) - 1.0
