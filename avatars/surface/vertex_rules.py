"""Rules for what the photo does not show, from before texture space: from vertex to vertex of the once subdivided body.

In order of confidence: the mirrored vertex, the opposite one on the other side of the same part, the nearest painted
one. The back of the head is hair, not face, and hidden hands are skin.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.spatial import KDTree
from torch import Tensor

from avatars.body import BodyModel
from avatars.surface.appearance import VertexColors
from avatars.surface.mesh import HEAD, Surface, laplacian, vertex_parts
from avatars.surface.paint import Paint, PaintConfig, PhotographedSurface, beside_hands, project_colors
from avatars.surface.regions import BodyRegions


@dataclass(frozen=True)
class VertexRules:
    """Copies colours from visible vertices to hidden ones; a `Completion`."""

    paint: PaintConfig = PaintConfig()  # noqa: RUF009 - frozen
    """How colours are read from the photo."""
    around_hands: float = 0.06
    """Other parts this near to a hand in the photo, metres, are not copied elsewhere: the photo's hand may be there."""
    smoothing: int = 8
    """Rounds of smoothing of what was filled in."""

    def complete(self, shown: PhotographedSurface) -> VertexColors:
        """Colours of all vertices."""
        model, surface, posed, camera = shown.model, shown.surface, shown.posed, shown.camera
        paint = project_colors(posed, surface.faces, shown.photo, shown.mask, camera, self.paint)
        reliable = paint.visible & ~beside_hands(model, surface, posed, camera, within=self.around_hands)
        color = complete_colors(model, surface, shown.rest, Paint(paint.color, reliable), smoothing=self.smoothing)
        return VertexColors(surface.faces, color, paint.visible.to(torch.float32))


def complete_colors(
    model: BodyModel, surface: Surface, rest: Float[Tensor, "v 3"], paint: Paint, *, smoothing: int
) -> Float[Tensor, "v 3"]:
    """Colours of all vertices of a surface from those that the photo shows.

    Args:
        model: The body that the surface refines.
        surface: The finer mesh.
        rest: Its vertices at rest, metres.
        paint: What the photo shows.
        smoothing: Rounds of smoothing of what was filled in.
    """
    part = vertex_parts(model)[surface.parents[:, 0]]
    color, known = paint.color.clone(), paint.visible.clone()
    _fill_extremities(model, surface, paint, color, known)
    _copy_known(color, known, _mirrored(model, surface))
    _copy_opposite(rest, part, color, known)
    _copy_nearest(rest, part, color, known)
    return _smoothed(surface, color, paint.visible, smoothing)


def _fill_extremities(
    model: BodyModel,
    surface: Surface,
    paint: Paint,
    color: Float[Tensor, "v 3"],
    known: Bool[Tensor, "v"],
) -> None:
    """The hidden scalp takes the median colour of the hair, hidden hands that of the face; in place."""
    regions = BodyRegions.of(model)
    flags = (regions.skull, regions.scalp, regions.face, regions.hands)
    skull, scalp, face, hands = (flag[surface.parents].all(-1) for flag in flags)
    hair = paint.visible & scalp
    skin = paint.visible & face
    if hair.sum() > 20:
        hidden = skull & ~paint.visible
        color[hidden], known[hidden] = paint.color[hair].median(0).values, True
    if skin.sum() > 20:
        hidden = hands & ~paint.visible
        color[hidden], known[hidden] = paint.color[skin].median(0).values, True


def _mirrored(model: BodyModel, surface: Surface) -> Int[Tensor, "v"]:
    """The left-right counterpart of each vertex of the surface; itself where there is none."""
    count = len(model.template)
    pairs = surface.parents.sort(-1).values
    images = model.mirror[surface.parents].sort(-1).values
    key, mirrored = pairs[:, 0] * count + pairs[:, 1], images[:, 0] * count + images[:, 1]
    order = key.argsort()
    found = order[torch.searchsorted(key[order], mirrored).clamp_max(len(key) - 1)]
    return torch.where(key[found] == mirrored, found, torch.arange(len(key)))


def _copy_known(color: Float[Tensor, "v 3"], known: Bool[Tensor, "v"], source: Int[Tensor, "v"]) -> None:
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
        source, unknown = (mine & known).nonzero()[:, 0], (mine & ~known).nonzero()[:, 0]
        if label == HEAD or len(source) == 0 or len(unknown) == 0:
            continue
        distance, nearest = KDTree(rest[source, :2].numpy()).query(rest[unknown, :2].numpy())
        close = torch.from_numpy(distance < 0.01)
        color[unknown[close]] = color[source[torch.from_numpy(nearest)[close]]]
        known[unknown[close]] = True


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
        source, unknown = (mine & before).nonzero()[:, 0], (mine & ~known).nonzero()[:, 0]
        source = source if len(source) > 20 else before.nonzero()[:, 0]
        if len(unknown):
            _, nearest = KDTree(rest[source].numpy()).query(rest[unknown].numpy())
            color[unknown] = color[source[torch.from_numpy(nearest)]]
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
