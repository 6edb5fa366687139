"""Regions of the body that people look different in: scalp, face, neck, hands."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from avatars.body import BodyModel
from avatars.surface.mesh import HEAD, face_vertices, hand_vertices, vertex_parts

_NECK_BASE = -0.1
"""Share of the way from the neck's joint to the head's at which the neck begins: clothes end there behind."""
_NECK_WIDTH = 1.05
"""How many times as far from its axis as half way up the neck reaches at most; shoulders lie farther."""


@dataclass(frozen=True)
class BodyRegions:
    """Vertices of some regions.

    Attributes:
        skull: Where hair may grow.
        scalp: Its upper part, where hair grows on everybody who has any: hairlines differ.
        face: The front of the head between chin and forehead.
        hands: Hands.
        head: The head and the neck down to where clothes end behind.
    """

    skull: Bool[Tensor, "v"]
    scalp: Bool[Tensor, "v"]
    face: Bool[Tensor, "v"]
    hands: Bool[Tensor, "v"]
    head: Bool[Tensor, "v"]

    @staticmethod
    def of(model: BodyModel) -> "BodyRegions":
        """The regions of a body that has landmarks at eyes and ears."""
        rest, head, face = model.template, vertex_parts(model) == HEAD, face_vertices(model)
        ears = rest[model.vertices_at(("lear", "rear"))].mean(0)
        eyes = rest[model.vertices_at(("leye", "reye"))].mean(0)
        skull = head & ~face & ((rest[:, 1] > ears[1] + 0.02) | (rest[:, 2] < ears[2] - 0.03))
        scalp = skull & (rest[:, 1] > eyes[1] + 0.65 * (rest[:, 1].max() - eyes[1]))
        return BodyRegions(skull, scalp, face, hand_vertices(model), head | _neck(model))


def _neck(model: BodyModel) -> Bool[Tensor, "v"]:
    """A column around the axis between the neck's joint and the head's."""
    rest, joints = model.template, model.joint_template
    base, top = (joints[model.joint_names.index(name)] for name in ("neck", "head"))
    axis, length = torch.nn.functional.normalize(top - base, dim=0), float((top - base).norm())
    along = (rest - base) @ axis / length
    away = (rest - base - along[:, None] * axis * length).norm(dim=-1)
    waist = ((along - 0.5).abs() < 0.1) & (away < 1.5 * length)
    return (along > _NECK_BASE) & (along < 1.0) & (away < _NECK_WIDTH * away[waist].max())
