"""Colours that the photo shows at a place of the fitted body, but that belong to something else.

A fitted hand lies a little beside the photo's own. Beside it a hip or a thigh then shows a hand, and the hand itself
shows the cloth behind it.
"""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from skimage.color import rgb2lab
from torch import Tensor

from avatars.surface.limbs import LIMBS
from avatars.surface.texels import Texels

_SEEN = 0.35
_ENOUGH = 200
"""Texels from which a median says something."""
_LIKE_SKIN, _UNLIKE_SKIN, _HARDLY_SKIN = 22.0, 30.0, 40.0
"""Distances from the face's colour, CIELAB: cast shadows and light move skin by 20."""
_BARE = 0.4
"""Share of a hand's texels that look like skin where it wears no glove."""
_SPAN = 0.25
"""Metres along the body within which a garment has one colour."""


def without_strays(texels: Texels) -> Texels:
    """The same, with no confidence in skin next to hands and in what is no skin on bare hands.

    Args:
        texels: What the photo shows.
    """
    seen = texels.confidence > _SEEN
    face = seen & texels.face
    if face.sum() < _ENOUGH:
        return texels
    lab = torch.from_numpy(rgb2lab(texels.color.numpy()[None])[0]).to(torch.float32)
    from_skin = (lab - lab[face].median(0).values).norm(dim=-1)
    limb = texels.member.argmax(-1)
    confidence = texels.confidence.clone()
    for number, shape in enumerate(LIMBS):
        mine = limb == number
        if shape.is_hand:
            confidence[_not_skin(mine, seen, from_skin)] = 0.0
        elif shape.is_clothed:
            confidence[_skin_beside(texels, mine, lab, from_skin, seen)] = 0.0
    return replace(texels, confidence=confidence)


def _not_skin(hand: Bool[Tensor, "n"], seen: Bool[Tensor, "n"], from_skin: Float[Tensor, "n"]) -> Bool[Tensor, "n"]:
    """On a hand without glove: what cannot be skin."""
    shown = from_skin[hand & seen]
    bare = len(shown) > 0 and float((shown < _LIKE_SKIN).float().mean()) > _BARE
    return hand & (from_skin > _UNLIKE_SKIN) if bare else torch.zeros_like(hand)


def _skin_beside(
    texels: Texels,
    mine: Bool[Tensor, "n"],
    lab: Float[Tensor, "n 3"],
    from_skin: Float[Tensor, "n"],
    seen: Bool[Tensor, "n"],
) -> Bool[Tensor, "n"]:
    """Next to a hand: what is more like skin than like the limb's own colour at this height."""
    near, usual = mine & texels.beside_hand, mine & seen & ~texels.beside_hand
    if not bool(near.any()) or usual.sum() < _ENOUGH:
        return torch.zeros_like(near)
    height = texels.rest[:, 1]
    around = usual & ((height - height[near].mean()).abs() < _SPAN)
    own = lab[around if around.sum() > _ENOUGH else usual].median(0).values
    return near & (from_skin < (lab - own).norm(dim=-1)) & (from_skin < _HARDLY_SKIN)
