"""How far the photo is to be believed at each pixel: not where the painted body shows that it cannot be right.

A fitted hand lies a little beside the photo's own, whose colours would get onto the hip: next to hands the painted body
has none of them (`avatars.surface.strays`), and so shall not the field. And the field only lives in a thin layer: where
the photo's outline lies elsewhere, in the slit between an arm and the trunk, it would tear the surface and not reach
it; and of a pixel whose colour is not believed, opacity alone would be learned, from matter of any colour before the
surface.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

from avatars.portrait import PersonPhoto
from avatars.surface.mesh import hand_vertices
from avatars.surface.painted_body import PaintedBody
from avatars.surface.texels import BESIDE_HAND
from nfield.kernels.rasterize import Raster, rasterize

_ALIKE, _UNLIKE = 0.12, 0.25
"""Distances in sRGB up to which a colour is as painted, and from which on it is another: where two colours are asked of
one place, the field takes one at the pixels' centres and the other between them."""
_REACH = 0.004
"""Distance in the photo from the painted body's outline, metres, up to which the field can follow the photo's."""


@dataclass(frozen=True)
class PhotoConfidence:
    """Confidence in each pixel, in [0, 1].

    Attributes:
        color: In its colour.
        alpha: In its alpha.
    """

    color: Float[Tensor, "h w"]
    alpha: Float[Tensor, "h w"]


def photo_confidence(body: PaintedBody, person: PersonPhoto, posed: Float[Tensor, "v 3"]) -> PhotoConfidence:
    """How far the photo is to be believed at each pixel.

    Beside the body, colours are compared with what is painted nearest to them: those of the part of a hand that the
    fitted one does not cover.

    Args:
        body: The painted body.
        person: The photo.
        posed: The vertices of the dressed body as the photo shows them, in its camera's frame, metres.
    """
    camera = person.portrait.camera
    raster = rasterize(body.surface.spread(posed), body.surface.faces, camera.intrinsics[0], camera.size)
    covered = raster.face >= 0
    if not bool(covered.any()):
        return PhotoConfidence(torch.ones(camera.size), torch.ones(camera.size))
    away, nearest = _to_covered(covered)
    painted = body.appearance.shade(raster)[nearest]
    apart = (painted[..., :3] - person.photo.to(torch.float32) / 255.0).norm(dim=-1)
    metre = float(camera.focal_lengths[0, 0]) / float(posed[:, 2].median())
    beside = _to_covered(_hands(body, raster))[0] < BESIDE_HAND * metre
    unlike = ((apart - _ALIKE) / (_UNLIKE - _ALIKE)).clamp(0.0, 1.0) * beside
    inside, _ = _to_covered(~covered)
    color = 1.0 - unlike * (1.0 - painted[..., 3] * covered)
    within = torch.maximum(away, inside) < _REACH * metre
    alpha = torch.where(within, 1.0, torch.where(covered, color, 1.0) * (covered == person.mask))
    return PhotoConfidence(torch.where(within, color, torch.minimum(color, alpha)), alpha)


def _hands(body: PaintedBody, raster: Raster) -> Bool[Tensor, "h w"]:
    """Pixels that see a hand."""
    vertices = body.dressed.padded(hand_vertices(body.model).to(torch.float32)[:, None])
    return raster.interpolate(body.surface.spread(vertices), body.surface.faces)[..., 0] > 0.5


def _to_covered(covered: Bool[Tensor, "h w"]) -> tuple[Float[Tensor, "h w"], tuple[Tensor, ...]]:
    """Distance to the nearest pixel that is covered, in pixels, and its row and column."""
    if not bool(covered.any()):
        return torch.full(covered.shape, torch.inf), ()
    found: Any = ndimage.distance_transform_edt(~covered.numpy(), return_indices=True)
    return torch.from_numpy(found[0]), tuple(torch.from_numpy(found[1]))
