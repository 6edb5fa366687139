"""From the posed world to the canonical T-pose, by the skin of the nearest vertices.

HumanNeRF and ELICIT look skin weights up in a coarse volume. Here the posed body itself says how it moved: each of its
vertices carries an affine map from rest to pose, and a point of space follows the vertices next to it. The map is exact
on the surface, pose blendshapes included, and what is near a hand does not reappear beside a thigh.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from avatars.body.skinning import transform
from avatars.surface.mesh import subdivide, vertex_normals
from nfield.fields.warped import Warp, Warped
from nfield.kernels.nearest import NearestCenters

_SPACING = 0.008
"""Metres that a point of the surface may lie from its nearest vertex."""


@dataclass(frozen=True)
class SkinningConfig:
    """How far a body's motion reaches into the space around it."""

    neighbours: int = 4
    """Nearest vertices that a point follows."""
    spread: float = 0.015
    """Width of the Gaussian that weights them, metres."""
    apart: float = 0.08
    """Vertices farther than this from the nearest one at rest, metres, belong to another limb and are left out."""
    inner: float = 0.03
    """Up to this distance from the body, metres, a point belongs to it wholly."""
    outer: float = 0.065
    """From this distance on, metres, it does not belong to it."""
    depth: float | None = None
    """Points inside belong to it wholly down to this depth, metres, and distances count along the surface's normals,
    outwards. None: distances count from the nearest vertex, in both directions."""
    core: tuple[float, float] | None = None
    """Depths below the surface, metres, at which points begin to be solid and from which on they are, whatever the
    canonical field says there. None: nothing is known to be solid. Needs `depth`."""
    refinement: int = 0
    """How often the surface's triangles are divided into four first."""

    @staticmethod
    def close() -> "SkinningConfig":
        """A reach that ends close outside the surface, where nothing of the person can be."""
        return SkinningConfig(spread=0.006, inner=0.004, outer=0.009, depth=0.03, core=(0.001, 0.003), refinement=1)

    @property
    def reach(self) -> float:
        """Distance from the nearest vertex beyond which no point belongs to the body, metres."""
        return self.outer if self.depth is None else max(self.outer + _SPACING, self.depth)


class InverseSkinning(Warp):
    """Carries points around a posed body back to the body at rest.

    Args:
        vertices: Of the posed body, metres.
        posed_from_rest: Affine map of each vertex from rest to pose.
        config: Reach and blending.
        normals: Of the posed body, unit vectors outwards; needed where the configuration tells inside from outside.
        sided: Vertices below which the body is solid; all of them where it is left out.
    """

    def __init__(
        self,
        vertices: Float[Tensor, "v 3"],
        posed_from_rest: Float[Tensor, "v 3 4"],
        config: SkinningConfig | None = None,
        normals: Float[Tensor, "v 3"] | None = None,
        sided: Bool[Tensor, "v"] | None = None,
    ) -> None:
        super().__init__()
        self.config = config or SkinningConfig()
        assert normals is not None or self.config.depth is None
        self.register_buffer("normals", normals, persistent=False)
        self.register_buffer("sided", sided, persistent=False)
        self._surface = NearestCenters(vertices)
        rest_from_posed = inverse(posed_from_rest.detach())
        self.register_buffer("rest_from_posed", rest_from_posed, persistent=False)
        self.register_buffer("rest", transform(rest_from_posed, vertices.detach()), persistent=False)

    @staticmethod
    def of_surface(
        vertices: Float[Tensor, "v 3"],
        faces: Int[Tensor, "t 3"],
        posed_from_rest: Float[Tensor, "v 3 4"],
        config: SkinningConfig,
        sided: Bool[Tensor, "v"] | None = None,
    ) -> "InverseSkinning":
        """The warp of a posed surface.

        Args:
            vertices: Metres; those that no triangle has do not count.
            faces: Corners of each triangle, counter-clockwise from outside.
            posed_from_rest: Affine map of each vertex from rest to pose.
            config: Reach, blending and refinement.
            sided: Vertices below which the surface is solid; all of them where it is left out.
        """
        sided = torch.ones(len(vertices), dtype=torch.bool) if sided is None else sided
        for _ in range(config.refinement):
            finer = subdivide(faces, len(vertices))
            posed_from_rest = finer.spread(posed_from_rest.reshape(-1, 12)).reshape(-1, 3, 4)
            sided = finer.spread(sided[:, None].float())[:, 0] == 1.0
            vertices, faces = finer.spread(vertices), finer.faces
        used = faces.unique()
        normals = vertex_normals(vertices, faces)[used]
        return InverseSkinning(vertices[used], posed_from_rest[used], config, normals, sided[used])

    @torch.no_grad()
    def to_canonical(self, points: Float[Tensor, "n 3"]) -> Warped:
        """Points at rest, metres; absent points stay where they are. Not differentiable."""
        config = self.config
        found, square = self._surface.query(points, config.neighbours, within=config.reach)
        near = (square[:, 0] < config.reach**2).nonzero()[:, 0]
        square, vertex = square[near], found[near].long()
        rest = self.get_buffer("rest")[vertex]
        together = (rest - rest[:, :1]).square().sum(-1) < config.apart**2
        # Neighbours out of reach weigh exp(-inf) = 0.
        weight = ((square[:, :1] - square) / (2.0 * config.spread**2)).exp() * together
        weight = weight / weight.sum(-1, keepdim=True)
        affine = self.get_buffer("rest_from_posed")[vertex]
        blended = (weight[:, None] @ affine.reshape(-1, config.neighbours, 12)).reshape(-1, 3, 4)
        moved = points.clone()
        moved[near] = (blended[:, :, :3] @ points[near, :, None])[:, :, 0] + blended[:, :, 3]
        presence, distance = torch.zeros_like(points[:, 0]), square[:, 0].sqrt()
        if config.depth is None:
            presence[near] = fall_off(distance, config.inner, config.outer)
            return Warped(moved, presence)
        away = points[near, None] - self._surface.centers[vertex]
        height = (away * self.get_buffer("normals")[vertex]).sum(-1)
        presence[near] = fall_off(_above(height, together, distance), config.inner, config.outer)
        if config.core is None:
            return Warped(moved, presence)
        core = torch.zeros_like(presence)
        core[near] = _below(height, together, distance, config.core)
        if self.sided is not None:
            core[near] *= self.get_buffer("sided")[vertex[:, 0]]
        return Warped(moved, presence, core)


def _above(
    height: Float[Tensor, "n k"], together: Bool[Tensor, "n k"], distance: Float[Tensor, "n"]
) -> Float[Tensor, "n"]:
    """How far outside the surface points lie at least, metres; at most 0 inside.

    Of the heights above the nearest vertices' tangent planes the least: what is inside one of two sheets that touch is
    inside. Beside a border, where the planes go on and the surface does not, the distance counts.

    Args:
        height: Above the nearest vertices' tangent planes, metres.
        together: Which of these vertices count.
        distance: From the nearest vertex, metres.
    """
    above = torch.where(together, height, torch.inf).amin(-1)
    return torch.where(above > -_SPACING, torch.maximum(above, distance - _SPACING), above)


def _below(
    height: Float[Tensor, "n k"], together: Bool[Tensor, "n k"], distance: Float[Tensor, "n"], ends: tuple[float, float]
) -> Float[Tensor, "n"]:
    """How surely points lie inside, in [0, 1]: below the tangent planes of all vertices, and under the surface.

    Beyond a border points lie below the planes, too, but beside the surface.

    Args:
        height: Above the nearest vertices' tangent planes, metres; the nearest vertex first.
        together: Which of these vertices count.
        distance: From the nearest vertex, metres.
        ends: Depths between which points become sure, metres.
    """
    depth = fall_off(torch.where(together, height, -torch.inf).amax(-1), -ends[1], -ends[0])
    aside = (distance.square() - height[:, 0].square()).clamp_min(0.0).sqrt()
    return depth * fall_off(aside, _SPACING, 1.5 * _SPACING)


def fall_off(distance: Float[Tensor, "n"], inner: float, outer: float) -> Float[Tensor, "n"]:
    """1 up to `inner`, 0 from `outer` on, a smooth cubic between.

    >>> fall_off(torch.tensor([0.0, 1.0, 1.5, 2.0, 9.0]), 1.0, 2.0).tolist()
    [1.0, 1.0, 0.5, 0.0, 0.0]
    """
    share = ((outer - distance) / (outer - inner)).clamp(0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def inverse(affine: Float[Tensor, "v 3 4"]) -> Float[Tensor, "v 3 4"]:
    """The affine maps that undo the given ones."""
    linear = torch.linalg.inv(affine[:, :, :3].double())
    return torch.cat([linear, -linear @ affine[:, :, 3:].double()], -1).to(affine)
