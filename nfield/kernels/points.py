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


@torch.library.custom_op("nfield::sample_points", mutates_args=())
def _native_sample_points(origins: Tensor, dirs: Tensor, t0: Tensor, t1: Tensor, ray: Tensor) -> tuple[Tensor, Tensor]:
    points, directions = origins.new_empty(len(t0), 3), origins.new_empty(len(t0), 3)
    arrays = [native_core.array(t) for t in (origins, dirs, t0, t1, ray)]
    native_core.require().sample_points(*arrays, points, directions, torch.get_num_threads())
    return points, directions


@_native_sample_points.register_fake
def _(origins, dirs, t0, t1, ray):  # noqa: ANN001, ANN202 (shapes only; typed above)
    return origins.new_empty(len(t0), 3), origins.new_empty(len(t0), 3)


@torch.library.custom_op("nfield::sample_points_backward", mutates_args=())
def _native_sample_points_backward(
    t0: Tensor, t1: Tensor, ray: Tensor, grad_points: Tensor, grad_directions: Tensor, rays: int
) -> tuple[Tensor, Tensor]:
    grad_origins, grad_dirs = t0.new_empty(rays, 3), t0.new_empty(rays, 3)
    offsets = Samples(t0, t1, ray, rays).offsets()
    arrays = [native_core.array(t) for t in (t0, t1, offsets, grad_points, grad_directions)]
    native_core.require().sample_points_backward(*arrays, grad_origins, grad_dirs, torch.get_num_threads())
    return grad_origins, grad_dirs


@_native_sample_points_backward.register_fake
def _(t0, t1, ray, grad_points, grad_directions, rays):  # noqa: ANN001, ANN202 (shapes only; typed above)
    return t0.new_empty(rays, 3), t0.new_empty(rays, 3)


def _setup(ctx, inputs, output) -> None:  # noqa: ANN001 (torch's own types)
    origins, _, t0, t1, ray = inputs
    ctx.save_for_backward(t0, t1, ray)
    ctx.rays = len(origins)
    ctx.set_materialize_grads(True)


def _backward(ctx, grad_points: Tensor, grad_directions: Tensor):  # noqa: ANN001, ANN202 (torch's own types)
    grads = _native_sample_points_backward(*ctx.saved_tensors, grad_points, grad_directions, ctx.rays)
    return (*grads, None, None, None)


_native_sample_points.register_autograd(_backward, setup_context=_setup)


def sample_points(rays: Rays, samples: Samples) -> tuple[Float[Tensor, "s 3"], Float[Tensor, "s 3"]]:
    """Midpoint, metres in the world frame, and unit direction of every sample; differentiable in the rays."""
    tensors = (rays.origins, rays.dirs, samples.t0, samples.t1)
    if samples.t0.requires_grad or samples.t1.requires_grad or not native_core.runs_natively(*tensors):
        return sample_points_reference(rays, samples)
    return _native_sample_points(*tensors, samples.ray)


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
