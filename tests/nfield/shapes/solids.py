"""Meshes whose signed distance has a closed form, and others that are hard to read."""

from collections.abc import Callable

import torch
import trimesh
from torch import Tensor, nn
from trimesh import Trimesh

from nfield.fields.signal import Signal


def sphere(points: Tensor, radius: float) -> Tensor:
    return points.norm(dim=-1) - radius


def box(points: Tensor, half: Tensor) -> Tensor:
    beyond = points.abs() - half
    return beyond.clamp_min(0.0).norm(dim=-1) + beyond.amax(-1).clamp_max(0.0)


def torus(points: Tensor, major: float, minor: float) -> Tensor:
    ring = torch.stack([points[:, :2].norm(dim=-1) - major, points[:, 2]], -1)
    return ring.norm(dim=-1) - minor


def ball_mesh(radius: float = 1.0, subdivisions: int = 4) -> Trimesh:
    return trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius)


def torus_mesh() -> Trimesh:
    return trimesh.creation.torus(major_radius=2.0, minor_radius=0.7, major_sections=96, minor_sections=48)


def open_hemisphere() -> Trimesh:
    """The upper half of the unit sphere, without a floor."""
    whole = ball_mesh()
    kept = whole.triangles_center[:, 2] > 0.0
    return Trimesh(whole.vertices, whole.faces[kept], process=False)


def crossing_balls() -> Trimesh:
    """Two unit balls around (+-0.6, 0, 0), each with all of its surface."""
    return trimesh.util.concatenate([ball_mesh().apply_translation([side, 0.0, 0.0]) for side in (-0.6, 0.6)])


def spread(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, generator=generator) * 2.0 - 1.0


class Exact(Signal):
    """A field that says what a closed form says of points of the cube."""

    def __init__(self, distance: Callable[[Tensor], Tensor]) -> None:
        nn.Module.__init__(self)
        self._distance, self.bases = distance, None

    def forward(self, unit: Tensor) -> Tensor:
        return self._distance(unit * 2.0 - 1.0)[:, None]
