"""Fitting a signal to a picture."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from nfield.fields.signal import Canvas, FixedPoints, Signal
from nfield.losses import squared_error
from nfield.training.optim import OptimConfig
from nfield.training.task import Moment

BATCH = 1 << 18
"""Pixels of a step, about."""

_CHUNK = 1 << 17


def image_optim() -> OptimConfig:
    """NeuRBF's rates for pictures: Adam without warm-up, falling along a cosine to a hundredth."""
    rates = {"grid": 5e-3, "features": 5e-3, "shift": 5e-3, "network": 1e-2}
    return OptimConfig(rates=rates, warmup=1, hold=0.0, final=0.01, decay="cosine")


class ImageTask:
    """All pixels of a picture, or in a large one a pixel of every block, against the signal there.

    Blocks are squares of as many pixels as a step leaves out. Each step takes one pixel of every block, and after as
    many steps as a block has pixels every pixel has been taken once; then the order is drawn anew.

    Args:
        signal: What is fitted; its kernels have their places.
        values: The picture, as `premultiplied` gives it.
        seed: Of the order of pixels, which depends on nothing but it and the step.
    """

    def __init__(self, signal: Signal, values: Float[Tensor, "h w c"], *, seed: int) -> None:
        self.signal, self.values, self._seed = signal, values, seed
        height, width, channels = values.shape
        self.canvas = Canvas((height, width), channels)
        self._flat = values.reshape(-1, channels)
        self._points = signal.fix(self.canvas.pixel_centers(torch.arange(height * width)))
        self._side = max(1, math.isqrt(height * width // BATCH))
        self._error = math.nan

    def modules(self) -> Mapping[str, nn.Module]:
        """The signal."""
        return {"field": self.signal}

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The signal's."""
        return self.signal.param_groups()

    def losses(self, moment: Moment, generator: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """Mean squared error of the step's pixels."""
        if self._side == 1:
            points, target = self._points, self._flat
        else:
            rows = stratified(self.canvas.size, self._side, step=moment.step, seed=self._seed)
            points, target = self._points[rows], self._flat[rows]
        loss = squared_error(self.signal.at(points), target).mean()
        self._error = float(loss.detach())
        return {"color": loss}

    def measures(self) -> dict[str, float]:
        """PSNR of the last step's pixels, before clipping."""
        return {"psnr": -10.0 * math.log10(max(self._error, 1e-12))}

    def state(self) -> dict[str, float]:
        """Nothing runs along."""
        return {}

    def restore(self, state: Mapping[str, float]) -> None:
        """Takes what `state` gave."""

    @torch.no_grad()
    def decoded(self) -> Float[Tensor, "h w c"]:
        """The signal at all pixels, as it was fitted, unclipped."""
        parts = [self.signal.at(self._rows(rows)) for rows in torch.arange(len(self._flat)).split(_CHUNK)]
        return torch.cat(parts).view(self.values.shape)

    def _rows(self, rows: Int[Tensor, "b"]) -> FixedPoints:
        return self._points if len(rows) == len(self._flat) else self._points[rows]


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
