"""The surface of a dressed body: the body's own vertices, grown to the outline, and what hangs on it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.body import Body, BodyModel
from avatars.body.skinning import blend, transform
from avatars.surface.exterior import visible_faces
from avatars.surface.mesh import HEAD


@dataclass(frozen=True)
class DressedSurface:
    """A dressed body at rest.

    Attributes:
        rest: All of the body's vertices in their clothes, then those of garments that leave the body, metres.
        faces: Corners of each triangle of the outside.
        garment_weights: Skin weights of the garments' vertices.
    """

    rest: Float[Tensor, "v 3"]
    faces: Int[Tensor, "t 3"]
    garment_weights: Float[Tensor, "g 24"]

    @staticmethod
    def tight(model: BodyModel, vertices: Float[Tensor, "v 3"], *, hidden: bool = False) -> "DressedSurface":
        """A body without loose garments.

        Args:
            model: The body.
            vertices: Its vertices in their clothes, metres.
            hidden: Whether to keep triangles that nobody can see: the mouth's cavity and the eyes' sockets.
        """
        faces = model.faces
        if not hidden:
            faces = faces[visible_faces(vertices, faces, model.parts == HEAD)]
        return DressedSurface(vertices, faces, vertices.new_zeros(0, model.weights.shape[1]))

    def weights(self, model: BodyModel) -> Float[Tensor, "v 24"]:
        """Skin weights of all vertices."""
        return torch.cat([model.weights, self.garment_weights])

    def posed_from_rest(self, body: Body) -> Float[Tensor, "v 3 4"]:
        """The affine map of each vertex from rest to a pose.

        Args:
            body: The posed body.
        """
        return torch.cat([body.posed_from_rest, blend(self.garment_weights, body.joints_from_rest)])

    def posed(self, body: Body) -> Float[Tensor, "v 3"]:
        """The vertices in a pose, metres."""
        return transform(self.posed_from_rest(body), self.rest)
