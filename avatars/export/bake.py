"""Colours of a field on a mesh: what short rays see that look straight at it from close by.

Every texel is looked at, armpits and the insides of thighs included, and none obliquely; as avatars are unlit, that is
what all views of it agree on. Where the field has nothing at a texel, the nearest texels' colours are taken.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from scipy.spatial import KDTree
from torch import Tensor

from avatars.posed.rendered_field import RenderedField
from nfield.rendering.image import CHUNK
from nfield.types import Rays


@dataclass(frozen=True)
class BakeConfig:
    """How far a field's surface may be from the mesh."""

    above: float = 0.009
    """Where rays start, metres outside of the mesh."""
    below: float = 0.012
    """Where they end, metres inside of it."""
    opaque: float = 0.5
    """Opacity below which there is nothing at a texel."""


@torch.no_grad()
def bake(
    shown: RenderedField, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"], config: BakeConfig
) -> Float[Tensor, "n 3"]:
    """Colours of points of a mesh, sRGB in [0, 1].

    Args:
        shown: The field, whose sampler knows where it is empty.
        points: Of the mesh, metres.
        normals: Unit vectors outwards.
        config: Where rays start and end.
    """
    colors, opacities = [], []
    for first in range(0, len(points), CHUNK):
        part = slice(first, first + CHUNK)
        start = points[part] + config.above * normals[part]
        near = torch.zeros_like(start[:, 0])
        rays = Rays(start, -normals[part], near, near + config.above + config.below)
        seen = shown.seen(rays, background=start.new_zeros(3))
        colors.append(seen.color / seen.opacity.clamp_min(1e-3)[:, None])
        opacities.append(seen.opacity)
    if not colors:
        return points.new_zeros(0, 3)
    return _filled(torch.cat(colors).clamp(0.0, 1.0), torch.cat(opacities) > config.opaque, points)


def _filled(color: Float[Tensor, "n 3"], known: Tensor, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
    """Colours with those that are not known taken from the nearest point where one is."""
    if bool(known.all()) or not bool(known.any()):
        return color
    missing, found = (~known).nonzero()[:, 0], known.nonzero()[:, 0]
    nearest = KDTree(points[found].numpy()).query(points[missing].numpy())[1]
    return color.index_copy(0, missing, color[found[torch.from_numpy(nearest)]])
