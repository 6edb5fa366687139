"""Small corrections of where photos were taken, learned with the field (as in BARF, Lin et al. 2021)."""

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from nfield.cameras import Cameras, intersect_box
from nfield.types import Box, Rays

_LEAST_ANGLE = 1e-12


class PoseRefinement(nn.Module):
    """A turn and a shift of each camera in the world frame, zero at first.

    While a scene is learned along, their means over all cameras are taken away: a common motion of all cameras would
    only move the scene, and views that are not trained on would no longer fit.

    Args:
        views: How many cameras there are.
        unit: Length in which shifts are learned, metres: the cameras' distance, so that turns and shifts of one size
            move pixels equally far.
        centered: Whether their means are taken away.
    """

    def __init__(self, views: int, *, unit: float, centered: bool = True) -> None:
        super().__init__()
        self._unit, self._centered = unit, centered
        self.turns = nn.Parameter(torch.zeros(views, 3))
        self.shifts = nn.Parameter(torch.zeros(views, 3))

    def rays(
        self, cameras: Cameras, camera: Int[Tensor, "r"], pixels: Float[Tensor, "r 2"], *, box: Box, near: float
    ) -> Rays:
        """As `Cameras.rays` of the corrected cameras; origins and directions are differentiable in the corrections."""
        origins, dirs = cameras.directions(camera, pixels)
        turns, shifts = self._corrections()
        origins, dirs = origins + shifts[camera], turned(dirs, turns[camera])
        with torch.no_grad():
            start, end = intersect_box(origins, dirs, box)
            start = start.clamp_min(near)
        return Rays(origins, dirs, start, torch.maximum(end, start))

    @torch.no_grad()
    def cameras(self, cameras: Cameras) -> Cameras:
        """The corrected cameras."""
        turns, shifts = self._corrections()
        pose = cameras.world_from_camera.clone()
        for axis in range(3):
            pose[:, :3, axis] = turned(pose[:, :3, axis], turns)
        pose[:, :3, 3] += shifts
        return replace(cameras, world_from_camera=pose)

    def _corrections(self) -> tuple[Float[Tensor, "k 3"], Float[Tensor, "k 3"]]:
        """Axis-angle vectors, radians, and shifts, metres, of the world frame."""
        if not self._centered:
            return self.turns, self.shifts * self._unit
        return self.turns - self.turns.mean(0), (self.shifts - self.shifts.mean(0)) * self._unit


def turned(vectors: Float[Tensor, "n 3"], turns: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
    """Vectors turned about axes by angles, radians (Rodrigues' formula); differentiable in both, at no turn too.

    Args:
        vectors: What is turned.
        turns: Axes, as long as the angles are large.

    >>> turned(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, torch.pi / 2]])).round().abs().tolist()
    [[0.0, 1.0, 0.0]]
    """
    angle = (turns.square().sum(-1, keepdim=True) + _LEAST_ANGLE**2).sqrt()
    once = torch.linalg.cross(turns, vectors)
    first, second = torch.sinc(angle / torch.pi), 0.5 * torch.sinc(angle / (2.0 * torch.pi)).square()
    return vectors + first * once + second * torch.linalg.cross(turns, once)
