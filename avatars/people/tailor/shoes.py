"""Shoes: closed shapes lofted along each foot, from the heel to the toes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import KDTree

from avatars.body import BodyModel
from avatars.body.joints import JOINT_NAMES
from avatars.people.sheet import Sheet, join
from avatars.people.tailor.garment import Sewn
from avatars.people.tailor.lofts import loft_faces
from avatars.people.tailor.regions import below, places

_STATIONS, _AROUND = 28, 32
_NEIGHBOURS = 12
_SHARPNESS = 2.6
"""Exponent of the cross-sections: 2 is an ellipse, more is boxier."""


@dataclass(frozen=True)
class ShoesCut:
    """A pair of shoes, metres.

    Attributes:
        top: Height of the upper end, at the ankle.
        ease: Room between the foot and the outside.
        sole: Thickness of the sole.
    """

    top: float = -1.075
    ease: float = 0.008
    sole: float = 0.016

    def sew(self, model: BodyModel) -> Sewn:
        """See `Cut`."""
        sides = [self._shoe(model, side) for side in ("left", "right")]
        return Sewn(join(sides), below(model, self.top - 0.012))

    def _shoe(self, model: BodyModel, side: str) -> Sheet:
        points = places(model)
        mine = points[:, 0] > 0 if side == "left" else points[:, 0] < 0
        foot = np.nonzero(mine & (points[:, 1] < self.top))[0]
        ankle, toes = (
            model.joint_template[JOINT_NAMES.index(f"{side}_{joint}")].numpy() for joint in ("ankle", "foot")
        )
        forward = (toes - ankle) * [1.0, 0.0, 1.0]
        forward /= np.linalg.norm(forward)
        across = np.array([forward[2], 0.0, -forward[0]])
        local = np.stack([(points[foot] - ankle) @ across, points[foot, 1], (points[foot] - ankle) @ forward], 1)
        rings = self._rings(local)
        placed = ankle * [1.0, 0.0, 1.0] + rings[:, :1] * across + rings[:, 2:] * forward
        placed[:, 1] = rings[:, 1]
        return Sheet(
            _nearest(model, placed, foot),
            placed,
            loft_faces(_STATIONS, _AROUND),
            np.zeros((len(placed), 24)),
            np.zeros(len(placed)),
        )

    def _rings(self, foot: Float[np.ndarray, "f 3"]) -> Float[np.ndarray, "r 3"]:
        """Cross-sections from heel to toes, row by row, then the middles of the two ends."""
        start, end = foot[:, 2].min() - self.ease, foot[:, 2].max() + self.ease
        # Stations crowd at the ends, where the shape is round.
        along = start + (end - start) * 0.5 * (1.0 - np.cos(np.pi * (np.arange(_STATIONS) + 0.5) / _STATIONS))
        low, high, top = (gaussian_filter1d(values, 1.0, mode="nearest") for values in self._extents(foot, along))
        ground = foot[:, 1].min() - self.sole
        roundness = np.sqrt(np.clip(1.0 - np.abs(2.0 * (along - start) / (end - start) - 1.0) ** 6.0, 0.0, 1.0))
        middle, half = 0.5 * (low + high), 0.5 * (high - low) * (0.35 + 0.65 * roundness)
        rise = 0.5 * (top - ground) * (0.45 + 0.55 * roundness)
        angle = 2 * np.pi * np.arange(_AROUND) / _AROUND
        power = 2.0 / _SHARPNESS
        x = middle[:, None] + half[:, None] * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
        y = ground + rise[:, None] * (1.0 + np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power)
        rings = np.stack([x, y, np.broadcast_to(along[:, None], x.shape)], -1).reshape(-1, 3)
        ends = np.array([[middle[0], ground + rise[0], start], [middle[-1], ground + rise[-1], end]])
        return np.concatenate([rings, ends])

    def _extents(
        self, foot: Float[np.ndarray, "f 3"], along: Float[np.ndarray, "s"]
    ) -> tuple[Float[np.ndarray, "s"], Float[np.ndarray, "s"], Float[np.ndarray, "s"]]:
        """Sides and upper end of each station."""
        found = []
        for station in along:
            near = foot[np.abs(foot[:, 2] - np.clip(station, foot[:, 2].min() + 0.01, foot[:, 2].max() - 0.01)) < 0.014]
            sole = near[near[:, 1] < foot[:, 1].min() + 0.06]
            found.append([sole[:, 0].min() - self.ease, sole[:, 0].max() + self.ease, near[:, 1].max() + self.ease])
        low, high, top = np.array(found).T
        return low, high, np.minimum(top, self.top)


def _nearest(model: BodyModel, points: Float[np.ndarray, "p 3"], candidates: Int[np.ndarray, "c"]) -> sparse.csr_matrix:
    """Points as means of the nearest candidates among the body's vertices."""
    distance, near = KDTree(places(model)[candidates]).query(points, k=_NEIGHBOURS)
    share = 1.0 / (distance + 0.01) ** 2
    share /= share.sum(1, keepdims=True)
    rows = np.repeat(np.arange(len(points)), _NEIGHBOURS)
    return sparse.csr_matrix((share.ravel(), (rows, candidates[near].ravel())), (len(points), len(model.template)))
