"""Inverse skinning: points around a posed surface, carried back to the surface at rest by the vertices next to them."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nfield.kernels import native_core


@dataclass(frozen=True)
class SkinningRule:
    """How points follow vertices, and how far the surface's motion reaches. Distances are metres."""

    spread: float
    """Width of the Gaussian that weights the nearest vertices."""
    apart: float
    """Vertices farther than this from the nearest one at rest are left out."""
    reach: float
    """Distance from the nearest vertex from which on no point belongs to the surface."""
    inner: float
    """Up to this distance a point belongs to the surface wholly."""
    outer: float
    """From this distance on it does not."""
    spacing: float
    """How far a point of the surface may lie from its nearest vertex."""
    core: tuple[float, float] | None = None
    """Depths below the surface at which points begin to be solid and from which on they are. None: none is."""


@dataclass(frozen=True)
class SkinnedVertices:
    """A posed surface, as its vertices say it.

    Attributes:
        posed: Places in the pose, metres.
        rest: Places at rest, metres.
        rest_from_posed: Affine map of each from the pose to rest.
        normals: In the pose, unit vectors outwards; distances then count along them. None: from the nearest vertex.
        sided: 1 where the surface has an inside below it, else 0. None: it has everywhere.
        lift: By how much more than they are heights above the surface count, metres: where less than the rule's reach
            is free above it at rest. Needs `normals`. None: nowhere.
    """

    posed: Float[Tensor, "v 3"]
    rest: Float[Tensor, "v 3"]
    rest_from_posed: Float[Tensor, "v 3 4"]
    normals: Float[Tensor, "v 3"] | None = None
    sided: Float[Tensor, "v"] | None = None
    lift: Float[Tensor, "v"] | None = None


@dataclass(frozen=True)
class Unskinned:
    """Points at rest.

    Attributes:
        points: Metres; points out of reach stay where they are.
        presence: How much each belongs to the surface, in [0, 1].
        core: How surely each is inside, in [0, 1]; 0 where the rule has no core.
    """

    points: Float[Tensor, "n 3"]
    presence: Float[Tensor, "n"]
    core: Float[Tensor, "n"]


def inverse_skinning_reference(
    points: Float[Tensor, "n 3"],
    nearest: Int[Tensor, "n k"],
    square: Float[Tensor, "n k"],
    vertices: SkinnedVertices,
    rule: SkinningRule,
) -> Unskinned:
    """The torch twin of `inverse_skinning`."""
    near = (square[:, 0] < rule.reach**2).nonzero()[:, 0]
    square, vertex, place = square[near], nearest[near].long(), points[near]
    rest = vertices.rest[vertex]
    together = (rest - rest[:, :1]).square().sum(-1) < rule.apart**2
    # Neighbours out of reach weigh exp(-inf) = 0.
    weight = ((square[:, :1] - square) / (2.0 * rule.spread**2)).exp() * together
    weight = weight / weight.sum(-1, keepdim=True)
    blended = (weight[:, :, None, None] * vertices.rest_from_posed[vertex]).sum(1)
    moved, presence, core = points.clone(), torch.zeros_like(points[:, 0]), torch.zeros_like(points[:, 0])
    moved[near] = (blended[:, :, :3] @ place[:, :, None])[:, :, 0] + blended[:, :, 3]
    distance = square[:, 0].sqrt()
    if vertices.normals is None:
        presence[near] = fall_off(distance, rule.inner, rule.outer)
        return Unskinned(moved, presence, core)
    height = ((place[:, None] - vertices.posed[vertex]) * vertices.normals[vertex]).sum(-1)
    lift = torch.zeros_like(distance) if vertices.lift is None else (weight * vertices.lift[vertex]).sum(-1)
    sided = torch.ones_like(distance) if vertices.sided is None else vertices.sided[vertex[:, 0]]
    above = _above(height, together, distance, lift, sided > 0.0, rule)
    presence[near] = fall_off(above, rule.inner, rule.outer)
    if rule.core is not None:
        core[near] = _below(height, together, distance, rule.core, rule.spacing) * sided
    return Unskinned(moved, presence, core)


@torch.no_grad()
def inverse_skinning(
    points: Float[Tensor, "n 3"],
    nearest: Int[Tensor, "n k"],
    square: Float[Tensor, "n k"],
    vertices: SkinnedVertices,
    rule: SkinningRule,
) -> Unskinned:
    """Where points around a posed surface lie at rest. Not differentiable.

    Args:
        points: Metres, in the pose.
        nearest: The vertices nearest to each, the nearest first, as `NearestCenters.query` finds them (int32).
        square: Their squared distances; infinite for those that were too far away to be looked for.
        vertices: The surface.
        rule: How points follow it.
    """
    if not native_core.runs_natively(points, square, vertices.rest):
        return inverse_skinning_reference(points, nearest, square, vertices, rule)
    none = points.new_empty(0)
    normals = none.view(0, 3) if vertices.normals is None else native_core.array(vertices.normals)
    sided, lift = (none if told is None else native_core.array(told) for told in (vertices.sided, vertices.lift))
    moved = torch.empty_like(points, memory_format=torch.contiguous_format)
    presence, core = points.new_empty(len(points)), points.new_empty(len(points))
    told = (points, nearest, square, vertices.posed, vertices.rest, vertices.rest_from_posed.reshape(-1, 12))
    options = (rule.spread, rule.apart, rule.reach, rule.inner, rule.outer, rule.spacing, *(rule.core or (0.0, 0.0)))
    native_core.require().inverse_skinning(
        *(native_core.array(t) for t in told),
        normals,
        sided,
        lift,
        torch.tensor(options),
        rule.core is not None,
        moved,
        presence,
        core,
        torch.get_num_threads(),
    )
    return Unskinned(moved, presence, core)


def fall_off(distance: Float[Tensor, "n"], inner: float, outer: float) -> Float[Tensor, "n"]:
    """1 up to `inner`, 0 from `outer` on, a smooth cubic between.

    >>> fall_off(torch.tensor([0.0, 1.0, 1.5, 2.0, 9.0]), 1.0, 2.0).tolist()
    [1.0, 1.0, 0.5, 0.0, 0.0]
    """
    share = ((outer - distance) / (outer - inner)).clamp(0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def _above(
    height: Float[Tensor, "n k"],
    together: Bool[Tensor, "n k"],
    distance: Float[Tensor, "n"],
    lift: Float[Tensor, "n"],
    sided: Bool[Tensor, "n"],
    rule: SkinningRule,
) -> Float[Tensor, "n"]:
    """How far outside the surface points lie at least, metres; at most 0 inside.

    Of the heights above the nearest vertices' tangent planes the least: what is inside one of two sheets that touch is
    inside. Beside a border, where the planes go on and the surface does not, the distance counts, and so it does next
    to a sheet that has no inside. Farther from all vertices than the surface reaches outwards, the largest height
    counts: one vertex of a crumpled seam that looks sideways must not make matter of the air above it.

    Args:
        height: Above the nearest vertices' tangent planes, metres.
        together: Which of these vertices count.
        distance: From the nearest vertex, metres.
        lift: By how much more than they are heights count, metres; distances do not, which are large between vertices.
        sided: Whether the surface has an inside below the nearest vertex.
        rule: How far a point of the surface may lie from its nearest vertex, and how far the surface reaches.
    """
    least = torch.where(together, height, torch.inf).amin(-1)
    largest = torch.where(together, height, -torch.inf).amax(-1)
    above = torch.where(distance > rule.outer, largest, least)
    beside = (above > -rule.spacing) | ~sided
    return torch.where(beside, torch.maximum(above + lift, distance - rule.spacing), above + lift)


def _below(
    height: Float[Tensor, "n k"],
    together: Bool[Tensor, "n k"],
    distance: Float[Tensor, "n"],
    ends: tuple[float, float],
    spacing: float,
) -> Float[Tensor, "n"]:
    """How surely points lie inside, in [0, 1]: below the tangent planes of all vertices, and under the surface.

    Beyond a border points lie below the planes, too, but beside the surface.

    Args:
        height: Above the nearest vertices' tangent planes, metres; the nearest vertex first.
        together: Which of these vertices count.
        distance: From the nearest vertex, metres.
        ends: Depths between which points become sure, metres.
        spacing: How far a point of the surface may lie from its nearest vertex, metres.
    """
    depth = fall_off(torch.where(together, height, -torch.inf).amax(-1), -ends[1], -ends[0])
    aside = (distance.square() - height[:, 0].square()).clamp_min(0.0).sqrt()
    return depth * fall_off(aside, spacing, 1.5 * spacing)
