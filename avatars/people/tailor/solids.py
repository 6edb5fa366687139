"""Rounded boxes that a joint carries: bags, buns, ponytails."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.spatial import KDTree

from avatars.body import BodyModel
from avatars.body.joints import JOINT_NAMES
from avatars.people.sheet import Sheet
from avatars.people.tailor.garment import Sewn
from avatars.people.tailor.lofts import loft_faces
from avatars.people.tailor.regions import places

_RINGS, _AROUND = 20, 32
_NEIGHBOURS = 12


@dataclass(frozen=True)
class SolidCut:
    """A rounded box that moves with one joint.

    Attributes:
        center: On the mean body at rest, metres.
        half: Half of its width, height and depth, metres.
        joint: A name of `JOINT_NAMES`.
        sharpness: Exponent of the norm of which it is a ball: 2 is an ellipsoid, more is boxier.
    """

    center: tuple[float, float, float]
    half: tuple[float, float, float]
    joint: str
    sharpness: float = 2.0

    def sew(self, model: BodyModel) -> Sewn:
        """See `Cut`."""
        points = np.array(self.center) + np.array(self.half) * self._unit()
        weights = np.zeros((len(points), len(JOINT_NAMES)))
        weights[:, JOINT_NAMES.index(self.joint)] = 1.0
        sheet = Sheet(_grown_with(model, points), points, loft_faces(_RINGS, _AROUND), weights, np.ones(len(points)))
        return Sewn(sheet, np.full(len(model.template), -1.0))

    def _unit(self) -> Float[np.ndarray, "p 3"]:
        """Points of the box of a metre each way, ring by ring from the bottom, then the two poles."""
        rise = np.pi * ((np.arange(_RINGS) + 0.5) / _RINGS - 0.5)
        turn = 2.0 * np.pi * np.arange(_AROUND) / _AROUND
        wide, high = np.cos(rise)[:, None], np.sin(rise)[:, None]
        x, z = wide * np.sin(turn), wide * np.cos(turn)
        rings = np.stack([x, np.broadcast_to(high, x.shape), z], -1).reshape(-1, 3)
        points = np.concatenate([rings, [[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]]])
        return points / (np.abs(points) ** self.sharpness).sum(1, keepdims=True) ** (1.0 / self.sharpness)


def backpack(scale: float) -> SolidCut:
    """One that is worn on the back; 1 is as high as the trunk between shoulders and waist, nearly."""
    return SolidCut((0.0, 0.02, -0.155 - 0.06 * scale), (0.15 * scale, 0.20 * scale, 0.075 * scale), "spine3", 4.0)


def shoulder_bag(scale: float) -> SolidCut:
    """One that hangs at the left hip."""
    return SolidCut((0.225, -0.30, 0.0), (0.045 * scale, 0.13 * scale, 0.16 * scale), "spine1", 4.0)


def bun(size: float) -> SolidCut:
    """A knot of hair at the back of the head, its radius in metres."""
    return SolidCut((0.0, 0.475, -0.075 - 0.5 * size), (size, size, size), "head")


def ponytail(length: float) -> SolidCut:
    """Hair that hangs from the back of the head, its length in metres."""
    return SolidCut((0.0, 0.46 - 0.5 * length, -0.10), (0.035, 0.5 * length, 0.035), "head")


def _grown_with(model: BodyModel, points: Float[np.ndarray, "p 3"]) -> sparse.csr_matrix:
    """All points as the same mean of the body vertices next to them: solids grow with the body, they do not bend."""
    _, near = KDTree(places(model)).query(points, k=_NEIGHBOURS)
    vertices, counts = np.unique(near, return_counts=True)
    shares = np.tile(counts / counts.sum(), (len(points), 1))
    rows = np.repeat(np.arange(len(points)), len(vertices))
    columns = np.tile(vertices, len(points))
    return sparse.csr_matrix((shares.ravel(), (rows, columns)), (len(points), len(model.template)))
