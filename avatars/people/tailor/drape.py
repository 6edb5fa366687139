"""Where cloth hangs around the trunk, an arm or a leg: outside the convex hull of each slice, falling from wide places.

A limb is seen in local coordinates: `along` it (falling from the trunk), and two across. The body is symmetric, so both
arms are one limb, and both legs.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates

from avatars.body import BodyModel

_STEP = 0.01
_APART = 0.003
"""Limbs stay at least this far from the middle of the body, metres: wide trouser legs lie flat against each other."""

_ANGLES = 128


@dataclass(frozen=True)
class Limb:
    """Local coordinates of a part of the body.

    Attributes:
        axes: Which of x, y, z lies along the limb, and which two across it.
        sign: 1 where the limb falls along the negative axis, -1 where along the positive.
        mirrored: Whether the body's two sides are looked at as one.
    """

    axes: tuple[int, int, int]
    sign: float
    mirrored: bool

    def local(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Along and across."""
        seen = points * [1.0, 1.0, 1.0]
        if self.mirrored:
            seen[:, 0] = np.abs(seen[:, 0])
        return seen[:, self.axes] * [self.sign, 1.0, 1.0]

    def back(self, local: Float[np.ndarray, "n 3"], points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """From local coordinates, on the side that `points` are on."""
        result = np.empty_like(points)
        result[:, self.axes] = local * [self.sign, 1.0, 1.0]
        if self.mirrored:
            result[:, 0] = np.maximum(result[:, 0], _APART) * np.where(points[:, 0] < 0, -1.0, 1.0)
        return result


TRUNK = Limb((1, 0, 2), 1.0, False)
LEG = Limb((1, 0, 2), 1.0, True)
ARM = Limb((0, 1, 2), -1.0, True)


@dataclass(frozen=True)
class Drape:
    """Radii of cloth around an axis.

    Attributes:
        limb: What it hangs around.
        top: The `along` of the first row, metres; each further row lies `_STEP` lower.
        centers: The axis at each row, across coordinates, metres.
        radii: At each row and angle, metres.
    """

    limb: Limb
    top: float
    centers: Float[np.ndarray, "h 2"]
    radii: Float[np.ndarray, "h a"]

    def hang(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Where the cloth lies in the direction of each point, at its height."""
        local = self.limb.local(points)
        center, _, angle = self._polar(local)
        radius = self.radius(local[:, 0], angle)
        moved = local.copy()
        moved[:, 1:] = center + radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], 1)
        return self.limb.back(moved, points)

    def radius(self, along: Float[np.ndarray, "n"], angle: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
        """Metres from the axis; the angle runs from the second across coordinate to the first."""
        row = np.clip((self.top - along) / _STEP, 0, len(self.radii) - 1)
        column = (angle / (2 * np.pi) * _ANGLES) % _ANGLES
        table = np.concatenate([self.radii, self.radii[:, :1]], 1)
        return map_coordinates(table, [row, column], order=1, mode="nearest")

    def center(self, along: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n 2"]:
        """The axis at some heights."""
        row = np.clip((self.top - along) / _STEP, 0, len(self.centers) - 1)
        rows = np.arange(len(self.centers))
        return np.stack([np.interp(row, rows, self.centers[:, k]) for k in range(2)], 1)

    def angle(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n"]:
        """Of points around the axis, radians."""
        return self._polar(self.limb.local(points))[2]

    def _polar(self, local: Float[np.ndarray, "n 3"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        center = self.center(local[:, 0])
        away = local[:, 1:] - center
        return center, away, np.arctan2(away[:, 0], away[:, 1])


@dataclass(frozen=True)
class Fall:
    """How cloth falls.

    Attributes:
        ease: Distance from the hull, metres.
        tighten: Metres by which it comes in again for each metre below a wide place; negative flares.
        start: Where it begins to fall, the limb's `along`, metres.
        end: The lowest `along`, metres.
        folds: Depth of the folds at the lower end, metres.
        count: Folds around.
        seed: Places the folds.
    """

    ease: float
    tighten: float
    start: float
    end: float
    folds: float = 0.0
    count: int = 9
    seed: int = 0


def drape(model: BodyModel, limb: Limb, members: Bool[np.ndarray, "v"], fall: Fall) -> Drape:
    """Cloth around the hulls of a limb's slices.

    Args:
        model: The body, at rest.
        limb: The limb.
        members: Its vertices.
        fall: How the cloth falls.
    """
    along = np.arange(fall.start + 0.1, fall.end - 0.02, -_STEP)
    slices = _slices(model, limb.local(model.template.numpy().astype(np.float64)), members, along)
    centers = np.array([0.5 * (s.min(0) + s.max(0)) if len(s) > 8 else [np.nan, np.nan] for s in slices])
    centers = gaussian_filter(_filled(centers), (6.0, 0.0), mode="nearest")
    radii = _filled(np.array([_hull_radii(s - c) for s, c in zip(slices, centers, strict=True)]))
    for row in range(1, len(along)):
        if along[row] < fall.start:
            radii[row] = np.maximum(radii[row], radii[row - 1] - fall.tighten * _STEP)
    radii = gaussian_filter1d(
        gaussian_filter1d(radii + fall.ease, 1.5, axis=0, mode="nearest"), 2.0, axis=1, mode="wrap"
    )
    depth = np.clip((fall.start - along) / (fall.start - fall.end), 0.0, 1.0)
    return Drape(limb, float(along[0]), centers, radii + fall.folds * depth[:, None] ** 1.5 * _waves(fall))


def _slices(
    model: BodyModel, local: Float[np.ndarray, "v 3"], members: Bool[np.ndarray, "v"], along: Float[np.ndarray, "h"]
) -> list[Float[np.ndarray, "n 2"]]:
    """Where the members' edges pierce each level, across coordinates."""
    faces = model.faces.numpy()
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[(edges[:, 0] < edges[:, 1]) & members[edges].all(1)]
    first, second = local[edges[:, 0]], local[edges[:, 1]]
    slices = []
    for at in along:
        crossing = (first[:, 0] - at) * (second[:, 0] - at) < 0
        a, b = first[crossing], second[crossing]
        share = ((at - a[:, 0]) / (b[:, 0] - a[:, 0]))[:, None]
        slices.append((a + share * (b - a))[:, 1:])
    return slices


def _hull_radii(points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "a"]:
    """Distance from the origin to the hull in each direction; not a number where there is no hull around it."""
    from scipy.spatial import ConvexHull, QhullError

    angle = 2 * np.pi * np.arange(_ANGLES) / _ANGLES
    try:
        equations = ConvexHull(points).equations
    except (QhullError, ValueError):
        return np.full(_ANGLES, np.nan)
    facing = np.stack([np.sin(angle), np.cos(angle)], 1) @ equations[:, :2].T
    reach = np.where(facing > 1e-9, -equations[:, 2] / np.maximum(facing, 1e-9), np.inf)
    return reach.min(1)


def _filled(rows: Float[np.ndarray, "h k"]) -> Float[np.ndarray, "h k"]:
    """Rows that are not numbers become those of the nearest row that is."""
    known = np.nonzero(np.isfinite(rows).all(1))[0]
    nearest = known[np.abs(np.arange(len(rows))[:, None] - known).argmin(1)]
    return rows[nearest]


def _waves(fall: Fall) -> Float[np.ndarray, "a"]:
    """Folds around, from about 0 to 1, of uneven width."""
    generator = np.random.default_rng(fall.seed)
    angle = 2 * np.pi * np.arange(_ANGLES) / _ANGLES
    uneven = (
        angle
        + 0.25 * np.sin(2 * angle + generator.uniform(0, 6.28))
        + 0.15 * np.sin(3 * angle + generator.uniform(0, 6.28))
    )
    return 0.5 + 0.35 * np.sin(fall.count * uneven) + 0.15 * np.sin((2 * fall.count - 3) * uneven + 1.0)
