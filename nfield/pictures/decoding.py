"""A fitted signal as a picture of any size."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nfield.data.picture import Picture
from nfield.fields.signal import Canvas, Signal
from nfield.pictures.alpha import straight
from nfield.pictures.bands import WHOLE, Part, area_averaged, bands

_CHUNK = 1 << 16


@torch.no_grad()
def render_bands(
    signal: Signal,
    size: tuple[int, int],
    *,
    fitted: tuple[int, int],
    window: tuple[float, float, float, float] = WHOLE,
) -> Iterator[Float[Tensor, "h w c"]]:
    """The signal as a picture of any size over a part of its domain, straight and in [0, 1], in bands of rows.

    Where pixels are smaller than those that were fitted, the signal is asked at their middles; where they are larger, a
    pixel is the mean of all fitted ones that it touches, so that nothing aliases.

    Args:
        signal: What is shown.
        size: Height and width, pixels.
        fitted: Height and width of the picture that the signal was fitted to.
        window: Left, top, right and bottom of the part, in [0, 1].
    """
    left, top, right, bottom = window
    covered = ((bottom - top) * fitted[0], (right - left) * fitted[1])
    if covered[0] > size[0] or covered[1] > size[1]:
        # Along an edge that is not made smaller there is a pixel for each of the finer grid's.
        finest = (max(fitted[0], round(size[0] / (bottom - top))), max(fitted[1], round(size[1] / (right - left))))
        averaged = area_averaged(pixels_of(signal, finest), window, finest, size)
        yield from (straight(band) for band in averaged)
        return
    corner, opposite = torch.tensor(window).view(2, 2)
    canvas = Canvas(size, 0)
    for first, last in bands(size):
        middles = canvas.pixel_centers(torch.arange(first * size[1], last * size[1]))
        yield straight(_at(signal, corner + middles * (opposite - corner)).view(last - first, size[1], -1))


def render_signal(
    signal: Signal,
    size: tuple[int, int],
    *,
    fitted: tuple[int, int],
    window: tuple[float, float, float, float] = WHOLE,
) -> Picture:
    """All of `render_bands`, rounded to 16 bits."""
    found = render_bands(signal, size, fitted=fitted, window=window)
    return Picture(np.concatenate([Picture.of(band).stored for band in found]))


def pixels_of(signal: Signal, size: tuple[int, int]) -> Part:
    """The signal at the middles of the pixels of a picture, within [0, 1] and as it was fitted: colours times alpha."""
    canvas = Canvas(size, 0)

    @torch.no_grad()
    def part(first: int, last: int, left: int, right: int) -> Float[Tensor, "h w c"]:
        rows, columns = torch.meshgrid(torch.arange(first, last), torch.arange(left, right), indexing="ij")
        middles = canvas.pixel_centers((rows * size[1] + columns).reshape(-1))
        return _at(signal, middles).clamp_(0.0, 1.0).view(last - first, right - left, -1)

    return part


def _at(signal: Signal, unit: Float[Tensor, "n 2"]) -> Float[Tensor, "n c"]:
    return torch.cat([signal.answers(part) for part in unit.split(_CHUNK)])
