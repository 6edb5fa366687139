"""Sheets of triangles that hang on the shipped body: pieces of skin and of cloth, before they become a figure.

Each point of a sheet is a weighted mean of body vertices plus an offset at rest. It takes its growth with the body's
shape, its skin weights and its pose blendshapes from those vertices, so cutting a sheet is exact.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from avatars.body import BodyModel

_NEAREST_CUT = 0.04
"""Cuts keep at least this share of an edge away from its ends, so that no slivers arise."""


@dataclass(frozen=True)
class Sheet:
    """A sheet.

    Attributes:
        binding: Each point as a mean of body vertices, rows sum to 1, (p, v).
        points: At rest, metres.
        faces: Corners of each triangle, counter-clockwise from outside.
        weights: Skin weights that replace those of the binding, where `own` is 1.
        own: Share of `weights` in the skin weights, 0 to 1; pose blendshapes fade with it.
    """

    binding: sparse.csr_matrix
    points: Float[np.ndarray, "p 3"]
    faces: Int[np.ndarray, "t 3"]
    weights: Float[np.ndarray, "p 24"]
    own: Float[np.ndarray, "p"]

    @staticmethod
    def of_body(model: BodyModel) -> "Sheet":
        """The whole skin, eyes included."""
        count = len(model.template)
        return Sheet(
            sparse.csr_matrix(sparse.identity(count)),
            model.template.numpy().astype(np.float64),
            model.faces.numpy(),
            np.zeros((count, 24)),
            np.zeros(count),
        )

    def moved(self, points: Float[np.ndarray, "p 3"]) -> "Sheet":
        """The same sheet elsewhere."""
        return replace(self, points=points)

    def part(self, faces: Bool[np.ndarray, "t"]) -> "Sheet":
        """Some of the faces and the points that they need."""
        return self.compact(self.faces[faces])

    def compact(self, faces: Int[np.ndarray, "n 3"]) -> "Sheet":
        """Faces between points of this sheet, and the points that they need."""
        used, numbered = np.unique(faces, return_inverse=True)
        return Sheet(self.binding[used], self.points[used], numbered.reshape(-1, 3), self.weights[used], self.own[used])

    def skin_weights(self, model: BodyModel) -> Float[np.ndarray, "p 24"]:
        """Skin weights of the points."""
        own = self.own[:, None]
        return (1.0 - own) * (self.binding @ model.weights.numpy()) + own * self.weights

    def normals(self) -> Float[np.ndarray, "p 3"]:
        """Unit normals at the points, at rest."""
        a, b, c = (self.points[self.faces[:, k]] for k in range(3))
        across = np.cross(b - a, c - a)
        total = np.zeros_like(self.points)
        for corner in range(3):
            np.add.at(total, self.faces[:, corner], across)
        return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)

    def rim(self) -> Int[np.ndarray, "e 2"]:
        """Edges that only one face has, in that face's direction."""
        edges = np.concatenate([self.faces[:, [0, 1]], self.faces[:, [1, 2]], self.faces[:, [2, 0]]])
        keys = edges[:, 0] * len(self.points) + edges[:, 1]
        back = edges[:, 1] * len(self.points) + edges[:, 0]
        return edges[~np.isin(keys, back)]


def join(sheets: list[Sheet]) -> Sheet:
    """Several sheets as one; their points stay apart."""
    starts = np.cumsum([0, *(len(sheet.points) for sheet in sheets)])
    return Sheet(
        sparse.csr_matrix(sparse.vstack([sheet.binding for sheet in sheets])),
        np.concatenate([sheet.points for sheet in sheets]),
        np.concatenate([sheet.faces + start for sheet, start in zip(sheets, starts[:-1], strict=True)]),
        np.concatenate([sheet.weights for sheet in sheets]),
        np.concatenate([sheet.own for sheet in sheets]),
    )


def cut(sheet: Sheet, height: Float[np.ndarray, "p"]) -> tuple[Sheet, sparse.csr_matrix]:
    """Split the faces that the line `height` = 0 crosses, so that none lies on both sides of it.

    Returns:
        The sheet, whose first points are the old ones, and the matrix that carries values at the old points to the new.
    """
    above = height > 0
    edges = np.unique(np.sort(_edges(sheet.faces)[_crossed(_edges(sheet.faces), above)], axis=1), axis=0)
    if not len(edges):
        return sheet, sparse.csr_matrix(sparse.identity(len(sheet.points)))
    first, second = height[edges[:, 0]], height[edges[:, 1]]
    share = np.clip(first / (first - second), _NEAREST_CUT, 1.0 - _NEAREST_CUT)
    count, added = len(sheet.points), len(edges)
    rows = np.repeat(np.arange(added), 2)
    mean = sparse.csr_matrix((np.stack([1.0 - share, share], 1).ravel(), (rows, edges.ravel())), (added, count))
    carry = sparse.csr_matrix(sparse.vstack([sparse.identity(count, format="csr"), mean]))
    return Sheet(
        sparse.csr_matrix(carry @ sheet.binding),
        carry @ sheet.points,
        _split(sheet.faces, above, edges, count),
        carry @ sheet.weights,
        carry @ sheet.own,
    ), carry


def _edges(faces: Int[np.ndarray, "t 3"]) -> Int[np.ndarray, "e 2"]:
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def _crossed(edges: Int[np.ndarray, "e 2"], above: Bool[np.ndarray, "p"]) -> Bool[np.ndarray, "e"]:
    return above[edges[:, 0]] != above[edges[:, 1]]


def _split(
    faces: Int[np.ndarray, "t 3"], above: Bool[np.ndarray, "p"], edges: Int[np.ndarray, "e 2"], count: int
) -> Int[np.ndarray, "n 3"]:
    """Faces after each of the crossed `edges` (sorted pairs) got a point, numbered from `count` on."""
    sides = above[faces].sum(1)
    mixed = (sides == 1) | (sides == 2)
    split = faces[mixed]
    lone = np.argmax(above[split] == (sides[mixed] == 1)[:, None], axis=1)
    a, b, c = (np.take_along_axis(split, ((lone + k) % 3)[:, None], 1)[:, 0] for k in range(3))
    keys = edges[:, 0] * count + edges[:, 1]

    def middle(i: Int[np.ndarray, "n"], j: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
        return count + np.searchsorted(keys, np.minimum(i, j) * count + np.maximum(i, j))

    p, q = middle(a, b), middle(a, c)
    return np.concatenate([faces[~mixed], np.stack([a, p, q], 1), np.stack([p, b, c], 1), np.stack([p, c, q], 1)])


def refined(sheet: Sheet, longest: float) -> Sheet:
    """The same surface with edges of at most `longest` metres, nearly: each edge is halved as often as it takes."""
    while True:
        edges = np.unique(np.sort(_edges(sheet.faces), axis=1), axis=0)
        length = np.linalg.norm(sheet.points[edges[:, 0]] - sheet.points[edges[:, 1]], axis=1)
        if not (length > longest).any():
            return sheet
        sheet = _halved(sheet, edges[length > longest])


def _halved(sheet: Sheet, edges: Int[np.ndarray, "e 2"]) -> Sheet:
    """The sheet with a point in the middle of some edges (sorted pairs, in order)."""
    count, added = len(sheet.points), len(edges)
    rows = np.repeat(np.arange(added), 2)
    mean = sparse.csr_matrix((np.full(2 * added, 0.5), (rows, edges.ravel())), (added, count))
    carry = sparse.csr_matrix(sparse.vstack([sparse.identity(count, format="csr"), mean]))
    keys = edges[:, 0] * count + edges[:, 1]
    a, b, c = sheet.faces.T
    middles = []
    for i, j in ((a, b), (b, c), (c, a)):
        key = np.minimum(i, j) * count + np.maximum(i, j)
        place = np.searchsorted(keys, key).clip(0, added - 1)
        middles.append(np.where(keys[place] == key, count + place, -1))
    faces = _halved_faces(np.stack([a, b, c], 1), np.stack(middles, 1))
    return Sheet(
        sparse.csr_matrix(carry @ sheet.binding), carry @ sheet.points, faces, carry @ sheet.weights, carry @ sheet.own
    )


def _halved_faces(corners: Int[np.ndarray, "t 3"], middles: Int[np.ndarray, "t 3"]) -> Int[np.ndarray, "n 3"]:
    """Faces whose edges ab, bc and ca have a point in the middle, or -1."""
    halves = (middles >= 0).sum(1)
    faces = [corners[halves == 0]]
    for number in (1, 2, 3):
        mine = halves == number
        # Turn each face so that its first edge is halved and, of two, the second as well.
        leading = (middles[mine] >= 0) & ((number != 2) | (np.roll(middles[mine], -1, axis=1) >= 0))
        turn = (np.arange(3) + leading.argmax(1)[:, None]) % 3
        a, b, c = np.take_along_axis(corners[mine], turn, 1).T
        p, q, r = np.take_along_axis(middles[mine], turn, 1).T
        faces += {
            1: [np.stack([a, p, c], 1), np.stack([p, b, c], 1)],
            2: [np.stack([a, p, c], 1), np.stack([p, q, c], 1), np.stack([p, b, q], 1)],
            3: [np.stack(f, 1) for f in ((a, p, r), (p, b, q), (r, q, c), (p, q, r))],
        }[number]
    return np.concatenate(faces)


def closed_with(outer: Sheet, inner: Sheet, edges: Int[np.ndarray, "e 2"]) -> Sheet:
    """`outer` and `inner`, which share their numbering of points, joined by a strip along the rim edges `edges`."""
    shift = len(outer.points)
    i, j = edges.T
    strip = np.concatenate([np.stack([j, i, i + shift], 1), np.stack([j, i + shift, j + shift], 1)])
    return join([outer, inner]).compact(np.concatenate([outer.faces, strip]))


def smoothed(sheet: Sheet, values: Float[np.ndarray, "p k"], reach: float) -> Float[np.ndarray, "p k"]:
    """Values at the points, smoothed over the sheet: (M + reach^2 L)^-1 M x with edges weighed by 1 / length.

    Args:
        sheet: Over which to smooth.
        values: At its points.
        reach: Over about what distance, metres.
    """
    from scipy.sparse.linalg import splu

    count = len(sheet.points)
    edges = np.unique(np.sort(_edges(sheet.faces), axis=1), axis=0)
    length = np.maximum(np.linalg.norm(sheet.points[edges[:, 0]] - sheet.points[edges[:, 1]], axis=1), 1e-4)
    both = np.concatenate([edges, edges[:, ::-1]]).T
    graph = sparse.coo_matrix((np.tile(1.0 / length, 2), tuple(both)), (count, count)).tocsr()
    mass = 0.5 * np.bincount(edges.ravel(), np.repeat(length, 2), count) + 1e-9
    laplacian = sparse.diags(np.asarray(graph.sum(1)).ravel()) - graph
    system = (sparse.diags(mass) + reach**2 * laplacian).tocsc()
    return splu(system).solve(mass[:, None] * values)


def relaxed(sheet: Sheet, rounds: int) -> Sheet:
    """The same points, which move and grow with more of the body around them: their binding blurred over the sheet."""
    count = len(sheet.points)
    edges = np.unique(np.sort(_edges(sheet.faces), axis=1), axis=0)
    both = np.concatenate([edges, edges[:, ::-1]]).T
    graph = sparse.csr_matrix((np.ones(2 * len(edges)), tuple(both)), (count, count))
    degree = np.maximum(np.asarray(graph.sum(1)).ravel(), 1.0)
    blur = 0.5 * sparse.identity(count) + sparse.diags(0.5 / degree) @ graph
    binding = sheet.binding
    for _ in range(rounds):
        binding = blur @ binding
    return replace(sheet, binding=sparse.csr_matrix(binding))
