"""Fitting a signal to a picture."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from nfield.data.picture import Picture
from nfield.devices import HostCopy, device_of
from nfield.encodings.rbf import AdaptiveBases, Nearby
from nfield.fields.signal import LARGE, Canvas, FixedPoints, Signal
from nfield.losses import squared_error
from nfield.pictures.alpha import premultiplied, straight
from nfield.training.optim import OptimConfig
from nfield.training.task import Moment

BATCH = 1 << 14
"""Pixels of a step, about, and in large pictures at least; NeuRBF's 2^18 come less far in the same time."""

_TURNS = 256
"""Steps in which every pixel of a large picture is taken once, until a step has `_MOST` pixels."""
_MOST = 1 << 18

KEPT = 1 << 25
"""Pixels of the largest picture whose pixels' kernels are kept."""

_CHUNK = 1 << 16


def image_optim(size: tuple[int, int] = (1, 1)) -> OptimConfig:
    """NeuRBF's rates for pictures: Adam without warm-up, falling along a cosine to a hundredth.

    Args:
        size: Height and width of the picture. Rates are half as large for one of more than four megapixels, of which a
            training sees every pixel a few times only.
    """
    scale = 1.0 if size[0] * size[1] <= LARGE else 0.5
    rates = {"grid": scale * 5e-3, "features": scale * 5e-3, "shift": scale * 5e-3, "network": scale * 1e-2}
    return OptimConfig(rates=rates, warmup=1, hold=0.0, final=0.01, decay="cosine")


def batch_pixels(size: tuple[int, int]) -> int:
    """Pixels of a step in a picture of a size, about: 2^14, and a 256th of large pictures up to 2^18.

    >>> batch_pixels((256, 256)), batch_pixels((4000, 6000))
    (16384, 93750)
    """
    return min(max(size[0] * size[1] // _TURNS, BATCH), _MOST)


class ImageTask:
    """All pixels of a picture, or in a large one a pixel of every block, against the signal there.

    Blocks are squares of as many pixels as a step leaves out. Each step takes one pixel of every block, and after as
    many steps as a block has pixels every pixel has been taken once; then the order is drawn anew.

    Which kernels are near a pixel is kept for pictures of up to 32 megapixels, and found again in every step for larger
    ones, so that memory ends somewhere.

    Args:
        signal: What is fitted; its kernels have their places.
        picture: To what.
        seed: Of the order of pixels, which depends on nothing but it and the step.
    """

    def __init__(self, signal: Signal, picture: Picture, *, seed: int) -> None:
        self.signal, self.picture, self._seed = signal, picture, seed
        height, width = picture.size
        self.canvas = Canvas(picture.size, picture.channels)
        self._side = max(1, math.isqrt(height * width // batch_pixels(picture.size)))
        self._whole = self._every_pixel() if self._side == 1 else None
        kept = self._whole is None and height * width <= KEPT
        self._nearby = _nearby(signal.bases, self.canvas) if kept and signal.bases is not None else None
        self._error = HostCopy(torch.tensor(math.nan))

    def modules(self) -> Mapping[str, nn.Module]:
        """The signal."""
        return {"field": self.signal}

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The signal's."""
        return self.signal.param_groups()

    def losses(self, moment: Moment, generator: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """Mean squared error of the step's pixels."""
        if self._whole is None:
            pixels = stratified(self.canvas.size, self._side, step=moment.step, seed=self._seed)
            batch = self._batch(pixels, self._points(pixels))
        else:
            batch = self._whole
        loss = squared_error(self.signal.at(batch.points), batch.target).mean()
        self._error = HostCopy(loss)
        return {"color": loss}

    def measures(self) -> dict[str, float]:
        """PSNR of the last step's pixels, before clipping."""
        return {"psnr": -10.0 * math.log10(max(self._error.read(), 1e-12))}

    def state(self) -> dict[str, float]:
        """Nothing runs along."""
        return {}

    def restore(self, state: Mapping[str, float]) -> None:
        """Takes what `state` gave."""

    @torch.no_grad()
    def decoded(self, first: int, last: int) -> Float[Tensor, "h w c"]:
        """The signal at the pixels of rows from `first` up to and without `last`, as it was fitted, unclipped."""
        width, channels = self.canvas.size[1], self.canvas.channels
        pixels = torch.arange(first * width, last * width)
        parts = [self.signal.at(self._points(part)).cpu() for part in pixels.split(_CHUNK)]
        return torch.cat(parts).view(last - first, width, channels)

    @torch.no_grad()
    def error_at(self, most: int) -> float:
        """Mean squared error, straight and clipped, of all pixels, or of some `most` that are spread evenly."""
        height, width = self.canvas.size
        side = math.ceil(math.sqrt(max(1.0, height * width / most)))
        pixels = stratified(self.canvas.size, side, step=0, seed=0)
        found = 0.0
        for part in pixels.split(_CHUNK):
            away = straight(self.signal.at(self._points(part)).cpu()) - self.picture.at(part)
            found += float(away.double().square().sum())
        return found / (len(pixels) * self.canvas.channels)

    def _every_pixel(self) -> "_Batch":
        """Small pictures whole: their points are fixed for good."""
        height, width = self.canvas.size
        pixels = torch.arange(height * width)
        unit = self.canvas.pixel_centers(pixels).to(device_of(self.signal))
        return self._batch(pixels, self.signal.fix(unit))

    def _points(self, pixels: Int[Tensor, "n"]) -> FixedPoints:
        """Beside the signal."""
        unit = self.canvas.pixel_centers(pixels).to(device_of(self.signal))
        if self._nearby is not None:
            return FixedPoints(unit, self._nearby[pixels.to(unit.device)])
        return self.signal.fix(unit, often=False)

    def _batch(self, pixels: Int[Tensor, "n"], points: FixedPoints) -> "_Batch":
        return _Batch(points, premultiplied(self.picture.at(pixels)).to(points.unit.device))


@dataclass(frozen=True)
class _Batch:
    """Pixels of a step, and what is wanted there."""

    points: FixedPoints
    target: Float[Tensor, "n c"]


def _nearby(bases: AdaptiveBases, canvas: Canvas) -> Nearby:
    """Kernels near every pixel, and their values there."""
    count = canvas.size[0] * canvas.size[1]
    width = min(bases.config.neighbours, bases.config.count)
    device = device_of(bases)
    numbers = torch.empty(count, width, dtype=torch.int32, device=device)
    found = Nearby(numbers, torch.empty(count, width, device=device))
    for pixels in torch.arange(count).split(_CHUNK):
        place = slice(int(pixels[0]), int(pixels[-1]) + 1)
        part = bases.nearby(canvas.pixel_centers(pixels).to(device))
        found.neighbours[place], found.phi[place] = part.neighbours, part.phi
    return found


def stratified(size: tuple[int, int], side: int, *, step: int, seed: int) -> Int[Tensor, "b"]:
    """One pixel of every block of `side` by `side` pixels, numbered row by row; see `ImageTask`.

    Args:
        size: Height and width of the picture.
        side: Of a block.
        step: The step; a block's pixels take turns over side^2 of them.
        seed: Of the order.
    """
    places = side * side
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step // places)
    rows, columns = -(-size[0] // side), -(-size[1] // side)
    order = torch.randperm(places, generator=generator)
    turn = torch.randint(places, (rows, columns), generator=generator)
    place = order[(turn + step) % places]
    row = torch.arange(rows)[:, None] * side + place // side
    column = torch.arange(columns)[None] * side + place % side
    return (row * size[1] + column)[(row < size[0]) & (column < size[1])]
