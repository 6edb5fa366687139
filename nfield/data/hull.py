"""Where an object is, from its silhouettes: the box around its visual hull, at any scale and place.

Cells of a grid survive that many cameras see and none sees before nothing but background. The grid is laid anew in the
box around the survivors until that no longer shrinks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nfield.cameras import Cameras
from nfield.data.region import Region, focus_point
from nfield.types import Box

_CELLS = 40
_ROUNDS = 12
_SETTLED = 0.95
_MOST_VIEWS = 64
_EDGE = 192
"""Pixels along the longer edge of a silhouette at most."""
_SEEN_SHARES = (0.5, 0.25, 0.1)
"""Shares of the views that must see a cell; the first that explains the silhouettes: pictures may show parts only."""
_FEWEST_SEEN = 2
_MARGIN = 1.06
_COVERED = 0.9
_CHECKED = 12


def silhouette_region(cameras: Cameras, solid: Sequence[Bool[Tensor, "_ _"]]) -> Region | None:
    """A cube around what silhouettes show, with a small margin; None where no solid explains them.

    Args:
        cameras: Of the pictures.
        solid: Of each picture, the pixels (rows, columns) that show something.
    """
    chosen = torch.arange(0, len(cameras), max(1, -(-len(cameras) // _MOST_VIEWS))).tolist()
    views = [_view(cameras, index, solid[index]) for index in chosen]
    start = _around_focus(cameras)
    for share in _SEEN_SHARES:
        box = _settled_box(start, views, max(_FEWEST_SEEN, math.ceil(share * len(views))))
        if box is not None:
            return Region.cubes(0.5 * (box.low + box.high), 0.5 * _MARGIN * float(box.size.max()))
    return None


def _settled_box(box: Box, views: Sequence["_View"], least: int) -> Box | None:
    """The box around what `least` views see and none denies; None where that leaves silhouettes unexplained."""
    for _ in range(_ROUNDS):
        grid = _grid(box)
        points = grid.points[_surviving(grid, views, least)]
        if not len(points):
            return None
        smaller = Box.around(points, margin=grid.radius / math.sqrt(3.0))
        if bool((smaller.size > _SETTLED * box.size).all()):
            return smaller if _explained(points, grid.radius, views) else None
        box = smaller
    return None


@dataclass(frozen=True)
class _View:
    """A silhouette with its camera.

    Attributes:
        camera: One camera, in pixels of `solid`.
        solid: The silhouette.
        levels: It, grown by 2^l rows and columns for each l.
    """

    camera: Cameras
    solid: Bool[Tensor, "h w"]
    levels: Bool[Tensor, "l h w"]


@dataclass(frozen=True)
class _Grid:
    """Middles of cells, metres, and half a cell's diagonal."""

    points: Float[Tensor, "n 3"]
    radius: float


def _view(cameras: Cameras, index: int, solid: Bool[Tensor, "h w"]) -> _View:
    factor = -(-max(solid.shape) // _EDGE)
    reduced = _any(solid, factor)
    camera = cameras[torch.tensor([index])]
    scale = torch.tensor([1.0 / factor, 1.0 / factor, 1.0])[:, None]
    height, width = reduced.shape
    camera = Cameras(
        camera.intrinsics * scale, camera.world_from_camera, (height, width), camera.distortion, camera.projection
    )
    levels, distance = [_grown(reduced, 1)], 1
    while distance < max(height, width):
        levels.append(_grown(levels[-1], distance))
        distance *= 2
    return _View(camera, reduced, torch.stack(levels))


def _any(solid: Bool[Tensor, "h w"], factor: int) -> Bool[Tensor, "h2 w2"]:
    pooled = torch.nn.functional.max_pool2d(solid[None].float(), factor, ceil_mode=True)
    return pooled[0] > 0.0


def _grown(solid: Bool[Tensor, "h w"], distance: int) -> Bool[Tensor, "h w"]:
    """The pixels of a silhouette and those `distance` rows and columns away; beyond the image nobody knows.

    A silhouette that has grown by a distance grows by as much again, without gaps.
    """
    for axis in (0, 1):
        if distance < solid.shape[axis]:
            parts = [solid, _shifted(solid, distance, axis), _shifted(solid, -distance, axis)]
            solid = torch.stack(parts).any(0)
        else:
            solid = torch.ones_like(solid)
    return solid


def _shifted(solid: Bool[Tensor, "h w"], distance: int, axis: int) -> Bool[Tensor, "h w"]:
    rolled = solid.roll(distance, axis)
    beyond = slice(0, distance) if distance > 0 else slice(distance, None)
    (rolled if axis == 0 else rolled.T)[beyond] = True
    return rolled


def _around_focus(cameras: Cameras) -> Box:
    center = focus_point(cameras)
    reach = float((cameras.origins - center).norm(dim=-1).max().clamp_min(1e-9))
    return Box(center - reach, center + reach)


def _grid(box: Box) -> _Grid:
    ticks = (torch.arange(_CELLS) + 0.5) / _CELLS
    return _Grid(box.world_from_unit(torch.cartesian_prod(ticks, ticks, ticks)), 0.5 * float(box.size.norm()) / _CELLS)


def _surviving(grid: _Grid, views: Sequence[_View], least: int) -> Bool[Tensor, "n"]:
    """Cells that at least `least` views see, and none sees before nothing."""
    seen_by = torch.zeros(len(grid.points), dtype=torch.int32)
    alive = torch.ones(len(grid.points), dtype=torch.bool)
    for view in views:
        seen, column, row, radius = _seen(grid.points, grid.radius, view)
        level = radius.clamp_min(1.0).log2().ceil().long()
        known = level < len(view.levels)
        met = view.levels[level.clamp_max(len(view.levels) - 1), row, column]
        alive &= ~seen | ~known | met
        seen_by += seen
    return alive & (seen_by >= least)


def _seen(
    points: Float[Tensor, "n 3"], radius: float, view: _View
) -> tuple[Bool[Tensor, "n"], Int[Tensor, "n"], Int[Tensor, "n"], Float[Tensor, "n"]]:
    """Whether points are in the image, their column and row, and how many pixels `radius` metres are there."""
    height, width = view.solid.shape
    pixels, depth = view.camera.project(points, 0)
    inside = ((pixels >= 0) & (pixels < pixels.new_tensor([width, height]))).all(-1) & (depth > radius)
    column, row = torch.where(inside[:, None], pixels, torch.zeros_like(pixels)).long().unbind(-1)
    focal = float(view.camera.focal_lengths.max())
    return inside, column, row, focal * radius / (depth - radius).clamp_min(1e-9)


def _explained(points: Float[Tensor, "n 3"], radius: float, views: Sequence[_View]) -> bool:
    """Whether the solid covers nearly all of each of some silhouettes."""
    shares: list[float] = []
    for view in views[:: max(1, -(-len(views) // _CHECKED))]:
        if not view.solid.any():
            continue
        seen, column, row, extent = _seen(points, radius, view)
        covered = torch.zeros_like(view.solid)
        covered[row[seen], column[seen]] = True
        reach = math.ceil(float(extent[seen].max())) if seen.any() else 0
        near = torch.nn.functional.max_pool2d(covered[None].float(), 2 * reach + 1, 1, reach)[0] > 0.0
        shares.append(float((near & view.solid).sum() / view.solid.sum()))
    return bool(shares) and sum(shares) / len(shares) >= _COVERED
