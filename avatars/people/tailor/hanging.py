"""Cloth and hair that hang free below what carries them: skirts, tails, long hair. Two layers, closed at the hem."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.spatial import KDTree

from avatars.body import BodyModel
from avatars.body.joints import JOINT_NAMES
from avatars.people.noise import smoothstep
from avatars.people.sheet import Sheet
from avatars.people.tailor.drape import Drape
from avatars.people.tailor.regions import arm_share

Weights = Callable[[Float[np.ndarray, "p 3"]], Float[np.ndarray, "p 24"]]
"""Skin weights of free points; rows sum to 1."""

_ROW = 0.015
_NEIGHBOURS, _BLUR = 48, 0.06
"""Hanging cloth grows with the mean of so many body vertices, weighed by a Gaussian of that width, metres."""

_FADE = 0.08
"""Metres below the carrying edge over which cloth comes to move in its own way."""


@dataclass(frozen=True)
class Curtain:
    """What hangs from an edge.

    Attributes:
        edge: Points of the carrying sheet, one after the other from left to right as seen from outside.
        closed: Whether the last is joined to the first.
        ends: Height of the lower end below each point of the edge, metres.
        thickness: Metres between the layers.
        drape: Where it hangs.
    """

    edge: Int[np.ndarray, "e"]
    closed: bool
    ends: Float[np.ndarray, "e"]
    thickness: float
    drape: Drape


def edge_path(sheet: Sheet, on_edge: Bool[np.ndarray, "p"]) -> tuple[Int[np.ndarray, "e"], bool]:
    """Points of the longest chain of rim edges between points of `on_edge`, and whether it is closed."""
    following = {int(a): int(b) for a, b in sheet.rim() if on_edge[a] and on_edge[b]}
    chains = []
    starts = [a for a in following if a not in set(following.values())] + list(following)
    seen: set[int] = set()
    for start in starts:
        chain, here = [], start
        while here in following and here not in seen:
            seen.add(here)
            chain.append(here)
            here = following[here]
        closed = bool(chain) and here == chain[0]
        chains.append((chain if closed or not chain else [*chain, here], closed))
    chain, closed = max(chains, key=lambda found: len(found[0]))
    return np.array(chain), closed


def hang(model: BodyModel, carrier: Sheet, skin: Sheet, curtain: Curtain, weights: Weights) -> Sheet:
    """The carrier with a curtain below it.

    Args:
        model: The body.
        carrier: The upper part of the garment, an open sheet.
        skin: The same points sunk into the skin: between them and the carrier's hems no light comes.
        curtain: What hangs from the carrier's edge.
        weights: Skin weights of free points.
    """
    edge = curtain.edge
    rows = max(2, int(np.ceil((carrier.points[edge, 1] - curtain.ends).max() / _ROW)))
    outer = _layer(model, carrier, curtain, rows, weights)
    inner = _layer(model, carrier, curtain, rows, weights, inwards=curtain.thickness)
    count, free = len(carrier.points), rows * len(edge)
    points = np.concatenate([carrier.points, skin.points, outer.points, inner.points])
    top, below = edge, count + edge
    out_grid = np.concatenate([top[None], 2 * count + np.arange(free).reshape(rows, -1)])
    in_grid = np.concatenate([below[None], 2 * count + free + np.arange(free).reshape(rows, -1)])
    faces = [carrier.faces, _grid_faces(out_grid, curtain.closed), _grid_faces(in_grid[::-1], curtain.closed)]
    faces.append(_grid_faces(np.stack([out_grid[-1], in_grid[-1]]), curtain.closed))
    if not curtain.closed:
        faces += [_grid_faces(np.stack([out_grid[:, 0], in_grid[:, 0]]), False)]
        faces += [_grid_faces(np.stack([in_grid[:, -1], out_grid[:, -1]]), False)]
    faces.append(_hems(carrier, edge, count))
    whole = Sheet(
        sparse.csr_matrix(sparse.vstack([carrier.binding, skin.binding, outer.binding, inner.binding])),
        points,
        np.concatenate(faces),
        np.concatenate([carrier.weights, skin.weights, outer.weights, inner.weights]),
        np.concatenate([carrier.own, skin.own, outer.own, inner.own]),
    )
    return whole.compact(whole.faces)


def _layer(
    model: BodyModel, carrier: Sheet, curtain: Curtain, rows: int, weights: Weights, inwards: float = 0.0
) -> Sheet:
    """One layer of free points, row by row, without faces."""
    edge, drape = curtain.edge, curtain.drape
    start = carrier.points[edge]
    angle = drape.angle(start)
    share = (np.arange(1, rows + 1) / rows)[:, None]
    height = start[:, 1] + share * (curtain.ends - start[:, 1])
    depth = start[:, 1] - height
    center = drape.center(height.ravel())
    radius = drape.radius(height.ravel(), np.tile(angle, rows)) - inwards
    around = np.stack([np.sin(angle), np.cos(angle)], 1)
    across = center + radius[:, None] * np.tile(around, (rows, 1))
    points = np.stack([across[:, 0], height.ravel(), across[:, 1]], 1)
    # The carrier's edge need not lie exactly where the drape hangs: the difference fades.
    points += (smoothstep(0.10, 0.0, depth)[..., None] * (start - drape.hang(start))).reshape(-1, 3)
    own = smoothstep(0.0, _FADE, depth).ravel()
    carried = sparse.diags(1.0 - own) @ sparse.vstack([carrier.binding[edge]] * rows)
    binding = sparse.csr_matrix(carried + sparse.diags(own) @ _blurred(model, points))
    return Sheet(binding, points, np.zeros((0, 3), dtype=int), weights(points), own)


def _blurred(model: BodyModel, points: Float[np.ndarray, "p 3"]) -> sparse.csr_matrix:
    """Points as means of the body around them, the arms left out."""
    near_body = np.nonzero(arm_share(model) < 0.1)[0]
    distance, near = KDTree(model.template.numpy()[near_body]).query(points, k=_NEIGHBOURS)
    share = np.exp(-0.5 * ((distance - distance[:, :1]) / _BLUR) ** 2)
    share /= share.sum(1, keepdims=True)
    rows = np.repeat(np.arange(len(points)), _NEIGHBOURS)
    return sparse.csr_matrix((share.ravel(), (rows, near_body[near].ravel())), (len(points), len(model.template)))


def _grid_faces(grid: Int[np.ndarray, "r e"], closed: bool) -> Int[np.ndarray, "t 3"]:
    """Triangles between the rows of a grid of points."""
    left = grid if closed else grid[:, :-1]
    right = np.roll(grid, -1, axis=1) if closed else grid[:, 1:]
    a, b, c, d = (part.ravel() for part in (left[:-1], right[:-1], left[1:], right[1:]))
    return np.concatenate([np.stack([b, a, c], 1), np.stack([b, c, d], 1)])


def _hems(carrier: Sheet, edge: Int[np.ndarray, "e"], count: int) -> Int[np.ndarray, "t 3"]:
    """Strips from the carrier's other hems down into the skin."""
    rim = carrier.rim()
    hanging = np.isin(rim, edge).all(1)
    i, j = rim[~hanging].T
    return np.concatenate([np.stack([j, i, i + count], 1), np.stack([j, i + count, j + count], 1)])


def _spread(**shares: Float[np.ndarray, "p"]) -> Float[np.ndarray, "p 24"]:
    count = len(next(iter(shares.values())))
    weights = np.zeros((count, len(JOINT_NAMES)))
    for joint, share in shares.items():
        weights[:, JOINT_NAMES.index(joint)] = share
    return weights


def leg_weights(points: Float[np.ndarray, "p 3"]) -> Float[np.ndarray, "p 24"]:
    """Skirts and tails: the pelvis above, then both legs, shared by how far to a side a point is."""
    x, y, _ = points.T
    left = smoothstep(-0.14, 0.14, x)
    legs = 0.97 * smoothstep(-0.22, -0.50, y)
    shins = 0.95 * smoothstep(-0.64, -0.92, y)
    return _spread(
        pelvis=1.0 - legs,
        left_hip=legs * (1.0 - shins) * left,
        right_hip=legs * (1.0 - shins) * (1.0 - left),
        left_knee=legs * shins * left,
        right_knee=legs * shins * (1.0 - left),
    )


def head_weights(points: Float[np.ndarray, "p 3"]) -> Float[np.ndarray, "p 24"]:
    """Long hair: the head above, then the neck, then the upper back."""
    y = points[:, 1]
    neck, back = smoothstep(0.40, 0.30, y), smoothstep(0.32, 0.18, y)
    return _spread(head=1.0 - neck, neck=neck * (1.0 - back), spine3=neck * back)
