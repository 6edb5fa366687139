"""Colours that the photo shows at a place of the fitted body, but that belong to something else.

A fitted hand lies a little beside the photo's own. Beside it a hip or a thigh then shows a hand, and the hand itself
shows the cloth behind it; so does a bare forearm that lies on a thigh. What is told by its colour takes with it what
lies around and between: lights on a finger, its shadow.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from scipy.spatial import KDTree
from skimage.color import rgb2lab
from torch import Tensor

from avatars.surface.limbs import LIMBS
from avatars.surface.texels import Texels

_SEEN = 0.35
_ENOUGH = 200
"""Texels from which a median says something."""
_SHADED_SKIN, _LIKE_SKIN, _UNLIKE_SKIN, _HARDLY_SKIN = 16.0, 22.0, 30.0, 40.0
"""Distances from the face's colour, CIELAB: cast shadows and light move skin by 20."""
_UNLIKE_OWN = 11.0
"""Distance from a garment's own colour, CIELAB with `_HUES`, up to which it is no skin: beige cloth is like skin."""
_HUES = torch.tensor([0.3, 1.0, 1.0])
"""How much lightness and colour count in CIELAB where light and shadow are not to decide."""
_BARE = 0.2
"""Share of a hand's texels that look like skin where it wears no glove."""
_SPAN = 0.25
"""Metres along the body within which a garment has one colour."""
_FOREARM = 0.3
"""Metres from the wrist's end of an arm up to where sleeves may end."""
_BESIDE = 0.05
"""Metres in the photo from an arm within which lies what it may show instead."""
_NEIGHBOURS, _LIKE_IT = 64, 4
"""How many of the nearest texels of clothes are asked, and how many of them must look like it."""
_MUCH_LIKER = 0.5
"""How many times as near as skin's a colour is where it is what lies beside."""
_PITCH = 0.0015
"""Of the grid in the photo on which it is told what lies around strays, metres."""


@dataclass(frozen=True)
class _Surroundings:
    """What is taken along with strays, metres in the photo.

    Attributes:
        gap: Width of the gaps between them that are closed.
        rim: Of the rim around them.
    """

    gap: float
    rim: float


_ON_CLOTHES = _Surroundings(0.02, 0.006)
_ON_SKIN = _Surroundings(0.005, 0.003)  # Fingers are thin.


def without_strays(texels: Texels) -> Texels:
    """The same, with no confidence in skin next to hands and in what is no skin on bare hands and forearms.

    Args:
        texels: What the photo shows.
    """
    seen = texels.confidence > _SEEN
    face = seen & texels.face
    if face.sum() < _ENOUGH:
        return texels
    lab = torch.from_numpy(rgb2lab(texels.color.numpy()[None])[0]).to(torch.float32)
    limb = texels.member.argmax(-1)
    clothed = torch.isin(limb, torch.tensor([k for k, shape in enumerate(LIMBS) if shape.is_clothed]))
    photo = _Photo(texels, seen, lab, lab[face].median(0).values, clothed)
    confidence = texels.confidence.clone()
    for number, shape in enumerate(LIMBS):
        mine = limb == number
        if shape.is_hand:
            confidence[_on_hand(photo, mine)] = 0.0
        elif shape.is_arm:
            away = torch.where(mine, texels.rest[:, 0].abs(), 0.0)
            stray = _shown_instead(photo, mine & (away > away.max() - _FOREARM))
            confidence[_around(stray, mine, texels, _ON_SKIN)] = 0.0
        elif shape.is_clothed:
            stray = _skin_beside(photo, mine)
            confidence[_around(stray, mine & texels.beside_hand, texels, _ON_CLOTHES)] = 0.0
    return replace(texels, confidence=confidence)


@dataclass(frozen=True)
class _Photo:
    """What the photo shows.

    Attributes:
        texels: All of them.
        seen: Those whose colours are trusted.
        lab: Their CIELAB colours.
        skin: That of the face.
        clothed: Texels of limbs that clothes usually cover.
    """

    texels: Texels
    seen: Bool[Tensor, "n"]
    lab: Float[Tensor, "n 3"]
    skin: Float[Tensor, "3"]
    clothed: Bool[Tensor, "n"]

    @cached_property
    def from_skin(self) -> Float[Tensor, "n"]:
        """Distance of each colour from the face's."""
        return (self.lab - self.skin).norm(dim=-1)

    def is_bare(self, limb: Bool[Tensor, "n"]) -> bool:
        """Whether enough of a limb looks like skin."""
        shown = self.from_skin[limb & self.seen]
        return len(shown) > 0 and float((shown < _LIKE_SKIN).float().mean()) > _BARE


def _on_hand(photo: _Photo, hand: Bool[Tensor, "n"]) -> Bool[Tensor, "n"]:
    """On a hand: what is no skin, if it is bare; all of it where only deep shadow would be left."""
    stray = _around(_not_skin(photo, hand) | _shown_instead(photo, hand), hand, photo.texels, _ON_SKIN)
    left = photo.from_skin[hand & photo.seen & ~stray]
    in_shadow = bool(stray.any()) and len(left) > 0 and float(left.median()) > _SHADED_SKIN
    return hand if in_shadow else stray


def _not_skin(photo: _Photo, hand: Bool[Tensor, "n"]) -> Bool[Tensor, "n"]:
    """On a hand without glove: what cannot be skin."""
    return hand & (photo.from_skin > _UNLIKE_SKIN) & photo.is_bare(hand)


def _shown_instead(photo: _Photo, limb: Bool[Tensor, "n"]) -> Bool[Tensor, "n"]:
    """On a bare hand or forearm: what is hardly skin, but looks like the clothes next to it in the photo."""
    place, lab = photo.texels.place, photo.lab
    odd = (limb & photo.seen & (photo.from_skin > _SHADED_SKIN)).nonzero()[:, 0]
    beside = (photo.clothed & photo.seen).nonzero()[:, 0]
    result = torch.zeros_like(limb)
    if not len(odd) or len(beside) < _ENOUGH or not photo.is_bare(limb):
        return result
    tree = KDTree(place[beside].numpy())
    distance, nearest = tree.query(place[odd].numpy(), k=_NEIGHBOURS, distance_upper_bound=_BESIDE)
    colors = lab[beside[torch.from_numpy(nearest).clamp_max(len(beside) - 1)]]
    unlike = (lab[odd][:, None] - colors).norm(dim=-1)
    unlike[torch.from_numpy(np.isinf(distance))] = torch.inf
    result[odd] = unlike.kthvalue(_LIKE_IT, dim=1).values < _MUCH_LIKER * photo.from_skin[odd]
    return result


def _skin_beside(photo: _Photo, limb: Bool[Tensor, "n"]) -> Bool[Tensor, "n"]:
    """Next to a hand: what is more like skin than like the limb's own colour at this height, in light or shadow."""
    texels, lab = photo.texels, photo.lab
    near, usual = limb & texels.beside_hand, limb & photo.seen & ~texels.beside_hand
    if not bool(near.any()) or usual.sum() < _ENOUGH:
        return torch.zeros_like(near)
    height = texels.rest[:, 1]
    around = usual & ((height - height[near].mean()).abs() < _SPAN)
    own = lab[around if around.sum() > _ENOUGH else usual].median(0).values
    from_skin, from_own = (((lab - color) * _HUES).norm(dim=-1) for color in (photo.skin, own))
    return near & (from_skin < from_own) & (from_own > _UNLIKE_OWN) & (photo.from_skin < _HARDLY_SKIN)


def _around(
    stray: Bool[Tensor, "n"], where: Bool[Tensor, "n"], texels: Texels, taken: _Surroundings
) -> Bool[Tensor, "n"]:
    """The strays, and those of `where` that lie in the photo between them or next to them."""
    shown = stray & (texels.confidence > 0.0)
    if not bool(shown.any()):
        return stray
    gap, rim = 0.5 * taken.gap / _PITCH, taken.rim / _PITCH
    cell = (texels.place / _PITCH).round().long()
    low = cell[shown].amin(0) - 2 * int(gap + rim) - 2
    size = (cell[shown].amax(0) + 2 * int(gap + rim) + 3 - low).tolist()
    hit = np.zeros(size, bool)
    hit[tuple((cell[shown] - low).T.numpy())] = True
    grown = np.asarray(ndimage.distance_transform_edt(~hit)) <= gap + rim
    closed = np.asarray(ndimage.distance_transform_edt(grown)) > gap
    inside = where & ((cell >= low) & (cell < low + torch.tensor(size))).all(-1)
    found = stray.clone()
    found[inside] |= torch.from_numpy(closed[tuple((cell[inside] - low).T.numpy())])
    return found
