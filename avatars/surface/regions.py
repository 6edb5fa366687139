"""Regions of the body that people look different in: scalp, face, hands."""

from dataclasses import dataclass

from jaxtyping import Bool
from torch import Tensor

from avatars.body import BodyModel
from avatars.surface.mesh import HEAD, face_vertices, hand_vertices, vertex_parts


@dataclass(frozen=True)
class BodyRegions:
    """Vertices of some regions.

    Attributes:
        skull: Where hair may grow.
        scalp: Its upper part, where hair grows on everybody who has any: hairlines differ.
        face: The front of the head between chin and forehead.
        hands: Hands.
    """

    skull: Bool[Tensor, "v"]
    scalp: Bool[Tensor, "v"]
    face: Bool[Tensor, "v"]
    hands: Bool[Tensor, "v"]

    @staticmethod
    def of(model: BodyModel) -> "BodyRegions":
        """The regions of a body that has landmarks at eyes and ears."""
        rest, head, face = model.template, vertex_parts(model) == HEAD, face_vertices(model)
        ears = rest[model.vertices_at(("lear", "rear"))].mean(0)
        eyes = rest[model.vertices_at(("leye", "reye"))].mean(0)
        skull = head & ~face & ((rest[:, 1] > ears[1] + 0.02) | (rest[:, 2] < ears[2] - 0.03))
        scalp = skull & (rest[:, 1] > eyes[1] + 0.65 * (rest[:, 1].max() - eyes[1]))
        return BodyRegions(skull, scalp, face, hand_vertices(model))
