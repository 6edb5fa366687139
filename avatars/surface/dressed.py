"""The surface of a dressed body: the body's own vertices, grown to the outline, and what hangs on it."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from avatars.body import Body, BodyModel
from avatars.body.skinning import transform
from avatars.surface.garment.garment import Garment
from avatars.surface.garment.pose import garment_from_rest
from avatars.surface.mesh import vertex_normals, winding_numbers
from nfield.kernels.nearest import NearestCenters

_DEPTH = 0.003
"""Metres below and above the surface at which it is looked what is inside."""
_HEIGHTS = (0.0015, 0.003, 0.0045, 0.006, 0.0075, 0.009, 0.0105, 0.012)
"""Metres above the surface at which it is looked whether something else is there."""
_FIRM = 0.75
"""Share of a vertex's skin weights that one joint has where no limb bends."""
_BESIDE = 0.03
"""Metres from what hangs within which the body's surface may leave slits to it."""
_HAZE = 0.003
"""Metres from a surface within which a field may be dense, too."""


@dataclass(frozen=True)
class DressedSurface:
    """A dressed body at rest.

    Attributes:
        rest: All of the body's vertices in their clothes, then those of the garment, metres.
        faces: Corners of each triangle of the outside: the body's that nothing covers, then the garment's.
        garment: Clothes and hair that leave the body, where there are any.
    """

    rest: Float[Tensor, "v 3"]
    faces: Int[Tensor, "t 3"]
    garment: Garment | None = None

    @staticmethod
    def wearing(garment: Garment, faces: Int[Tensor, "t 3"]) -> "DressedSurface":
        """A body with clothes or hair that leave it.

        Args:
            garment: What hangs on it.
            faces: Those of the body's triangles that belong to the outside.
        """
        hanging = garment.faces + len(garment.body)
        return DressedSurface(torch.cat([garment.body, garment.rest]), torch.cat([faces, hanging]), garment)

    @property
    def body_count(self) -> int:
        """How many of the vertices are the body's."""
        return len(self.rest) if self.garment is None else len(self.garment.body)

    def with_body(self, body: Float[Tensor, "b 3"]) -> "DressedSurface":
        """The same with other places of the body's vertices at rest, metres."""
        garment = None if self.garment is None else replace(self.garment, body=body)
        return DressedSurface(torch.cat([body, self.rest[len(body) :]]), self.faces, garment)

    @cached_property
    def sided(self) -> Bool[Tensor, "v"]:
        """Vertices whose normal leads from the inside to the outside: not those of folds that run through each other.

        Inside is where the winding number exceeds one half (Jacobson et al. 2013; Barill et al. 2018).
        """
        normals = vertex_normals(self.rest, self.faces)
        places = torch.cat([self.rest - _DEPTH * normals, self.rest + _DEPTH * normals])
        inside = winding_numbers(self.rest, self.faces, places) > 0.5
        below, above = inside.chunk(2)
        return below & ~above

    @cached_property
    def headroom(self) -> Float[Tensor, "v"]:
        """How far the space above each vertex is free at rest, metres; infinite where nothing is met within 12 mm.

        Where the surface of something else begins, nothing is free for 3 mm before it, either.

        Wide trouser legs lie in each other there: what is inside of one leg lies above the other's surface.
        """
        normals = vertex_normals(self.rest, self.faces)
        free = torch.full((len(self.rest),), torch.inf)
        for height in reversed(_HEIGHTS):
            taken = winding_numbers(self.rest, self.faces, self.rest + height * normals) > 0.5
            free[taken] = max(0.0, height - _HAZE)
        return free

    def close_fitting(self, model: BodyModel) -> Bool[Tensor, "v"]:
        """Vertices of the body whose surface is known to a millimetre or two: nothing hangs there, and no limb bends.

        Where the surface has no inside, where a garment begins, and where a limb joins another, it may leave slits,
        which what lies above it has to close.

        Args:
            model: The body's constants.
        """
        fitting = self.sided & (self.weights(model).amax(-1) > _FIRM)
        fitting[self.body_count :] = False
        if self.garment is not None:
            hanging = NearestCenters(self.rest[self.body_count :])
            fitting &= hanging.query(self.rest, 1, within=_BESIDE)[1][:, 0] >= _BESIDE**2
        return fitting

    def padded(self, values: Float[Tensor, "b c"]) -> Float[Tensor, "v c"]:
        """Values of the body's vertices, 0 on the garment."""
        return torch.cat([values, values.new_zeros(len(self.rest) - len(values), values.shape[1])])

    def weights(self, model: BodyModel) -> Float[Tensor, "v j"]:
        """Skin weights of all vertices."""
        return model.weights if self.garment is None else torch.cat([model.weights, self.garment.weights])

    def posed_from_rest(self, model: BodyModel, body: Body) -> Float[Tensor, "v 3 4"]:
        """The affine map of each vertex from rest to a pose.

        Args:
            model: The body's constants.
            body: The posed body.
        """
        if self.garment is None:
            return body.posed_from_rest
        return torch.cat([body.posed_from_rest, garment_from_rest(model, self.garment, body)])

    def posed(self, model: BodyModel, body: Body) -> Float[Tensor, "v 3"]:
        """The vertices in a pose, metres."""
        return transform(self.posed_from_rest(model, body), self.rest)


def uncovered(faces: Int[Tensor, "t 3"], garment: Garment | None) -> Bool[Tensor, "t"]:
    """Which of the body's triangles a garment does not cover; at its edges they reach a little under it."""
    if garment is None:
        return torch.ones(len(faces), dtype=torch.bool)
    return ~garment.covered[faces].all(1)
