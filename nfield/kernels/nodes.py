"""Places between the nodes of grids that have one at both ends of [0, 1], as the twins of several ops compute them."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def between_nodes(
    unit: Float[Tensor, "n"], nodes: int, *, rounding: torch.dtype | None = None
) -> tuple[Int[Tensor, "n"], Float[Tensor, "n"]]:
    """The node at or before each coordinate, and how far beyond it the coordinate lies in shares of a cell.

    Args:
        unit: Coordinates along an axis; those outside [0, 1] are clamped to it. Differentiable in the second result.
        nodes: Nodes along the axis, at least 2: the first at 0, the last at 1.
        rounding: Precision of the coordinate in nodes; that of `unit` by default. A double-precision reference of a
            single-precision op needs float32: between many nodes little is left of it for the place in a cell.

    >>> cell, place = between_nodes(torch.tensor([0.0, 0.3, 1.0]), 5)
    >>> cell.tolist(), [round(p, 6) for p in place.tolist()]
    ([0, 1, 3], [0.0, 0.2, 1.0])
    """
    exact = unit.clamp(0.0, 1.0) * (nodes - 1)
    coordinate = exact + (exact.to(rounding or exact.dtype).to(exact.dtype) - exact).detach()
    cell = coordinate.detach().long().clamp(0, nodes - 2)
    return cell, coordinate - cell


def require_nodes(*sizes: int) -> None:
    """Refuses grids without a cell: the native core reads two nodes along every axis.

    Args:
        sizes: Nodes along the axes.
    """
    if min(sizes) < 2:
        raise ValueError(f"nodes along the axes: are {sizes}, expected at least 2 each; give a larger grid")
