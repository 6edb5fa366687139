"""Six sheets of a person at rest, each seen from one side: how values of points come to lie on them, and back.

A point lies on the sheets that its normal looks out of, with the squares of the normal's parts as weights, which sum to
one (the "ambient cube" of McTaggart 2004). All sheets share their axes, x to the right and y upwards, so that front and
back of a place lie on top of each other. Places are those of a person of one stature: see `Stature`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

SIDES = 6
"""Sheets: the normal's positive x, y and z, then its negative ones."""

MIRRORED = (3, 1, 2, 0, 4, 5)
"""Which sheet each one is in the mirror, in which columns run backwards."""

CELL = 0.02
"""Edge of a cell of a sheet, metres of a person of `STATURE`."""

EDGE = 96
"""Rows and columns of a sheet."""

STATURE = 1.75
"""Metres to which everybody is scaled."""

_TINY = 1e-6
_CHUNK = 1 << 18
"""Points that are read at once: less memory."""


@dataclass(frozen=True)
class Stature:
    """How a body at rest is scaled and moved onto the sheets.

    Attributes:
        middle: Of its box, metres.
        scale: Factor.
    """

    middle: Float[Tensor, "3"]
    scale: float

    @staticmethod
    def of(body: Float[Tensor, "v 3"]) -> "Stature":
        """That of a body.

        Args:
            body: Its vertices at rest, without loose clothes, metres.
        """
        low, high = body.amin(0), body.amax(0)
        return Stature(0.5 * (low + high), STATURE / float(high[1] - low[1]))

    def places(self, rest: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Points on or around that body, as those of a person of `STATURE`, metres from the middle."""
        return (rest - self.middle) * self.scale


def shares(normal: Float[Tensor, "n 3"]) -> Float[Tensor, "6 n"]:
    """How much a point lies on each sheet.

    Args:
        normal: Unit normals at rest.

    >>> shares(torch.tensor([[0.0, 0.0, -1.0]]))[:, 0].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    """
    return torch.cat([normal.clamp_min(0.0), (-normal).clamp_min(0.0)], -1).square().T


def splat(
    place: Float[Tensor, "n 3"], normal: Float[Tensor, "n 3"], values: Float[Tensor, "n c"], weight: Float[Tensor, "n"]
) -> tuple[Float[Tensor, "6 c e e"], Float[Tensor, "6 e e"]]:
    """Means of values in the cells of all sheets, 0 in empty ones, and each sheet's share of what lies over a cell.

    Args:
        place: Of `Stature.places`.
        normal: Unit normals at rest.
        values: Of the points.
        weight: Of the points, not negative.
    """
    cell, share = _cell(place), shares(normal) * weight
    count, channels = EDGE * EDGE, values.shape[1]
    sums, total = values.new_zeros(SIDES, count, channels), values.new_zeros(SIDES, count)
    for side in range(SIDES):
        sums[side].index_add_(0, cell, values * share[side, :, None])
        total[side].index_add_(0, cell, share[side])
    means = torch.where(total[..., None] > _TINY, sums / total.clamp_min(_TINY)[..., None], 0.0)
    means = means.permute(0, 2, 1).reshape(SIDES, channels, EDGE, EDGE)
    return means, (total / total.sum(0).clamp_min(_TINY)).reshape(SIDES, EDGE, EDGE)


def read(
    sheets: Float[Tensor, "6 c e e"], place: Float[Tensor, "n 3"], normal: Float[Tensor, "n 3"]
) -> Float[Tensor, "n c"]:
    """Values of the sheets at points: bilinear, each sheet by its share; differentiable in the sheets.

    Args:
        sheets: Values.
        place: Of `Stature.places`.
        normal: Unit normals at rest.
    """
    parts = [
        _read(sheets, place[start : start + _CHUNK], normal[start : start + _CHUNK])
        for start in range(0, max(len(place), 1), _CHUNK)
    ]
    return torch.cat(parts)


def _read(
    sheets: Float[Tensor, "6 c e e"], place: Float[Tensor, "n 3"], normal: Float[Tensor, "n 3"]
) -> Float[Tensor, "n c"]:
    grid = place[:, :2] * place.new_tensor([1.0, -1.0]) * (2.0 / (EDGE * CELL))
    found = torch.nn.functional.grid_sample(
        sheets.flatten(0, 1)[None], grid[None, None], padding_mode="border", align_corners=False
    )
    by_side = found[0, :, 0].reshape(SIDES, sheets.shape[1], len(place))
    return (by_side * shares(normal)[:, None]).sum(0).T


def _cell(place: Float[Tensor, "n 3"]) -> Int[Tensor, "n"]:
    column = (place[:, 0] / CELL + EDGE / 2).long().clamp(0, EDGE - 1)
    row = (EDGE / 2 - place[:, 1] / CELL).long().clamp(0, EDGE - 1)
    return row * EDGE + column
