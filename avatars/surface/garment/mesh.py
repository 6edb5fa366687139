"""The mesh of a fitted piece: one layer with a floor, or two layers."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from avatars.surface.garment.loose import DrapeConfig, Loose, clearances
from avatars.surface.garment.shell import grid_faces, two_layers, with_floor
from avatars.surface.garment.tube import Tube

FREE = -1.0
"""Clearance of points that may lie anywhere in the body."""


@dataclass(frozen=True)
class Mesh:
    """One piece; the attributes are those of a garment."""

    rest: Float[np.ndarray, "g 3"]
    faces: Int[np.ndarray, "t 3"]
    weights: Float[np.ndarray, "g j"]
    outward: Float[np.ndarray, "g 3"]
    clearance: Float[np.ndarray, "g"]
    outer: Int[np.ndarray, "g"]


def hull_mesh(piece: Loose, tube: Tube, config: DrapeConfig) -> Mesh:
    """One layer with a floor above the hem."""
    floor, faces = with_floor(tube.points())
    floor, grid, outward = (piece.frame.to_rest(points) for points in (floor, tube.points(), tube.outward()))
    rings = (len(floor) - 1) // grid.shape[1]
    return Mesh(
        rest=np.concatenate([grid.reshape(-1, 3), floor]),
        faces=faces,
        weights=np.concatenate([_flat(piece.weights(grid)), piece.weights(floor[:, None])[:, 0]]),
        outward=np.concatenate([outward.reshape(-1, 3), np.tile(outward[-1], (rings, 1)), outward[-1, :1]]) * piece.led,
        clearance=np.concatenate([clearances(tube, config).reshape(-1), np.full(len(floor), FREE)]),
        outer=np.full(grid.shape[0] * grid.shape[1] + len(floor), -1),
    )


def sheet_mesh(piece: Loose, tube: Tube, config: DrapeConfig) -> Mesh:
    """Two layers, without the grid points that no face uses."""
    grid, outward = (piece.frame.to_rest(points) for points in (tube.points(), tube.outward()))
    count = grid.shape[0] * grid.shape[1]
    faces = two_layers(grid_faces(tube.present), count)
    used, numbered = np.unique(faces, return_inverse=True)
    place = np.full(2 * count, -1)
    place[used] = np.arange(len(used))
    both = np.concatenate([grid.reshape(-1, 3), (grid - config.thickness * outward).reshape(-1, 3)])
    clear = clearances(tube, config).reshape(-1)
    clear = np.where(clear < 0.0, clear, clear + config.thickness)
    return Mesh(
        rest=both[used],
        faces=numbered.reshape(faces.shape),
        weights=np.tile(_flat(piece.weights(grid)), (2, 1))[used],
        outward=np.tile(outward.reshape(-1, 3), (2, 1))[used] * piece.led,
        clearance=np.tile(clear, 2)[used],
        outer=np.where(used < count, -1, place[used - count]),
    )


def _flat(weights: Float[np.ndarray, "m n j"]) -> Float[np.ndarray, "g j"]:
    return weights.reshape(-1, weights.shape[-1])
