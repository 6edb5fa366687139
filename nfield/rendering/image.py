"""Whole images in chunks of rays, cancellable between them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.devices import CPU, on_device
from nfield.fields.base import Field
from nfield.rendering.renderer import Renderer
from nfield.types import Rays

CHUNK = 1 << 14
"""Rays that are rendered at once, where nobody waits for an answer between."""

ShouldStop = Callable[[], bool]
"""Asked between two chunks of rays; True ends the rendering."""


def never() -> bool:
    """For whom nothing stops."""
    return False


@dataclass(frozen=True)
class Image:
    """A rendered view.

    Attributes:
        color: sRGB in [0, 1] over the background.
        opacity: In [0, 1].
        depth: Expected distance along the ray times opacity, metres.
    """

    color: Float[Tensor, "h w 3"]
    opacity: Float[Tensor, "h w"]
    depth: Float[Tensor, "h w"]


@torch.no_grad()
def render_rays(
    renderer: Renderer,
    field: Field,
    rays: Rays,
    size: tuple[int, int],
    *,
    background: Float[Tensor, "3"],
    should_stop: ShouldStop = never,
    chunk: int = CHUNK,
) -> Image | None:
    """What the rays of all pixels of an image see; None where `should_stop` said so between two chunks.

    The image comes back to the CPU, wherever it was rendered.

    Args:
        renderer: Places samples and composites.
        field: What is looked at.
        rays: One per pixel, row by row.
        size: Height and width of the image.
        background: Colour behind everything.
        should_stop: Asked before each chunk.
        chunk: Rays that are rendered at once.
    """
    parts = []
    for first in range(0, len(rays), chunk):
        if should_stop():
            return None
        parts.append(renderer(field, rays[first : first + chunk], background=background))
    height, width = size
    color = torch.cat([p.color for p in parts]).clamp(0.0, 1.0).reshape(height, width, 3)
    opacity = torch.cat([p.opacity for p in parts]).reshape(height, width)
    image = Image(color, opacity, torch.cat([p.depth for p in parts]).reshape(height, width))
    return on_device(image, CPU)
