"""Pictures by rays that end behind a known surface, and go on only where the field let light through there.

A surface says where most rays are swallowed, so that nothing behind need be looked at. In a deep crease, or past a thin
edge, it is not so: what such rays meet further back is added.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.rendering.image import Image
from nfield.types import Rays

_OPAQUE = 0.99  # from here on nothing shows behind

Along = Callable[[Rays, tuple[int, int]], Image | None]
"""Renders rays as an image of some height and width, or gives None where somebody stopped it."""


def render_ended(
    along: Along, rays: Rays, ends: Float[Tensor, "r"], size: tuple[int, int], *, background: Float[Tensor, "3"]
) -> Image | None:
    """A view; None where it was stopped.

    Args:
        along: Renders rays before the background.
        rays: One per pixel, row by row.
        ends: Where each is thought to be swallowed, metres along it.
        size: Height and width of the image.
        background: Colour behind everything.
    """
    seen = along(replace(rays, far=torch.minimum(rays.far, ends)), size)
    if seen is None:
        return None
    onward = ((ends < rays.far) & (seen.opacity.reshape(-1) < _OPAQUE)).nonzero()[:, 0]
    if not len(onward):
        return seen
    behind = along(replace(rays, near=torch.maximum(rays.near, ends))[onward], (1, len(onward)))
    return None if behind is None else _before(seen, behind, onward, background)


def _before(seen: Image, behind: Image, pixel: Int[Tensor, "m"], background: Float[Tensor, "3"]) -> Image:
    """A view with what some of its pixels show further back in place of the background."""
    size, through = seen.opacity.shape, 1.0 - seen.opacity.reshape(-1)[pixel]
    color = seen.color.reshape(-1, 3).index_add(0, pixel, through[:, None] * (behind.color[0] - background))
    opacity = seen.opacity.reshape(-1).index_add(0, pixel, through * behind.opacity[0])
    depth = seen.depth.reshape(-1).index_add(0, pixel, through * behind.depth[0])
    return Image(color.clamp(0.0, 1.0).reshape(*size, 3), opacity.reshape(size), depth.reshape(size))
