"""How thick cloth is that was seen from one side only: a membrane between the edges of its outline.

The square of half the thickness, u, solves Poisson's equation -(u_xx + upright u_yy) = source over the outline's
inside, with u = 0 at the edges to the sides, free at the hem, and an obstacle from below. A source of 2 makes an
endless strip a circular tube, u = a^2 - x^2; a smaller one flattens it to an ellipse whose axes have the ratio
sqrt(source / 2).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.sparse.linalg import spsolve

_STIFF = 1e4
_ROUNDS = 20


@dataclass(frozen=True)
class Membrane:
    """A Poisson problem on a raster, first row on top.

    Attributes:
        inside: Pixels between the edges.
        source: Right-hand side, square metres per square metre.
        least: Obstacle: half the thickness is at least this, metres.
        fixed: Half the thickness where it is known, metres; NaN where it is not.
        spacing: Width of a pixel, metres.
        upright: Weight of the second derivative along the columns; less than 1 lets each height keep its own section.
        closed_top: Whether the thickness falls to 0 above the first row, too; otherwise it is free there.
    """

    inside: Bool[np.ndarray, "h w"]
    source: Float[np.ndarray, "h w"]
    least: Float[np.ndarray, "h w"]
    fixed: Float[np.ndarray, "h w"]
    spacing: float
    upright: float = 1.0
    closed_top: bool = False

    def half_thickness(self) -> Float[np.ndarray, "h w"]:
        """Metres; 0 outside. The obstacle is met by a primal-dual active set."""
        inside = self.inside
        if not inside.any():
            return np.zeros(inside.shape)
        matrix = _negative_laplacian(inside, upright=self.upright, closed_top=self.closed_top)
        right = self.source[inside] * self.spacing**2
        known = np.isfinite(self.fixed[inside])
        fixed = np.where(known, self.fixed[inside], 0.0) ** 2
        floor = np.where(known, 0.0, self.least[inside]) ** 2
        held = np.zeros(len(right), dtype=bool)
        solution = np.zeros(len(right))
        for _ in range(_ROUNDS):
            weight = np.where(known | held, _STIFF, 0.0)
            target = np.where(known, fixed, floor)
            system = sparse.csc_matrix(matrix + sparse.diags(weight))
            solution = np.asarray(spsolve(system, right + weight * target))
            # A held pixel stays held while the obstacle pushes it outwards.
            pushed = matrix @ solution - right > 0.0
            now = ~known & np.where(held, pushed, solution < floor - 1e-9)
            if (now == held).all():
                break
            held = now
        half = np.zeros(inside.shape)
        half[inside] = np.sqrt(np.maximum(solution, floor).clip(min=0.0))
        return half


def _negative_laplacian(inside: Bool[np.ndarray, "h w"], *, upright: float, closed_top: bool) -> sparse.csr_matrix:
    """Five-point stencil; 0 on the boundary half a pixel outside, free below the last and above the first row."""
    index = np.full(inside.shape, -1)
    index[inside] = np.arange(int(inside.sum()))
    rows = inside.any(1).nonzero()[0]
    row, column = inside.nonzero()
    count = len(row)
    diagonal = np.zeros(count)
    parts: list[sparse.coo_matrix] = []
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        other = _neighbour(index, row + down, column + right)
        met = other >= 0
        free = (row + down > rows[-1]) | ((row + down < rows[0]) & (not closed_top))
        weight = upright if down else 1.0
        diagonal += weight * np.where(met, 1.0, np.where(free, 0.0, 2.0))
        entries = (np.full(int(met.sum()), -weight), (np.arange(count)[met], other[met]))
        parts.append(sparse.coo_matrix(entries, shape=(count, count)))
    return sparse.csr_matrix(sum(parts, sparse.diags(diagonal)))


def _neighbour(
    index: Int[np.ndarray, "h w"], row: Int[np.ndarray, "n"], column: Int[np.ndarray, "n"]
) -> Int[np.ndarray, "n"]:
    height, width = index.shape
    there = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    return np.where(there, index[row.clip(0, height - 1), column.clip(0, width - 1)], -1)
