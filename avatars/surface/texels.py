"""What is known of the texels of a surface before it is completed."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.spatial import KDTree
from torch import Tensor

from avatars.surface.limbs import NAMES, hangs_as, memberships
from avatars.surface.mesh import vertex_normals
from avatars.surface.paint import PhotographedSurface
from avatars.surface.regions import BodyRegions
from avatars.surface.visibility import PosedSurface, Visibility, VisibilityConfig, visibility
from nfield.interpolation import bicubic
from nfield.texture_atlas import Atlas

_FACING = 0.1
BESIDE_HAND = 0.09
"""Metres in the photo from a fitted hand within which the photo's own may lie."""


@dataclass(frozen=True)
class Texels:
    """Texels of a surface, and what the photo shows of them.

    Attributes:
        rest: Where they lie at rest, metres.
        member: How much each belongs to each of `avatars.surface.limbs.LIMBS`.
        color: sRGB of the photo there, in [0, 1].
        confidence: In that colour, in [0, 1]; 0 where the photo does not show it.
        place: Where they lie in the photo, columns and rows, metres at the person's distance.
        facing: Whether they face the camera.
        face: Whether they belong to the face.
        scalp: Whether hair grows there on everybody who has any.
        beside_hand: Whether they lie next to a hand in the photo.
        lining: Whether they lie on the inner side of loose clothes.
        shaded: Whether they show a shadow that an arm casts: seen so, but nothing that goes on around the body.
    """

    rest: Float[Tensor, "n 3"]
    member: Float[Tensor, "n l"]
    color: Float[Tensor, "n 3"]
    confidence: Float[Tensor, "n"]
    place: Float[Tensor, "n 2"]
    facing: Bool[Tensor, "n"]
    face: Bool[Tensor, "n"]
    scalp: Bool[Tensor, "n"]
    beside_hand: Bool[Tensor, "n"]
    lining: Bool[Tensor, "n"]
    shaded: Bool[Tensor, "n"]


def photographed_texels(shown: PhotographedSurface, atlas: Atlas, config: VisibilityConfig) -> Texels:
    """What a photo shows of a surface's texels.

    Args:
        shown: The surface and the photo.
        atlas: Its texels.
        config: When the photo is trusted.
    """
    surface = shown.surface
    points = atlas.at(shown.posed)
    normals = torch.nn.functional.normalize(atlas.at(vertex_normals(shown.posed, surface.faces)), dim=-1)
    posed = PosedSurface(shown.posed, surface.faces, points, normals)
    seen = visibility(posed, shown.mask.to(torch.float32), shown.camera, config)
    facing = (normals * torch.nn.functional.normalize(points, dim=-1)).sum(-1) < -_FACING
    regions = BodyRegions.of(shown.model)
    flags = torch.stack([regions.face, regions.scalp, regions.hands, regions.head], -1).to(torch.float32)
    face, scalp, hand, head = (atlas.at(surface.spread(shown.dressed.padded(flags))) > 0.5).unbind(-1)
    member, lining = _belonging(shown, atlas, head)
    color = bicubic(shown.photo.to(torch.float32) / 255.0, seen.pixel)
    beside = _beside_hand(seen, points, hand, shown)
    place = seen.pixel * (float(points[:, 2].median()) / float(shown.camera.focal_lengths[0, 0]))
    rest, shaded = atlas.at(shown.rest), torch.zeros_like(lining)
    return Texels(rest, member, color, seen.confidence, place, facing, face, scalp, beside, lining, shaded)


def _belonging(
    shown: PhotographedSurface, atlas: Atlas, head: Bool[Tensor, "n"]
) -> tuple[Float[Tensor, "n l"], Bool[Tensor, "n"]]:
    """Limbs of texels, and whether they are lining; a texel is the head's wholly or not at all."""
    dressed, garment = shown.dressed, shown.dressed.garment
    members = memberships(dressed.weights(shown.model), shown.model.joint_names)
    member = _apart(atlas.at(shown.surface.spread(members)), head)
    if garment is None:
        return member, torch.zeros(len(member), dtype=torch.bool)
    vertex = shown.surface.parents[atlas.faces[atlas.face][:, 0], 0] - dressed.body_count
    hangs, vertex = vertex >= 0, vertex.clamp_min(0)
    for number, kind in enumerate(garment.kinds):
        limb = hangs_as(kind)
        if limb is not None:
            mine = hangs & (garment.piece[vertex] == number)
            member[mine] = torch.nn.functional.one_hot(torch.tensor(NAMES.index(limb)), len(NAMES)).to(member)
    return member, hangs & (garment.outer[vertex] >= 0)


def _apart(member: Float[Tensor, "n l"], head: Bool[Tensor, "n"]) -> Float[Tensor, "n l"]:
    """Limbs of texels, the head's apart from the trunk's: skin weights pass into each other where clothes end."""
    upper, lower = NAMES.index("head"), NAMES.index("torso")
    below = member.clone()
    below[:, lower] += below[:, upper]
    below[:, upper] = 0.0
    alone = torch.nn.functional.one_hot(torch.tensor(upper), len(NAMES)).to(member)
    return torch.where(head[:, None], alone, below)


def _beside_hand(
    seen: Visibility, points: Float[Tensor, "n 3"], hand: Bool[Tensor, "n"], shown: PhotographedSurface
) -> Bool[Tensor, "n"]:
    if not bool(hand.any()):
        return hand
    radius = BESIDE_HAND * float(shown.camera.focal_lengths[0, 0]) / float(points[hand, 2].mean())
    hands = np.unique((seen.pixel[hand] / 4.0).round().numpy(), axis=0) * 4.0
    distance, _ = KDTree(hands).query(seen.pixel.numpy(), distance_upper_bound=radius)
    return torch.from_numpy(np.isfinite(distance)) & ~hand
