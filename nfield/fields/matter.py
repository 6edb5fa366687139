"""Points where a field holds matter whose appearance changes: where kernels are worth their place."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.fields.base import Field
from nfield.types import Box

_CELLS = (16, 128)
_CELLS_PER_POINT = 8
_STEP = 1.0 / 512.0
_THRESHOLD = 0.5
_EMPTY = 1e-3
_CHUNK = 1 << 18


@torch.no_grad()
def matter_points(
    field: Field, box: Box, count: int, *, least: int, generator: torch.Generator | None
) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n"]]:
    """Points of a box with the weights of NeuRBF's equation 10: (1 - exp(-density * step)) |gradient of the feature|.

    The paper's release evaluates a grid of 512^3. Here the box is first looked at in at most 128^3 cells, once in each
    at a random place; then points are drawn only from cells that hold something, and from those beside them. The step
    is a 128th of the box. Points of less than half of the mean weight count for nothing. The gradient is that of the
    appearance: of a feature without its first entry, the log-density of the backends that have one.

    Args:
        field: What is looked at.
        box: Where.
        count: Points to draw.
        least: Points that get a positive weight in any case, in an empty field too.
        generator: Draws them.

    Returns:
        World points, and their weights.
    """
    step = float(box.size.max()) / _CELLS[1]
    edge = min(max(round((_CELLS_PER_POINT * count) ** (1 / 3)), _CELLS[0]), _CELLS[1])
    cells = torch.arange(edge**3)
    alpha = _alpha(field, _in_cells(cells, edge, box, generator), step)
    spread = torch.nn.functional.max_pool3d(alpha.view(1, 1, edge, edge, edge), 3, stride=1, padding=1)
    occupied = cells[spread.flatten() > _EMPTY]
    occupied = occupied if len(occupied) > 0 else cells
    turns = torch.arange(max(count, least))
    drawn = occupied[turns * len(occupied) // len(turns)]  # in the order of cells, so that neighbours stay together
    points = _in_cells(drawn, edge, box, generator)
    alpha = _alpha(field, points, step)
    slopes = torch.zeros_like(alpha)
    matter = alpha > _EMPTY
    slopes[matter] = _slope(field, points[matter], box)
    weights = alpha * slopes
    kept = torch.where(weights >= _THRESHOLD * weights.mean(), weights, 0.0)
    return points, kept if int((kept > 0.0).sum()) >= least else torch.ones_like(weights)


def _in_cells(cells: Int[Tensor, "n"], edge: int, box: Box, generator: torch.Generator | None) -> Float[Tensor, "n 3"]:
    """A random point in each of the cells, of which `edge` lie along an axis; x runs fastest."""
    corner = torch.stack([cells % edge, cells // edge % edge, cells // edge**2], -1)
    return box.world_from_unit((corner + torch.rand(len(cells), 3, generator=generator)) / edge)


def _alpha(field: Field, points: Float[Tensor, "n 3"], step: float) -> Float[Tensor, "n"]:
    density = torch.cat([field.density(part) for part in points.split(_CHUNK)])
    return 1.0 - torch.exp(-density * step)


def _slope(field: Field, points: Float[Tensor, "n 3"], box: Box) -> Float[Tensor, "n"]:
    """Norm of the central differences of the appearance, per step of a 512th of the box."""
    step = float(box.size.max()) * _STEP
    square = torch.zeros(len(points))
    for axis in torch.eye(3) * step:
        ahead, behind = _appearance(field, points + axis), _appearance(field, points - axis)
        square += (0.5 * (ahead - behind)).square().sum(-1)
    return square.sqrt()


def _appearance(field: Field, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n f"]:
    return torch.cat(
        [torch.zeros(0, field.feature_dim - 1), *(field.encode(p).feature[:, 1:] for p in points.split(_CHUNK))]
    )
