"""What lenses do: directions of the camera frame to points of the image plane and back, and distortion in that plane.

A point of the plane times the focal length, plus the principal point, is a pixel. How a direction becomes a point is
the lens's `Projection`; one polynomial then moves the point, whatever the projection was (OpenCV's rational and thin
prism model with one more radial term, which the fisheye models of OpenCV and COLMAP have).
"""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

COEFFICIENTS = 13
"""k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 in OpenCV's order, and the factor of r^8 in the numerator."""

_NEWTON_STEPS = 10
_LONGEST_STEP = 0.25
_SMALL = 1e-9
_CLOSE = 2e-7
_WIDEST = math.pi
_GRID = 256


class Projection(IntEnum):
    """How directions become points of the plane."""

    PERSPECTIVE = 0
    """(x / z, y / z)."""
    EQUIDISTANT = 1
    """The angle from the optical axis is the distance from the middle: fisheye lenses."""
    EQUIRECTANGULAR = 2
    """Longitude and latitude: panoramas of the whole sphere."""


class _Mapping(Protocol):
    """One projection, both ways."""

    def plane(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n"]]:
        """Points of the plane, and how far away points of the camera frame are; not positive where out of sight."""
        ...

    def direction(self, plane: Float[Tensor, "n 2"]) -> Float[Tensor, "n 3"]:
        """A direction of any length for each point of the plane."""
        ...


@dataclass(frozen=True)
class _Perspective:
    def plane(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n"]]:
        depth = points[:, 2]
        return points[:, :2] / depth.clamp_min(_SMALL)[:, None], depth

    def direction(self, plane: Float[Tensor, "n 2"]) -> Float[Tensor, "n 3"]:
        return torch.cat([plane, torch.ones_like(plane[:, :1])], -1)


@dataclass(frozen=True)
class _Equidistant:
    def plane(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n"]]:
        across = points[:, :2].norm(dim=-1)
        angle = torch.atan2(across, points[:, 2])
        return points[:, :2] * (angle / across.clamp_min(_SMALL))[:, None], points.norm(dim=-1)

    def direction(self, plane: Float[Tensor, "n 2"]) -> Float[Tensor, "n 3"]:
        angle = plane.norm(dim=-1, keepdim=True)
        return torch.cat([plane * torch.sinc(angle / math.pi), angle.cos()], -1)


@dataclass(frozen=True)
class _Equirectangular:
    def plane(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n"]]:
        x, y, z = points.unbind(-1)
        return torch.stack([torch.atan2(x, z), torch.atan2(y, torch.hypot(x, z))], -1), points.norm(dim=-1)

    def direction(self, plane: Float[Tensor, "n 2"]) -> Float[Tensor, "n 3"]:
        longitude, latitude = plane.unbind(-1)
        flat = latitude.cos()
        return torch.stack([flat * longitude.sin(), latitude.sin(), flat * longitude.cos()], -1)


_MAPPINGS: dict[Projection, _Mapping] = {
    Projection.PERSPECTIVE: _Perspective(),
    Projection.EQUIDISTANT: _Equidistant(),
    Projection.EQUIRECTANGULAR: _Equirectangular(),
}


def plane_of(points: Float[Tensor, "n 3"], projection: Projection) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n"]]:
    """Undistorted points of the image plane, and distances, of points of the camera frame.

    Distances, metres, are along the optical axis in perspective, from the optical centre otherwise; those of points
    that a lens cannot see are not positive.
    """
    return _MAPPINGS[projection].plane(points)


def directions_of(plane: Float[Tensor, "n 2"], projection: Int[Tensor, "n"] | None) -> Float[Tensor, "n 3"]:
    """Directions, of any length, through undistorted points of the image plane.

    Args:
        plane: The points.
        projection: That of each point; None where all are in perspective.
    """
    if projection is None:
        return _MAPPINGS[Projection.PERSPECTIVE].direction(plane)
    result = plane.new_zeros(len(plane), 3)
    for value in projection.unique().tolist():
        chosen = projection == value
        result[chosen] = _MAPPINGS[Projection(value)].direction(plane[chosen])
    return result


def distort(plane: Float[Tensor, "n 2"], coefficients: Float[Tensor, "n d"]) -> Float[Tensor, "n 2"]:
    """OpenCV's distortion of points of the plane, with radial, tangential and thin prism terms.

    Args:
        plane: The points, ideal.
        coefficients: The first d of `COEFFICIENTS`, at least 4; those left out are 0.
    """
    x, y = plane.unbind(-1)
    p1, p2 = coefficients[:, 2], coefficients[:, 3]
    square = x * x + y * y
    radial, _ = _radial(square, coefficients)
    moved = torch.stack(
        [
            x * radial + 2.0 * p1 * x * y + p2 * (square + 2.0 * x * x),
            y * radial + p1 * (square + 2.0 * y * y) + 2.0 * p2 * x * y,
        ],
        -1,
    )
    if coefficients.shape[1] < 12:
        return moved
    prism = coefficients[:, 8:12].view(-1, 2, 2)
    return moved + prism[:, :, 0] * square[:, None] + prism[:, :, 1] * square.square()[:, None]


def undistort(plane: Float[Tensor, "n 2"], coefficients: Float[Tensor, "n d"]) -> Float[Tensor, "n 2"]:
    """The inverse of `distort`, by Newton's method; where it has none, a point near the fold."""
    ideal = plane
    for _ in range(_NEWTON_STEPS):
        error = distort(ideal, coefficients) - plane
        if not bool((error.abs() > _CLOSE).any()):
            break
        ideal = ideal - _newton_step(ideal, error, coefficients)
    return ideal


def reach(coefficients: Float[Tensor, "d"]) -> float:
    """Largest distance from the middle up to which the radial distortion grows: no lens shows what lies beyond.

    Infinite where it grows everywhere within half a turn (fisheye), or 72 degrees (perspective).
    """
    radius = torch.linspace(0.0, _WIDEST, _GRID, dtype=torch.float64, device=coefficients.device)
    square = radius * radius
    radial, slope = _radial(square, coefficients.to(torch.float64)[None].expand(_GRID, -1))
    folded = ((radial + 2.0 * square * slope <= 0.0) | (radial <= 0.0)).nonzero()[:, 0]
    return float(radius[folded[0]]) if len(folded) else math.inf


def in_reach(plane: Float[Tensor, "n 2"], coefficients: Float[Tensor, "d"]) -> Bool[Tensor, "n"]:
    """Whether ideal points of the plane lie where a lens shows them once, and not again behind the fold."""
    return plane.norm(dim=-1) < reach(coefficients)


def _radial(square: Float[Tensor, "n"], c: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]]:
    """The radial factor for squared distances from the middle, and its derivative by them."""
    above, slope = 1.0 + square * (c[:, 0] + square * c[:, 1]), c[:, 0] + 2.0 * square * c[:, 1]
    cube = square.square() * square
    if c.shape[1] > 4:
        above, slope = above + c[:, 4] * cube, slope + 3.0 * c[:, 4] * square.square()
    if c.shape[1] > 12:
        above, slope = above + c[:, 12] * cube * square, slope + 4.0 * c[:, 12] * cube
    if c.shape[1] > 5:
        below = 1.0 + square * (c[:, 5] + square * (c[:, 6] + square * c[:, 7]))
        below_slope = c[:, 5] + square * (2.0 * c[:, 6] + 3.0 * square * c[:, 7])
        above, slope = above / below, (slope - above / below * below_slope) / below
    return above, slope


def _newton_step(
    ideal: Float[Tensor, "n 2"], error: Float[Tensor, "n 2"], c: Float[Tensor, "n d"]
) -> Float[Tensor, "n 2"]:
    """The error over the derivatives of `distort`, at most a quarter of a focal length long."""
    x, y = ideal.unbind(-1)
    square = x * x + y * y
    radial, slope = _radial(square, c)
    p1, p2 = c[:, 2], c[:, 3]
    mixed = 2.0 * (x * y * slope + p1 * x + p2 * y)
    xx = radial + 2.0 * x * x * slope + 2.0 * p1 * y + 6.0 * p2 * x
    yy = radial + 2.0 * y * y * slope + 6.0 * p1 * y + 2.0 * p2 * x
    xy = yx = mixed
    if c.shape[1] >= 12:
        across, down = (2.0 * (c[:, i] + 2.0 * square * c[:, i + 1]) for i in (8, 10))
        xx, xy, yx, yy = xx + across * x, xy + across * y, yx + down * x, yy + down * y
    determinant = xx * yy - xy * yx
    safe = torch.where(determinant.abs() < _SMALL, torch.full_like(determinant, _SMALL), determinant)
    step = torch.stack([yy * error[:, 0] - xy * error[:, 1], xx * error[:, 1] - yx * error[:, 0]], -1) / safe[:, None]
    return step * (_LONGEST_STEP / step.norm(dim=-1, keepdim=True).clamp_min(_LONGEST_STEP))
