"""Fitting a signal to a picture."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from nfield.encodings.initial_centers import CentersRule, initial_centers
from nfield.fields.signal import PIXELS_PER_UNIT, Canvas, FixedPoints, Signal
from nfield.losses import squared_error
from nfield.training.optim import OptimConfig
from nfield.training.task import Moment

BATCH = 1 << 18
"""Pixels of a step, about."""

_CHUNK = 1 << 17
_NARROWEST = 1.0 / 200.0
EXPONENT = 0.5
"""Power of a pixel's change that weighs it. The best density of centres in d dimensions goes with the weight to the
power d / (d + 2), to which Lloyd's iterations tend (Gersho 1979); ten of them from points drawn by the weight itself do
not get there, so they begin there. NeuRBF has 1, which leaves few kernels to even surfaces."""


def image_optim() -> OptimConfig:
    """NeuRBF's rates for pictures: Adam without warm-up, falling along a cosine to a hundredth."""
    rates = {"grid": 5e-3, "features": 5e-3, "shift": 5e-3, "network": 1e-2}
    return OptimConfig(rates=rates, warmup=1, hold=0.0, final=0.01, decay="cosine")


def premultiplied(pixels: Float[Tensor, "h w c"]) -> Float[Tensor, "h w c"]:
    """What is fitted: colours times alpha, so that what nobody sees costs nothing; other pictures as they are."""
    return torch.cat([pixels[..., :3] * pixels[..., 3:], pixels[..., 3:]], -1) if pixels.shape[-1] == 4 else pixels


def straight(values: Float[Tensor, "h w c"]) -> Float[Tensor, "h w c"]:
    """The inverse of `premultiplied`, clipped to [0, 1]."""
    clipped = values.clamp(0.0, 1.0)
    if values.shape[-1] != 4:
        return clipped
    alpha = clipped[..., 3:]
    return torch.cat([(clipped[..., :3] / alpha.clamp_min(1e-6)).clamp(0.0, 1.0), alpha], -1)


def gradient_weights(values: Float[Tensor, "h w c"]) -> Float[Tensor, "n"]:
    """How much a picture changes at each pixel, row by row: the norm of Sobel's gradient over channels and directions.

    The filters are divided by 8 and the border is repeated, as in NeuRBF's release.
    """
    channels = values.permute(2, 0, 1)[:, None]
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8.0
    padded = torch.nn.functional.pad(channels, (1, 1, 1, 1), mode="replicate")
    slopes = torch.nn.functional.conv2d(padded, torch.stack([across, across.T])[:, None])
    return slopes.square().sum((0, 1)).sqrt().flatten()


def placeable(values: Float[Tensor, "h w c"], *, least: int) -> Float[Tensor, "n"]:
    """Weights for placing kernels; all alike where the picture changes at fewer pixels than `least`."""
    weights = gradient_weights(values)
    return weights if int((weights > 0.0).sum()) >= least else torch.ones_like(weights)


def initialise_on_picture(
    signal: Signal,
    values: Float[Tensor, "h w c"],
    *,
    how: CentersRule,
    exponent: float = EXPONENT,
    generator: torch.Generator | None,
) -> None:
    """Puts a signal's radial bases where a picture changes; does nothing for a signal without.

    Args:
        signal: Has at most as many kernels as `placeable` weights are positive.
        values: The picture that will be fitted.
        how: How centres are found.
        exponent: Power of a pixel's change that weighs it.
        generator: Draws the first centres.
    """
    bases = signal.bases
    if bases is None:
        return
    canvas = Canvas((values.shape[0], values.shape[1]), values.shape[2])
    points = canvas.pixel_centers(torch.arange(values.shape[0] * values.shape[1])) * canvas.extent
    weights = placeable(values, least=bases.config.neighbours) ** exponent
    centers = initial_centers(points, weights, bases.config.count, how=how, generator=generator)
    bases.initialise(centers, points, weights, narrowest=_NARROWEST / PIXELS_PER_UNIT)


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
