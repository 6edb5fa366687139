"""Cloth in a pose: as its skin weights carry it, but outside the body and nowhere stretched far.

Skinning alone lets a lifted thigh come through a skirt and stretches what spans the two legs. A few rounds of
projections in the manner of position based dynamics (Mueller et al. 2007) put both right: points move out of the
body, edges that are too long pull their ends together, and where the cloth is fastened it stays.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.spatial import KDTree

_STEP = 0.01
_FARTHEST = 0.30


@dataclass(frozen=True)
class SettleConfig:
    """How cloth gives way."""

    rounds: int = 60
    """Rounds of projections."""
    stretch: float = 1.25
    """Edges longer than this, as a multiple of their length at rest, pull."""
    most: float = 2.0
    """Edges longer than this, as a multiple of their length at rest, pull even where that brings them into the body."""
    smooth: int = 40
    """Rounds in which a push spreads over the cloth around it."""


@dataclass(frozen=True)
class Obstacle:
    """A body's surface as points with normals.

    Attributes:
        points: Metres.
        normals: Unit vectors, outwards.
    """

    points: Float[np.ndarray, "p 3"]
    normals: Float[np.ndarray, "p 3"]


@dataclass(frozen=True)
class Cloth:
    """What of a cloth does not depend on the pose.

    Attributes:
        edges: Pairs of points.
        lengths: Of the edges at rest, metres.
        clearance: Distance that each point keeps from the body, metres; negative where it may lie under its surface.
        fastened: Points that stay where their weights carry them.
        smoothness: Rows give a point minus the mean of its neighbours.
    """

    edges: Int[np.ndarray, "e 2"]
    lengths: Float[np.ndarray, "e"]
    clearance: Float[np.ndarray, "g"]
    fastened: Bool[np.ndarray, "g"]
    smoothness: sparse.csr_matrix

    @classmethod
    def of(
        cls,
        rest: Float[np.ndarray, "g 3"],
        edges: Int[np.ndarray, "e 2"],
        *,
        clearance: Float[np.ndarray, "g"],
        fastened: Bool[np.ndarray, "g"],
    ) -> "Cloth":
        """A cloth of points at rest, metres, and its edges."""
        count = len(rest)
        both = np.concatenate([edges, edges[:, ::-1]])
        adjacency = sparse.csr_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(count, count))
        adjacency.data[:] = 1.0
        degree = np.asarray(adjacency.sum(1)).ravel().clip(min=1.0)
        smoothness = sparse.csr_matrix(sparse.identity(count) - sparse.diags(1.0 / degree) @ adjacency)
        lengths = np.linalg.norm(rest[edges[:, 0]] - rest[edges[:, 1]], axis=1)
        return cls(edges, lengths, clearance, fastened, smoothness)


def settle(
    places: Float[np.ndarray, "g 3"],
    outward: Float[np.ndarray, "g 3"],
    *,
    cloth: Cloth,
    obstacle: Obstacle,
    config: SettleConfig | None = None,
) -> Float[np.ndarray, "g 3"]:
    """Where the points of a cloth come to lie, metres.

    Args:
        places: As the skin weights carry them, metres.
        outward: Unit directions that lead out of the body, for points that may have been carried deep into it; 0 where
            the body's nearest surface says where out is.
        cloth: Edges and clearances.
        obstacle: The body in the same pose.
        config: Options.
    """
    config = config or SettleConfig()
    tree = KDTree(obstacle.points)
    needed = np.zeros(len(places))
    led = outward.any(1)
    needed[led] = _ways_out(places[led], outward[led], cloth.clearance[led], obstacle, tree)
    pushed = needed
    for _ in range(config.smooth if needed.any() else 0):
        pushed = np.maximum(needed, pushed - 0.7 * (cloth.smoothness @ pushed))
    free = (~cloth.fastened).astype(np.float64)
    places = places + (pushed * free)[:, None] * outward
    room = np.zeros(len(places))
    for _ in range(config.rounds):
        pull = _pulls(places, cloth, free, config.stretch)
        places = places + pull
        # Only points that have moved through all the room they had can have met the body.
        room -= np.linalg.norm(pull, axis=1)
        near = np.flatnonzero((room <= 0.0) & (free > 0.0))
        depth, normal, distance = _depths(places[near], cloth.clearance[near], obstacle, tree)
        push = depth.clip(0.0, 0.02)
        if not pull.any() and not (push > 1e-4).any():
            break
        places[near] += push[:, None] * normal
        room[near] = np.where(push > 0.0, 0.0, distance - cloth.clearance[near].clip(min=0.0) - 0.005)
    for _ in range(config.rounds):
        pull = _pulls(places, cloth, free, config.most)
        if not pull.any():
            break
        places = places + pull
    return places


def _pulls(
    places: Float[np.ndarray, "g 3"], cloth: Cloth, free: Float[np.ndarray, "g"], stretch: float
) -> Float[np.ndarray, "g 3"]:
    """Mean of the moves that each point's overlong edges ask for."""
    first, second = cloth.edges[:, 0], cloth.edges[:, 1]
    between = places[second] - places[first]
    length = np.linalg.norm(between, axis=1)
    over = length - stretch * cloth.lengths
    long = (over > 1e-4) & (free[first] + free[second] > 0.0)
    first, second = first[long], second[long]
    move = (over[long] / length[long] / (free[first] + free[second]))[:, None] * between[long]
    count, size = np.zeros(len(places)), len(places)
    total = np.zeros_like(places)
    for index, sign in ((first, 1.0), (second, -1.0)):
        count += np.bincount(index, minlength=size)
        total += sign * np.stack([np.bincount(index, move[:, k], minlength=size) for k in range(3)], 1)
    return total * (1.3 * free / count.clip(min=1.3))[:, None]


def _depths(
    places: Float[np.ndarray, "n 3"], clearance: Float[np.ndarray, "n"], obstacle: Obstacle, tree: KDTree
) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n 3"], Float[np.ndarray, "n"]]:
    """How much each point lacks of its clearance, the body's normal there, and the distance to it; metres."""
    distance, nearest = tree.query(places)
    normal = obstacle.normals[nearest]
    depth = clearance - ((places - obstacle.points[nearest]) * normal).sum(-1)
    return depth, normal, np.asarray(distance)


def _ways_out(
    places: Float[np.ndarray, "g 3"],
    outward: Float[np.ndarray, "g 3"],
    clearance: Float[np.ndarray, "g"],
    obstacle: Obstacle,
    tree: KDTree,
) -> Float[np.ndarray, "g"]:
    """Metres to the first place along the outward direction that is clear of the body."""
    way = np.zeros(len(places))
    caught: Int[np.ndarray, "c"] = np.arange(len(places))
    for _ in range(int(_FARTHEST / _STEP)):
        depth, _, _ = _depths(places[caught] + way[caught, None] * outward[caught], clearance[caught], obstacle, tree)
        caught, depth = caught[depth > 1e-4], depth[depth > 1e-4]
        if len(caught) == 0:
            break
        way[caught] += depth.clip(0.001, _STEP)
    return way
