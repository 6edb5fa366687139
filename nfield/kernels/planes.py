"""Vector-matrix lookup (TensoRF, Chen et al. 2022, equation 8): three planes times three lines, times a basis.

Component r of mode i is M_{i,r} at two coordinates times v_{i,r} at the third. Nodes lie at both ends of [0, 1].
Channels are contiguous, so that the native core reads one row for each corner of a cell.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.kernels import native_core
from nfield.kernels.nodes import between_nodes, require_nodes
from nfield.kernels.zeroed import zeroed_like

PLANE_AXES = ((0, 1), (0, 2), (1, 2))
"""Axes of each plane: the slower and the faster index."""
LINE_AXES = (2, 1, 0)
"""Axis of the line that belongs to each plane."""


def vector_matrix_reference(
    unit: Float[Tensor, "n 3"],
    planes: Float[Tensor, "3 k k c"],
    lines: Float[Tensor, "3 k c"],
    basis: Float[Tensor, "f m"],
    *,
    rounding: torch.dtype | None = None,
) -> Float[Tensor, "n f"]:
    """The torch twin of `vector_matrix`: any device and precision, differentiable; `rounding` as in `between_nodes`."""
    places = [between_nodes(axis, planes.shape[1], rounding=rounding) for axis in unit.unbind(-1)]
    products = []
    for plane, line, (first, second), across in zip(planes, lines, PLANE_AXES, LINE_AXES, strict=True):
        (i, a), (j, b), (k, c) = (
            (cell, place[:, None]) for cell, place in (places[first], places[second], places[across])
        )
        matrix = (1.0 - a) * ((1.0 - b) * plane[i, j] + b * plane[i, j + 1])
        matrix = matrix + a * ((1.0 - b) * plane[i + 1, j] + b * plane[i + 1, j + 1])
        products.append(matrix * ((1.0 - c) * line[k] + c * line[k + 1]))
    return torch.cat(products, -1) @ basis.T


@torch.library.custom_op("nfield::vector_matrix", mutates_args=())
def _native(unit: Tensor, planes: Tensor, lines: Tensor, basis: Tensor) -> Tensor:
    out = unit.new_empty(len(unit), len(basis))
    arrays = [native_core.array(t) for t in (unit, planes, lines, basis)]
    native_core.require().vector_matrix(*arrays, out, torch.get_num_threads())
    return out


@_native.register_fake
def _(unit: Tensor, planes: Tensor, lines: Tensor, basis: Tensor) -> Tensor:
    return unit.new_empty(len(unit), len(basis))


@torch.library.custom_op("nfield::vector_matrix_backward", mutates_args=())
def _native_backward(
    unit: Tensor, planes: Tensor, lines: Tensor, basis: Tensor, grad: Tensor, to_basis: bool, to_points: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    grad_planes, grad_lines = zeroed_like(planes), torch.empty_like(lines, memory_format=torch.contiguous_format)
    grad_basis = basis.new_empty(len(basis) if to_basis else 0, basis.shape[1])
    grad_points = unit.new_empty(len(unit) if to_points else 0, 3)
    arrays = [native_core.array(t) for t in (unit, planes, lines, basis, grad)]
    grads = (grad_planes, grad_lines, grad_basis, grad_points)
    native_core.require().vector_matrix_backward(*arrays, *grads, torch.get_num_threads())
    return grads


@_native_backward.register_fake
def _(unit, planes, lines, basis, grad, to_basis, to_points):  # noqa: ANN001, ANN202 (shapes only; typed above)
    basis_rows, points = len(basis) if to_basis else 0, len(unit) if to_points else 0
    dense = torch.empty_like(planes), torch.empty_like(lines)
    return *dense, basis.new_empty(basis_rows, basis.shape[1]), unit.new_empty(points, 3)


def _setup(ctx, inputs, output) -> None:  # noqa: ANN001 (torch's own types)
    ctx.save_for_backward(*inputs)


def _backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor, Tensor, Tensor | None]:  # noqa: ANN001 (torch's own type has no public fields)
    to_points, to_basis = ctx.needs_input_grad[0], ctx.needs_input_grad[3]
    planes, lines, basis, points = _native_backward(*ctx.saved_tensors, grad, to_basis, to_points)
    return (points if to_points else None), planes, lines, (basis if to_basis else None)


_native.register_autograd(_backward, setup_context=_setup)


def vector_matrix(
    unit: Float[Tensor, "n 3"],
    planes: Float[Tensor, "3 k k c"],
    lines: Float[Tensor, "3 k c"],
    basis: Float[Tensor, "f m"],
) -> Float[Tensor, "n f"]:
    """Features of points from a vector-matrix decomposition; differentiable in all arguments.

    The products of planes and lines are multiplied by the basis before they are written anywhere: a basis of one
    row of ones is their sum, as for a density.

    Args:
        unit: Points in [0, 1]^3; others are clamped to it.
        planes: Matrices over the axes `PLANE_AXES`, with k nodes an edge and c components.
        lines: Vectors over the axes `LINE_AXES`.
        basis: Makes f features of the m = 3 c products, those of the first plane first.
    """
    require_nodes(planes.shape[1])
    if native_core.runs_natively(unit, planes, lines, basis):
        return _native(unit, planes, lines, basis)
    return vector_matrix_reference(unit, planes, lines, basis)
