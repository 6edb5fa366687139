"""Canonical polyadic lookup (TensoRF, Chen et al. 2022, equation 3): products of three lines, one along each axis.

Component r is v_{1,r} at x times v_{2,r} at y times v_{3,r} at z. Nodes lie at both ends of [0, 1]. Channels are
contiguous, so that the native core reads one row for each node.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.kernels import native_core
from nfield.kernels.nodes import between_nodes, require_nodes


def line_products_reference(
    unit: Float[Tensor, "n 3"], lines: Float[Tensor, "3 k c"], *, rounding: torch.dtype | None = None
) -> Float[Tensor, "n c"]:
    """The torch twin of `line_products`: any device and precision, differentiable; `rounding` as in `between_nodes`."""
    product = torch.ones_like(unit[:, :1])
    for axis, line in zip(unit.unbind(-1), lines, strict=True):
        cell, place = between_nodes(axis, lines.shape[1], rounding=rounding)
        product = product * ((1.0 - place[:, None]) * line[cell] + place[:, None] * line[cell + 1])
    return product


@torch.library.custom_op("nfield::line_products", mutates_args=())
def _native(unit: Tensor, lines: Tensor) -> Tensor:
    out = unit.new_empty(len(unit), lines.shape[2])
    native_core.require().line_products(*(native_core.array(t) for t in (unit, lines)), out, torch.get_num_threads())
    return out


@_native.register_fake
def _(unit: Tensor, lines: Tensor) -> Tensor:
    return unit.new_empty(len(unit), lines.shape[2])


@torch.library.custom_op("nfield::line_products_backward", mutates_args=())
def _native_backward(unit: Tensor, lines: Tensor, grad: Tensor, to_points: bool) -> tuple[Tensor, Tensor]:
    grad_lines = torch.empty_like(lines, memory_format=torch.contiguous_format)
    grad_points = unit.new_empty(len(unit) if to_points else 0, 3)
    arrays = (native_core.array(t) for t in (unit, lines, grad))
    native_core.require().line_products_backward(*arrays, grad_lines, grad_points, torch.get_num_threads())
    return grad_lines, grad_points


@_native_backward.register_fake
def _(unit, lines, grad, to_points):  # noqa: ANN001, ANN202 (shapes only; typed above)
    return torch.empty_like(lines), unit.new_empty(len(unit) if to_points else 0, 3)


def _setup(ctx, inputs, output) -> None:  # noqa: ANN001 (torch's own types)
    ctx.save_for_backward(*inputs)


def _backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor]:  # noqa: ANN001 (torch's own type has no public fields)
    to_points = ctx.needs_input_grad[0]
    lines, points = _native_backward(*ctx.saved_tensors, grad, to_points)
    return (points if to_points else None), lines


_native.register_autograd(_backward, setup_context=_setup)


def line_products(unit: Float[Tensor, "n 3"], lines: Float[Tensor, "3 k c"]) -> Float[Tensor, "n c"]:
    """Products of three interpolated lines at points; differentiable in both arguments.

    Args:
        unit: Points in [0, 1]^3; others are clamped to it.
        lines: Along x, y and z, with k nodes and c components.

    >>> line_products(torch.tensor([[0.0, 0.5, 1.0]]), torch.tensor([[[1.0], [2.0]]]).expand(3, 2, 1)).tolist()
    [[3.0]]
    """
    require_nodes(lines.shape[1])
    if native_core.runs_natively(unit, lines):
        return _native(unit, lines)
    return line_products_reference(unit, lines)
