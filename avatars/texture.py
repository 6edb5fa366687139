"""Paint the dressed body with the photo, and what the photo does not show with its likeliest colours.

The rules for what is hidden, in order of trust: the mirrored vertex, the opposite one on the other side of the same
part, the nearest painted one. The back of the head is hair, not face, and hidden hands are skin.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage, sparse
from scipy.spatial import KDTree
from torch import Tensor

from avatars.body import BodyModel
from avatars.body.parts import PART_NAMES
from avatars.dress import face_vertices, laplacian, vertex_normals, vertex_parts
from nfield.cameras import Cameras
from nfield.kernels.rasterize import rasterize

_HEAD = PART_NAMES.index("head")
_HANDS = (20, 21, 22, 23)


@dataclass(frozen=True)
class PaintConfig:
    """How colours are read from the photo."""

    facing: float = 0.2
    """Least cosine between normal and view for a vertex to be painted from the photo."""
    erode: int = 3
    """Pixels along the mask's edge that are not trusted: they hold background."""
    tolerance: float = 0.01
    """How far behind the seen surface a vertex may lie, metres."""
    shadow: int = 10
    """Pixels beside a limb in front that are not trusted: the fitted limb may lie a little beside the true one."""
    gap: float = 0.04
    """How far in front a limb must lie to count as one, metres."""
    around_hands: float = 0.06
    """Other parts this near to a hand in the photo, metres, are not copied elsewhere: the photo's hand may be there."""
    smoothing: int = 8
    """Rounds of smoothing of what was filled in."""


@dataclass(frozen=True)
class Surface:
    """A mesh finer than the body's, and how each vertex follows from the body's.

    Attributes:
        faces: Corners of each triangle.
        parents: The two body vertices whose mean each vertex is (twice the same for the body's own).
    """

    faces: Int[Tensor, "t 3"]
    parents: Int[Tensor, "v 2"]

    def spread(self, values: Float[Tensor, "b c"]) -> Float[Tensor, "v c"]:
        """Values of the body's vertices, carried over."""
        return values[self.parents].mean(1)


def subdivide(faces: Int[Tensor, "t 3"], count: int) -> Surface:
    """Each triangle in four, through the middles of its edges.

    >>> len(subdivide(torch.tensor([[0, 1, 2]]), 3).parents)
    6
    """
    edges = torch.cat([faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])]).sort(-1).values
    unique, place = torch.unique(edges, dim=0, return_inverse=True)
    ab, bc, ca = (place + count).reshape(3, -1)
    a, b, c = faces.unbind(-1)
    corners = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    own = torch.arange(count)[:, None].expand(-1, 2)
    return Surface(torch.cat([torch.stack(corner, -1) for corner in corners]), torch.cat([own, unique]))


@dataclass(frozen=True)
class Paint:
    """Colours of a surface's vertices.

    Attributes:
        color: sRGB in [0, 1].
        seen: Which vertices the photo shows.
    """

    color: Float[Tensor, "v 3"]
    seen: Bool[Tensor, "v"]


def project_colors(
    posed: Float[Tensor, "v 3"],
    faces: Int[Tensor, "t 3"],
    photo: UInt8[Tensor, "h w 3"],
    mask: Bool[Tensor, "h w"],
    camera: Cameras,
    config: PaintConfig,
) -> Paint:
    """Colours of the vertices that the photo shows; black elsewhere.

    Args:
        posed: Vertices in the photo camera's frame, metres.
        faces: Corners of each triangle.
        photo: The photo.
        mask: The person.
        camera: The photo's one, at the origin of its own frame.
        config: What is trusted.
    """
    height, width = mask.shape
    depth = rasterize(posed, faces, camera.intrinsics[0], camera.size).depth
    pixel, _ = camera.project(posed, 0)
    column, row = pixel[:, 0].long().clamp(0, width - 1), pixel[:, 1].long().clamp(0, height - 1)
    core = torch.from_numpy(np.asarray(ndimage.binary_erosion(mask.numpy(), iterations=config.erode)))
    view = torch.nn.functional.normalize(posed, dim=-1)
    facing = (vertex_normals(posed, faces) * view).sum(-1) < -config.facing
    front = (posed[:, 2] < depth[row, column] + config.tolerance) & (depth[row, column] > 0.0)
    nearest = ndimage.minimum_filter(torch.where(depth > 0.0, depth, torch.inf).numpy(), 2 * config.shadow + 1)
    front &= posed[:, 2] < torch.from_numpy(nearest)[row, column] + config.gap
    edge = torch.tensor([float(width), float(height)])
    in_photo = ((pixel > 0.0) & (pixel < edge)).all(-1)
    seen = facing & front & core[row, column] & in_photo
    grid = (2.0 * pixel / edge - 1.0)[None, None]
    image = photo.permute(2, 0, 1)[None].to(torch.float32) / 255.0
    color = torch.nn.functional.grid_sample(image, grid, padding_mode="border", align_corners=False)[0, :, 0].T
    return Paint(torch.where(seen[:, None], color, 0.0), seen)


def beside_hands(
    model: BodyModel, surface: Surface, posed: Float[Tensor, "v 3"], camera: Cameras, config: PaintConfig
) -> Bool[Tensor, "v"]:
    """Vertices of torso, legs and head that the photo shows next to a hand.

    Args:
        model: The body that the surface refines.
        surface: The finer mesh.
        posed: Its vertices in the photo camera's frame, metres.
        camera: The photo's one, at the origin of its own frame.
        config: How near is next to it.
    """
    hand = _of_hands(model)[surface.parents].all(-1)
    pixel, depth = camera.project(posed, 0)
    radius = config.around_hands * float(camera.focal_lengths[0, 0]) / float(depth[hand].mean())
    distance, _ = KDTree(pixel[hand].numpy()).query(pixel.numpy(), distance_upper_bound=radius)
    limb = torch.tensor([PART_NAMES.index(f"{side} {part}") for side in ("left", "right") for part in ("arm", "hand")])
    other = ~torch.isin(vertex_parts(model)[surface.parents[:, 0]], limb)
    return torch.from_numpy(np.isfinite(distance)) & other


def _of_hands(model: BodyModel) -> Bool[Tensor, "b"]:
    return model.weights[:, list(_HANDS)].sum(-1) > 0.5


def complete_colors(
    model: BodyModel, surface: Surface, rest: Float[Tensor, "v 3"], paint: Paint, config: PaintConfig
) -> Float[Tensor, "v 3"]:
    """Colours of all vertices of a surface from those that the photo shows.

    Args:
        model: The body that the surface refines.
        surface: The finer mesh.
        rest: Its vertices at rest, metres.
        paint: What the photo shows.
        config: Smoothing.
    """
    part = vertex_parts(model)[surface.parents[:, 0]]
    color, known = paint.color.clone(), paint.seen.clone()
    _fill_extremities(model, surface, paint, color, known)
    _copy(color, known, _mirrored(model, surface))
    _copy_opposite(rest, part, color, known)
    _copy_nearest(rest, part, color, known)
    return _smoothed(surface, color, paint.seen, config.smoothing)


def _fill_extremities(
    model: BodyModel,
    surface: Surface,
    paint: Paint,
    color: Float[Tensor, "v 3"],
    known: Bool[Tensor, "v"],
) -> None:
    """The hidden scalp takes the median colour of the hair, hidden hands that of the face; in place."""
    skull, top, face, hands = _regions(model, surface)
    hair = paint.seen & top
    skin = paint.seen & face
    if hair.sum() > 20:
        hidden = skull & ~paint.seen
        color[hidden], known[hidden] = paint.color[hair].median(0).values, True
    if skin.sum() > 20:
        hidden = hands & ~paint.seen
        color[hidden], known[hidden] = paint.color[skin].median(0).values, True


def _regions(model: BodyModel, surface: Surface) -> tuple[Bool[Tensor, "v"], ...]:
    """Scalp, its upper part, face and hands of a surface."""
    place, head = model.template, vertex_parts(model) == _HEAD
    face = face_vertices(model)
    ears = place[[model.landmarks["lear"], model.landmarks["rear"]]].mean(0)
    skull = head & ~face & ((place[:, 1] > ears[1] + 0.02) | (place[:, 2] < ears[2] - 0.03))
    eyes = place[[model.landmarks["leye"], model.landmarks["reye"]]].mean(0)
    # Hairlines differ: only the upper part of what lies above the eyes is surely hair.
    top = skull & (place[:, 1] > eyes[1] + 0.65 * (place[:, 1].max() - eyes[1]))
    hands = _of_hands(model)
    return tuple(region[surface.parents].all(-1) for region in (skull, top, face, hands))


def _mirrored(model: BodyModel, surface: Surface) -> Int[Tensor, "v"]:
    """The left-right counterpart of each vertex of the surface; itself where there is none."""
    count = len(model.template)
    pairs = surface.parents.sort(-1).values
    images = model.mirror[surface.parents].sort(-1).values
    key, wanted = pairs[:, 0] * count + pairs[:, 1], images[:, 0] * count + images[:, 1]
    order = key.argsort()
    found = order[torch.searchsorted(key[order], wanted).clamp_max(len(key) - 1)]
    return torch.where(key[found] == wanted, found, torch.arange(len(key)))


def _copy(color: Float[Tensor, "v 3"], known: Bool[Tensor, "v"], source: Int[Tensor, "v"]) -> None:
    """Unknown vertices take the colour of their source where that is known; in place."""
    take = ~known & known[source]
    color[take] = color[source[take]]
    known |= take


def _copy_opposite(
    rest: Float[Tensor, "v 3"], part: Int[Tensor, "v"], color: Float[Tensor, "v 3"], known: Bool[Tensor, "v"]
) -> None:
    """Unknown vertices take the colour of what lies before or behind them in the T-pose in their part; in place."""
    for label in part.unique().tolist():
        mine = part == label
        source, wanting = (mine & known).nonzero()[:, 0], (mine & ~known).nonzero()[:, 0]
        if label == _HEAD or len(source) == 0 or len(wanting) == 0:
            continue
        distance, nearest = KDTree(rest[source, :2].numpy()).query(rest[wanting, :2].numpy())
        close = torch.from_numpy(distance < 0.01)
        color[wanting[close]] = color[source[torch.from_numpy(nearest)[close]]]
        known[wanting[close]] = True


def _copy_nearest(
    rest: Float[Tensor, "v 3"], part: Int[Tensor, "v"], color: Float[Tensor, "v 3"], known: Bool[Tensor, "v"]
) -> None:
    """Unknown vertices take the nearest known colour, of their own part where it has any; in place."""
    if not bool(known.any()):
        color.fill_(0.5)
        return
    before = known.clone()
    for label in part.unique().tolist():
        mine = part == label
        source, wanting = (mine & before).nonzero()[:, 0], (mine & ~known).nonzero()[:, 0]
        source = source if len(source) > 20 else before.nonzero()[:, 0]
        if len(wanting):
            _, nearest = KDTree(rest[source].numpy()).query(rest[wanting].numpy())
            color[wanting] = color[source[torch.from_numpy(nearest)]]
    known.fill_(True)


def _smoothed(
    surface: Surface, color: Float[Tensor, "v 3"], fixed: Bool[Tensor, "v"], rounds: int
) -> Float[Tensor, "v 3"]:
    """Means over neighbours, repeated; the fixed vertices stay."""
    count = len(color)
    average = sparse.csr_matrix(sparse.identity(count) - laplacian(surface.faces, count))
    held = fixed.numpy()[:, None]
    value = color.numpy()
    for _ in range(rounds):
        value = np.where(held, value, 0.5 * value + 0.5 * (average @ value))
    return torch.from_numpy(value.astype(np.float32))
