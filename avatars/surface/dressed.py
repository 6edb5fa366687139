"""The surface of a dressed body: the body's own vertices, grown to the outline, and what hangs on it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.body import Body, BodyModel
from avatars.body.model import JOINTS
from avatars.body.skinning import blend, transform


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
    def tight(vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"]) -> "DressedSurface":
        """A body without loose garments.

        Args:
            vertices: All of the body's vertices in their clothes, metres.
            faces: Those of its triangles that belong to the outside.
        """
        return DressedSurface(vertices, faces, vertices.new_zeros(0, JOINTS))

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
