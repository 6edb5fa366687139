"""Trilinear interpolation in a dense grid with nodes at both ends of [0, 1] and contiguous channels."""

import itertools

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.kernels import native_core
from nfield.kernels.nodes import between_nodes, require_nodes
from nfield.kernels.zeroed import zeroed_like


def trilinear_reference(
    unit: Float[Tensor, "n 3"], grid: Float[Tensor, "z y x c"], *, rounding: torch.dtype | None = None
) -> Float[Tensor, "n c"]:
    """The torch twin of `trilinear`: any device and precision, differentiable; `rounding` as in `between_nodes`."""
    sizes = grid.shape[2::-1]
    axes = zip(unit.unbind(-1), sizes, strict=True)
    places = [between_nodes(axis, nodes, rounding=rounding) for axis, nodes in axes]
    total = unit.new_zeros(len(unit), grid.shape[-1]).to(grid.dtype)
    for corner in itertools.product((0, 1), repeat=3):
        x, y, z = (cell + step for (cell, _), step in zip(places, corner, strict=True))
        weights = [place if step else 1.0 - place for (_, place), step in zip(places, corner, strict=True)]
        total = total + (weights[0] * weights[1] * weights[2])[:, None] * grid[z, y, x]
    return total


@torch.library.custom_op("nfield::trilinear", mutates_args=())
def _native(unit: Tensor, grid: Tensor) -> Tensor:
    out = unit.new_empty(len(unit), grid.shape[-1])
    native_core.require().trilinear(native_core.array(unit), native_core.array(grid), out, torch.get_num_threads())
    return out


@_native.register_fake
def _(unit: Tensor, grid: Tensor) -> Tensor:
    return unit.new_empty(len(unit), grid.shape[-1])


@torch.library.custom_op("nfield::trilinear_backward", mutates_args=())
def _native_backward(unit: Tensor, grid: Tensor, grad: Tensor, to_points: bool) -> tuple[Tensor, Tensor]:
    grad_grid, grad_points = zeroed_like(grid), unit.new_empty(len(unit) if to_points else 0, 3)
    arrays = [native_core.array(t) for t in (unit, grid, grad)]
    native_core.require().trilinear_backward(*arrays, grad_grid, grad_points, torch.get_num_threads())
    return grad_grid, grad_points


@_native_backward.register_fake
def _(unit: Tensor, grid: Tensor, grad: Tensor, to_points: bool) -> tuple[Tensor, Tensor]:
    return torch.empty_like(grid), unit.new_empty(len(unit) if to_points else 0, 3)


def _setup(ctx, inputs, output) -> None:  # noqa: ANN001 (torch's own types)
    ctx.save_for_backward(*inputs)


def _backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor]:  # noqa: ANN001 (torch's own type has no public fields)
    to_points = ctx.needs_input_grad[0]
    grad_grid, grad_points = _native_backward(*ctx.saved_tensors, grad, to_points)
    return (grad_points if to_points else None), grad_grid


_native.register_autograd(_backward, setup_context=_setup)


def trilinear(unit: Float[Tensor, "n 3"], grid: Float[Tensor, "z y x c"]) -> Float[Tensor, "n c"]:
    """Values of points in a dense grid; differentiable in points and grid.

    Args:
        unit: Points (x, y, z) in [0, 1]^3; others are clamped to it.
        grid: Values at the nodes, at least two along each axis; the first lie at 0, the last at 1.

    >>> grid = torch.arange(8.0).view(2, 2, 2, 1)  # x + 2 y + 4 z
    >>> trilinear(torch.tensor([[0.5, 1.0, 0.25]]), grid).item()
    3.5
    """
    require_nodes(*grid.shape[:3])
    if native_core.runs_natively(unit, grid):
        return _native(unit, grid)
    return trilinear_reference(unit, grid)
