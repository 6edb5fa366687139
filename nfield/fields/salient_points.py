"""Points where a field is dense and its appearance changes: where kernels are worth having."""

from collections.abc import Iterator

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
def salient_points(
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
        least: Points that get a positive weight in any case: of light ones where those that are heavy enough are too
            few, and of all alike in an empty field.
        generator: Draws them.

    Returns:
        World points, and their weights, on the CPU.
    """
    step = float(box.size.max()) / _CELLS[1]
    edge = min(max(round((_CELLS_PER_POINT * count) ** (1 / 3)), _CELLS[0]), _CELLS[1])
    cells = torch.arange(edge**3)
    alpha = _alpha(field, _in_cells(cells, edge, box, generator), box, step)
    spread = torch.nn.functional.max_pool3d(alpha.view(1, 1, edge, edge, edge), 3, stride=1, padding=1)
    occupied = cells[spread.flatten() > _EMPTY]
    occupied = occupied if len(occupied) > 0 else cells
    turns = torch.arange(max(count, least))
    drawn = occupied[turns * len(occupied) // len(turns)]  # in the order of cells, so that neighbours stay together
    points = _in_cells(drawn, edge, box, generator)
    alpha = _alpha(field, points, box, step)
    slopes = torch.zeros_like(alpha)
    dense = alpha > _EMPTY
    slopes[dense] = _slope(field, points[dense], box)
    weights = alpha * slopes
    heavy = torch.where(weights >= _THRESHOLD * weights.mean(), weights, 0.0)
    choices = (heavy, weights, torch.ones_like(weights))
    return points, next(choice for choice in choices if int((choice > 0.0).sum()) >= least)


def _in_cells(cells: Int[Tensor, "n"], edge: int, box: Box, generator: torch.Generator | None) -> Float[Tensor, "n 3"]:
    """A random point in each of the cells, of which `edge` lie along an axis; x runs fastest."""
    corner = torch.stack([cells % edge, cells // edge % edge, cells // edge**2], -1)
    return _on_cpu(box).world_from_unit((corner + torch.rand(len(cells), 3, generator=generator)) / edge)


def _on_cpu(box: Box) -> Box:
    return Box(box.low.cpu(), box.high.cpu())


def _parts(points: Float[Tensor, "n 3"], box: Box) -> Iterator[Float[Tensor, "m 3"]]:
    """Points in chunks, where the box and with it the field is."""
    return (part.to(box.low.device) for part in points.split(_CHUNK))


def _alpha(field: Field, points: Float[Tensor, "n 3"], box: Box, step: float) -> Float[Tensor, "n"]:
    density = torch.cat([field.density(part).cpu() for part in _parts(points, box)])
    return 1.0 - torch.exp(-density * step)


def _slope(field: Field, points: Float[Tensor, "n 3"], box: Box) -> Float[Tensor, "n"]:
    """Norm of the central differences of the appearance, per step of a 512th of the box."""
    step = float(box.size.max()) * _STEP
    square = torch.zeros(len(points))
    for axis in torch.eye(3) * step:
        ahead, behind = (_appearance(field, points + side * axis, box) for side in (1.0, -1.0))
        square += (0.5 * (ahead - behind)).square().sum(-1)
    return square.sqrt()


def _appearance(field: Field, points: Float[Tensor, "n 3"], box: Box) -> Float[Tensor, "n f"]:
    features = (field.encode(part).feature[:, 1:].cpu() for part in _parts(points, box))
    return torch.cat([torch.zeros(0, field.feature_dim - 1), *features])
