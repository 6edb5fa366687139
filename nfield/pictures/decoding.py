"""A fitted signal as a picture of any size."""

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.fields.signal import Canvas, Signal
from nfield.pictures.alpha import straight

_CHUNK = 1 << 17


@torch.no_grad()
def render_signal(
    signal: Signal, size: tuple[int, int], *, window: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
) -> Float[Tensor, "h w c"]:
    """The signal at the pixels of a picture of any size over a part of its domain, straight and in [0, 1].

    Args:
        signal: What is shown.
        size: Height and width, pixels.
        window: Left, top, right and bottom of the part, in [0, 1].
    """
    height, width = size
    canvas = Canvas(size, 0)
    corner, opposite = torch.tensor(window).view(2, 2)
    middles = (canvas.pixel_centers(rows) for rows in torch.arange(height * width).split(_CHUNK))
    parts = [signal(corner + middle * (opposite - corner)) for middle in middles]
    return straight(torch.cat(parts).view(height, width, -1))
