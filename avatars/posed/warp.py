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
from avatars.surface.mesh import Surface, subdivide, vertex_normals
from nfield.fields.warped import Warp, Warped
from nfield.kernels.nearest import NearestCenters
from nfield.kernels.skinning import SkinnedVertices, SkinningRule, inverse_skinning

_SPACING = 0.008
"""Metres that a point of the surface may lie from its nearest vertex."""
_FREE = 0.01
"""Metres above the surface that count as free for good."""
_NARROWEST = 0.002
"""Metres above the surface at which nothing belongs to it any more, however little is free there."""


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
    fitting: float | None = None
    """How far matter may lie above a surface that fits closely (`DressedSurface.close_fitting`), metres: farther out a
    fit piles it up along the outline of the photo, a ridge around the body from everywhere else. None: as elsewhere."""

    @staticmethod
    def close() -> "SkinningConfig":
        """A reach that ends close outside the surface, where nothing of the person can be."""
        core, fitting = (0.001, 0.003), 0.003
        return SkinningConfig(
            spread=0.006, inner=0.004, outer=0.009, depth=0.03, core=core, refinement=1, fitting=fitting
        )

    @property
    def rule(self) -> SkinningRule:
        """The same for the operation."""
        return SkinningRule(self.spread, self.apart, self.reach, self.inner, self.outer, _SPACING, self.core)

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
        headroom: How far the space above each vertex is free at rest, metres; it is everywhere where that is left out.
    """

    def __init__(
        self,
        vertices: Float[Tensor, "v 3"],
        posed_from_rest: Float[Tensor, "v 3 4"],
        config: SkinningConfig | None = None,
        normals: Float[Tensor, "v 3"] | None = None,
        sided: Bool[Tensor, "v"] | None = None,
        headroom: Float[Tensor, "v"] | None = None,
    ) -> None:
        super().__init__()
        self.config = config or SkinningConfig()
        along_normals = self.config.depth is not None
        assert normals is not None or not along_normals
        self._surface: NearestCenters | None = None
        back, posed = inverse(posed_from_rest.detach()), vertices.detach()
        places = {"posed": posed, "rest": transform(back, posed), "rest_from_posed": back}
        sides = {"normals": normals if along_normals else None, "sided": None if sided is None else sided.to(posed)}
        sides["lift"] = None if headroom is None else _lift(headroom, self.config.outer)
        for name, values in {**places, **sides}.items():
            self.register_buffer(name, values, persistent=False)

    @staticmethod
    def of_surface(
        vertices: Float[Tensor, "v 3"],
        faces: Int[Tensor, "t 3"],
        posed_from_rest: Float[Tensor, "v 3 4"],
        config: SkinningConfig,
        sided: Bool[Tensor, "v"] | None = None,
        headroom: Float[Tensor, "v"] | None = None,
    ) -> "InverseSkinning":
        """The warp of a posed surface.

        Args:
            vertices: Metres; those that no triangle has do not count.
            faces: Corners of each triangle, counter-clockwise from outside.
            posed_from_rest: Affine map of each vertex from rest to pose.
            config: Reach, blending and refinement.
            sided: Vertices below which the surface is solid; all of them where it is left out.
            headroom: How far the space above each vertex is free at rest, metres; everywhere where it is left out.
        """
        fine = FineSurface.of(faces, len(vertices), refinement=config.refinement, sided=sided, headroom=headroom)
        return fine.warp(vertices, posed_from_rest, config)

    @torch.no_grad()
    def to_canonical(self, points: Float[Tensor, "n 3"]) -> Warped:
        """Points at rest, metres; absent points stay where they are. Not differentiable."""
        near = self._index().query(points, self.config.neighbours, within=self.config.reach)
        found = inverse_skinning(points, *near, SkinnedVertices(**dict(self.named_buffers())), self.config.rule)
        return Warped(found.points, found.presence, None if self.config.core is None else found.core)

    def _index(self) -> NearestCenters:
        """The posed vertices, where they lie now."""
        posed = self.get_buffer("posed")
        if self._surface is None or self._surface.centers.device != posed.device:
            self._surface = NearestCenters(posed)
        return self._surface


@dataclass(frozen=True)
class FineSurface:
    """What is the same in all poses of a surface that carries the space around it.

    Attributes:
        rounds: How its triangles are divided, one after the other.
        faces: Corners of each triangle afterwards.
        used: Vertices that a triangle has.
        sided: Those of them below which the surface is solid.
        headroom: How far the space above them is free at rest, metres.
    """

    rounds: tuple[Surface, ...]
    faces: Int[Tensor, "t 3"]
    used: Int[Tensor, "u"]
    sided: Bool[Tensor, "u"]
    headroom: Float[Tensor, "u"]

    @staticmethod
    def of(
        faces: Int[Tensor, "t 3"],
        count: int,
        *,
        refinement: int,
        sided: Bool[Tensor, "v"] | None = None,
        headroom: Float[Tensor, "v"] | None = None,
    ) -> "FineSurface":
        """Divides a surface's triangles.

        Args:
            faces: Corners of each triangle, counter-clockwise from outside.
            count: Of the vertices; those that no triangle has do not count.
            refinement: How often triangles are divided into four.
            sided: Vertices below which the surface is solid; all of them where it is left out.
            headroom: How far the space above each vertex is free at rest, metres; everywhere where it is left out.
        """
        inside = torch.ones(count) if sided is None else sided.float()
        free = torch.full((count,), _FREE) if headroom is None else headroom.clamp_max(_FREE)
        known, rounds = torch.stack([inside, free], -1), list[Surface]()
        for _ in range(refinement):
            rounds.append(subdivide(faces, len(known)))
            known, faces = rounds[-1].spread(known), rounds[-1].faces
        used = faces.unique()
        return FineSurface(tuple(rounds), faces, used, known[used, 0] == 1.0, known[used, 1])

    def warp(
        self, vertices: Float[Tensor, "v 3"], posed_from_rest: Float[Tensor, "v 3 4"], config: SkinningConfig
    ) -> InverseSkinning:
        """The warp of the surface in a pose.

        Args:
            vertices: In the pose, metres.
            posed_from_rest: Affine map of each from rest to the pose.
            config: Reach and blending.
        """
        values = torch.cat([vertices, posed_from_rest.reshape(-1, 12)], -1)
        for finer in self.rounds:
            values = finer.spread(values)
        normals = vertex_normals(values[:, :3], self.faces)[self.used]
        places, affine = values[self.used].split([3, 12], -1)
        return InverseSkinning(places, affine.reshape(-1, 3, 4), config, normals, self.sided, self.headroom)


def _lift(headroom: Float[Tensor, "v"], outer: float) -> Float[Tensor, "v"]:
    """By how much more points count as outside, so that the reach ends where something else begins, metres.

    >>> _lift(torch.tensor([0.0, 0.0078125, 0.01]), 0.0078125 * 2.0)[1:].tolist()
    [0.0078125, 0.0]
    """
    crowded = headroom < _FREE
    return torch.where(crowded, outer - headroom.clamp_min(_NARROWEST), 0.0).clamp_min(0.0)


def inverse(affine: Float[Tensor, "v 3 4"]) -> Float[Tensor, "v 3 4"]:
    """The affine maps that undo the given ones."""
    linear = torch.linalg.inv(affine[:, :, :3].double())
    return torch.cat([linear, -linear @ affine[:, :, 3:].double()], -1).to(affine)
