"""Surfaces around a vertical axis of the T-pose: a distance for each height and azimuth.

Azimuth 0 points forward (+z), a quarter turn to the body's left (+x). Rows run from the top to the hem, whose height
may differ from azimuth to azimuth.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import ConvexHull, QhullError


@dataclass(frozen=True)
class Tube:
    """A surface around an axis.

    Attributes:
        axis: x and z of the vertical axis, metres.
        azimuths: Of the columns, radians, evenly around the axis.
        heights: y of each grid point, metres, falling with the rows.
        radii: Distance from the axis, metres.
        present: Grid points that belong to the surface.
    """

    axis: tuple[float, float]
    azimuths: Float[np.ndarray, "n"]
    heights: Float[np.ndarray, "m n"]
    radii: Float[np.ndarray, "m n"]
    present: Bool[np.ndarray, "m n"]

    def points(self) -> Float[np.ndarray, "m n 3"]:
        """The grid points in the T-pose, metres."""
        x = self.axis[0] + self.radii * np.sin(self.azimuths)
        z = self.axis[1] + self.radii * np.cos(self.azimuths)
        return np.stack([x, self.heights, z], -1)

    def outward(self) -> Float[np.ndarray, "m n 3"]:
        """Unit directions away from the axis."""
        flat = np.stack([np.sin(self.azimuths), np.zeros_like(self.azimuths), np.cos(self.azimuths)], -1)
        return np.broadcast_to(flat, (*self.radii.shape, 3)).copy()

    def column(self, azimuth: float) -> int:
        """The column nearest to an azimuth, radians."""
        return int(np.argmax(np.cos(self.azimuths - azimuth)))

    def with_radii(self, radii: Float[np.ndarray, "m n"]) -> "Tube":
        """The same grid at other distances from the axis."""
        return replace(self, radii=radii)


def even_azimuths(count: int) -> Float[np.ndarray, "n"]:
    """`count` azimuths from -pi (behind) on, radians."""
    return -np.pi + 2.0 * np.pi * np.arange(count) / count


def row_heights(top: float, hem: Float[np.ndarray, "n"], rows: int) -> Float[np.ndarray, "m n"]:
    """Heights from the top to each column's hem in even steps, metres."""
    share = np.linspace(0.0, 1.0, rows)[:, None]
    return top + share * (hem - top)


@dataclass(frozen=True)
class Sections:
    """How far a body reaches from an axis, by height and azimuth.

    Attributes:
        levels: Heights, metres, rising evenly.
        azimuths: Radians, evenly around the axis.
        radii: Metres, for each level and azimuth.
    """

    levels: Float[np.ndarray, "l"]
    azimuths: Float[np.ndarray, "n"]
    radii: Float[np.ndarray, "l n"]

    def at(self, heights: Float[np.ndarray, "m n"]) -> Float[np.ndarray, "m n"]:
        """Metres at heights given per azimuth; those beyond the levels take the nearest one."""
        step = self.levels[1] - self.levels[0]
        place = ((heights - self.levels[0]) / step).clip(0.0, len(self.levels) - 1.001)
        low = place.astype(np.int64)
        share = place - low
        column = np.arange(len(self.azimuths))
        return (1.0 - share) * self.radii[low, column] + share * self.radii[low + 1, column]

    def convex(self) -> "Sections":
        """The convex hull of each section: what cloth that spans both legs can reach."""
        return replace(self, radii=np.stack([convex_radii(row, self.azimuths) for row in self.radii]))


def body_sections(
    points: Float[np.ndarray, "p 3"],
    axis: tuple[float, float],
    azimuths: Float[np.ndarray, "n"],
    *,
    bottom: float,
    top: float,
    step: float = 0.01,
) -> Sections:
    """The largest distances of points that sample a body, where it has any; narrow gaps are closed.

    Args:
        points: On the body's surface, closer together than `step`, metres.
        axis: x and z of the axis, metres.
        azimuths: Evenly around it from -pi on, radians.
        bottom: Lowest level, metres.
        top: Highest level, metres.
        step: Distance of the levels, metres.
    """
    levels = np.arange(bottom, top + step, step)
    across, forward = points[:, 0] - axis[0], points[:, 2] - axis[1]
    radius = np.hypot(across, forward)
    count = len(azimuths)
    turn = np.round((np.arctan2(across, forward) + np.pi) / (2.0 * np.pi) * count).astype(np.int64) % count
    level = np.round((points[:, 1] - bottom) / step).astype(np.int64)
    kept = (level >= 0) & (level < len(levels))
    radii = np.zeros((len(levels), count))
    np.maximum.at(radii, (level[kept], turn[kept]), radius[kept])
    return Sections(levels, azimuths, radii)


def convex_radii(radii: Float[np.ndarray, "n"], azimuths: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Where rays from the axis leave the convex hull of a section; as it was where the hull does not hold the axis."""
    points = np.stack([radii * np.sin(azimuths), radii * np.cos(azimuths)], 1)
    try:
        normals = ConvexHull(points[radii > 1e-6]).equations
    except (QhullError, ValueError):
        return radii
    along = np.sin(azimuths)[:, None] * normals[:, 0] + np.cos(azimuths)[:, None] * normals[:, 1]
    reach = -normals[:, 2] / np.where(along > 1e-6, along, np.nan)
    hull = np.nanmin(reach, axis=1)
    return np.where(hull > 0.0, np.maximum(hull, radii), radii)


def surface_samples(
    vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "t 3"], *, spacing: float = 0.008
) -> Float[np.ndarray, "p 3"]:
    """Points on triangles, at most about `spacing` metres apart.

    Args:
        vertices: Metres.
        faces: Corners of each triangle.
        spacing: Metres.
    """
    triangle = vertices[faces]
    longest = np.linalg.norm(triangle - np.roll(triangle, 1, axis=1), axis=-1).max()
    count = max(1, int(np.ceil(longest / spacing)))
    i, j = np.meshgrid(np.arange(count + 1), np.arange(count + 1), indexing="ij")
    kept = i + j <= count
    share = np.stack([i[kept], j[kept], count - i[kept] - j[kept]], 1) / count
    return (share @ triangle).reshape(-1, 3)
