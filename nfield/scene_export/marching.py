"""Marching cubes over a lattice that is looked at block by block (Lewiner et al. 2003, by scikit-image)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from jaxtyping import Float
from skimage.measure import marching_cubes
from torch import Tensor

from nfield.types import Box

Inside = Callable[[Float[Tensor, "n 3"]], Float[Tensor, "n"]]
"""World points, metres -> how far inside of a solid they are, in any unit: positive inside, negative outside."""

_BLOCK = 96
_REACH = 4.0
"""Values beyond it say no more of where the surface is."""
_LEAST = 0.02
"""No value is nearer to 0: vertices then lie on edges of the lattice, and never in its nodes."""


@dataclass(frozen=True)
class Lattice:
    """Nodes of cubes.

    Attributes:
        low: The first node, metres.
        cell: Edge of a cube, metres.
        cubes: Along each axis.
    """

    low: tuple[float, float, float]
    cell: float
    cubes: tuple[int, int, int]

    @staticmethod
    def over(box: Box, resolution: int) -> "Lattice":
        """The lattice of a box and one cube around it, with so many cubes along the box's longest edge."""
        cell = float(box.size.max()) / resolution
        x, y, z = (box.low.double() - cell).tolist()
        across, along, up = ((box.size / cell).ceil().long() + 2).tolist()
        return Lattice((x, y, z), cell, (across, along, up))

    def points(self, first: tuple[int, int, int], counts: tuple[int, int, int]) -> Float[Tensor, "n 3"]:
        """Nodes of a block, the last axis quickest, metres.

        Args:
            first: Its first node.
            counts: Nodes along each axis.
        """
        axes = [
            low + self.cell * torch.arange(start, start + count, dtype=torch.float64)
            for low, start, count in zip(self.low, first, counts, strict=True)
        ]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3).float()

    def blocks(self) -> Iterator[tuple[tuple[int, int, int], tuple[int, int, int]]]:
        """First node and nodes of each block; neighbours share a layer of nodes."""
        for corner in product(*(range(0, cubes, _BLOCK) for cubes in self.cubes)):
            x, y, z = (min(_BLOCK, cubes - start) + 1 for start, cubes in zip(corner, self.cubes, strict=True))
            yield (corner[0], corner[1], corner[2]), (x, y, z)


@torch.no_grad()
def marched(inside: Inside, lattice: Lattice) -> tuple[np.ndarray, np.ndarray]:
    """The surface where a function is 0: vertices (v, 3), metres, and faces (t, 3), turned outwards.

    Args:
        inside: The function.
        lattice: Where it is looked at; what lies beyond counts as outside.
    """
    vertices: list[np.ndarray] = [np.zeros((0, 3))]
    faces: list[np.ndarray] = [np.zeros((0, 3), np.int64)]
    count = 0
    for first, counts in lattice.blocks():
        values = _values(inside(lattice.points(first, counts))).reshape(counts)
        _close(values, first, lattice)
        if values.max() < 0.0 or values.min() > 0.0:
            continue
        places, corners, _, _ = marching_cubes(values, 0.0, gradient_direction="descent")
        vertices.append(places.astype(np.float64) + np.array(first))
        faces.append(corners.astype(np.int64)[:, ::-1] + count)
        count += len(places)
    return _joined(np.concatenate(vertices), np.concatenate(faces), lattice)


def _values(found: Float[Tensor, "n"]) -> np.ndarray:
    values = found.clamp(-_REACH, _REACH).numpy().astype(np.float32)
    return np.where(values < 0.0, np.minimum(values, -_LEAST), np.maximum(values, _LEAST))


def _close(values: np.ndarray, first: tuple[int, int, int], lattice: Lattice) -> None:
    """Lets the outermost nodes of the lattice be outside, so that no surface ends there."""
    for axis in range(3):
        layers = np.moveaxis(values, axis, 0)
        if first[axis] == 0:
            layers[0] = -_REACH
        if first[axis] + len(layers) - 1 == lattice.cubes[axis]:
            layers[-1] = -_REACH


def _joined(places: np.ndarray, faces: np.ndarray, lattice: Lattice) -> tuple[np.ndarray, np.ndarray]:
    """Blocks sewn together: vertices on one edge of the lattice are one vertex.

    Twice a coordinate is even where it is a node's and is taken for odd between two, which names the edge.
    """
    node = np.abs(places - places.round()) < _LEAST / (4.0 * _REACH)
    edge = np.where(node, 2 * places.round(), 2 * np.floor(places) + 1).astype(np.int64)
    extent = 2 * np.array(lattice.cubes) + 1
    number = (edge[:, 0] * extent[1] + edge[:, 1]) * extent[2] + edge[:, 2]
    _, kept, index = np.unique(number, return_index=True, return_inverse=True)
    return np.array(lattice.low) + lattice.cell * places[kept], index[faces]
