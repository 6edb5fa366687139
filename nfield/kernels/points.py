"""Points of packed samples, and points as coordinates of a box."""

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.kernels import native_core
from nfield.types import Box, Rays, Samples


def sample_points_reference(rays: Rays, samples: Samples) -> tuple[Float[Tensor, "s 3"], Float[Tensor, "s 3"]]:
    """The torch twin of `sample_points`; differentiable in the rays."""
    dirs = rays.dirs[samples.ray]
    middle = 0.5 * (samples.t0 + samples.t1)
    return torch.addcmul(rays.origins[samples.ray], dirs, middle[:, None]), dirs


def sample_points(rays: Rays, samples: Samples) -> tuple[Float[Tensor, "s 3"], Float[Tensor, "s 3"]]:
    """Midpoint, metres in the world frame, and unit direction of every sample; differentiable in the rays."""
    tensors = (rays.origins, rays.dirs, samples.t0, samples.t1)
    if any(t.requires_grad for t in tensors) or not native_core.runs_natively(*tensors):
        return sample_points_reference(rays, samples)
    points, directions = rays.origins.new_empty(len(samples), 3), rays.origins.new_empty(len(samples), 3)
    arrays = [native_core.array(t) for t in (*tensors, samples.ray)]
    native_core.require().sample_points(*arrays, points, directions, torch.get_num_threads())
    return points, directions


def place_in_box_reference(box: Box, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n"]]:
    """The torch twin of `place_in_box`."""
    unit = box.unit_from_world(points)
    return unit, ((unit >= 0.0) & (unit <= 1.0)).all(-1).to(points.dtype)


def place_in_box(box: Box, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n"]]:
    """Coordinates of world points in [0, 1]^3 of a box, and their presence: 1 inside, 0 outside; differentiable."""
    if points.requires_grad or not native_core.runs_natively(points, box.low, box.high):
        return place_in_box_reference(box, points)
    unit, presence = torch.empty_like(points, memory_format=torch.contiguous_format), points.new_empty(len(points))
    arrays = [native_core.array(t) for t in (points, box.low, box.size)]
    native_core.require().place_in_box(*arrays, unit, presence, torch.get_num_threads())
    return unit, presence
