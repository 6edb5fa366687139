"""Where radial bases lie on a picture: where it changes (NeuRBF, section 3.3).

Pictures of more than four megapixels are not clustered whole, but by points that are drawn in proportion to the weights
of their pixels, twenty a kernel, whose clusters are the same but for chance; shapes come from all pixels in any case.
"""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.data.picture import Picture
from nfield.encodings.initial_centers import CentersRule, ClusterCovariance, draw, initial_centers
from nfield.fields.signal import PIXELS_PER_UNIT, Canvas, Signal
from nfield.pictures.alpha import premultiplied
from nfield.pictures.bands import bands

_NARROWEST = 1.0 / 200.0
_CLUSTERED_WHOLE = 1 << 22
_POINTS_PER_KERNEL = 20

EXPONENT = 0.5
"""Power of a pixel's change that weighs it. The best density of centres in d dimensions goes with the weight to the
power d / (d + 2), to which Lloyd's iterations tend (Gersho 1979); ten of them from points drawn by the weight itself do
not get there, so they begin there. NeuRBF has 1, which leaves few kernels to even surfaces."""


def gradient_weights(values: Float[Tensor, "h w c"]) -> Float[Tensor, "n"]:
    """How much a picture changes at each pixel, row by row: the norm of Sobel's gradient over channels and directions.

    The filters are divided by 8 and the border is repeated, as in NeuRBF's release.
    """
    channels = values.permute(2, 0, 1)[:, None]
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8.0
    padded = torch.nn.functional.pad(channels, (1, 1, 1, 1), mode="replicate")
    slopes = torch.nn.functional.conv2d(padded, torch.stack([across, across.T])[:, None])
    return slopes.square().sum((0, 1)).sqrt().flatten()


class PixelWeights:
    """How much a picture changes at its pixels, a band at a time; all alike where too few of them change.

    Args:
        picture: What will be fitted.
        least: Pixels that have to change; see above.
        exponent: Power of the change.
    """

    def __init__(self, picture: Picture, *, least: int, exponent: float = EXPONENT) -> None:
        self._picture, self._exponent = picture, exponent
        height, width = picture.size
        changing = sum(int((self._changes(*band) > 0.0).sum()) for band in bands(picture.size))
        self._alike = changing < least
        self.positive = height * width if self._alike else changing

    def bands(self) -> Iterator[tuple[Int[Tensor, "n"], Float[Tensor, "n"]]]:
        """Numbers of the pixels of every band, row by row, and their weights."""
        width = self._picture.size[1]
        for first, last in bands(self._picture.size):
            changes = self._changes(first, last)
            weights = torch.ones_like(changes) if self._alike else changes**self._exponent
            yield torch.arange(first * width, last * width), weights

    def _changes(self, first: int, last: int) -> Float[Tensor, "n"]:
        """Of the rows of a band, with those beside it in sight."""
        above, below = max(0, first - 1), min(self._picture.size[0], last + 1)
        width = self._picture.size[1]
        weights = gradient_weights(premultiplied(self._picture.rows(above, below)))
        return weights[(first - above) * width : (last - above) * width]


def initialise_on_picture(
    signal: Signal,
    picture: Picture,
    *,
    how: CentersRule,
    exponent: float = EXPONENT,
    generator: torch.Generator | None,
) -> None:
    """Puts a signal's radial bases where a picture changes; does nothing for a signal without.

    Args:
        signal: Has at most as many kernels as `PixelWeights` are positive.
        picture: What will be fitted.
        how: How centres are found.
        exponent: Power of a pixel's change that weighs it.
        generator: Draws the first centres.
    """
    bases = signal.bases
    if bases is None:
        return
    canvas = Canvas(picture.size, picture.channels)
    weights = PixelWeights(picture, least=bases.config.neighbours, exponent=exponent)
    pixels, heavy = _clustered(weights, picture.size, bases.config.count, how, generator)
    points = canvas.pixel_centers(pixels) * canvas.extent
    centers = initial_centers(points, heavy, bases.config.count, how=how, generator=generator)
    covariance = ClusterCovariance(centers)
    for pixels, heavy in weights.bands():
        keep = heavy > 0.0
        covariance.add(canvas.pixel_centers(pixels[keep]) * canvas.extent, heavy[keep])
    bases.put(centers, covariance.result(), narrowest=_NARROWEST / PIXELS_PER_UNIT)


def _clustered(
    weights: PixelWeights, size: tuple[int, int], kernels: int, how: CentersRule, generator: torch.Generator | None
) -> tuple[Int[Tensor, "n"], Float[Tensor, "n"]]:
    """Pixels of which the centres are found, and their weights: all of them, or some that are drawn."""
    count = _POINTS_PER_KERNEL * kernels
    if size[0] * size[1] <= max(_CLUSTERED_WHOLE, count):
        parts = list(weights.bands())
        return torch.cat([pixels for pixels, _ in parts]), torch.cat([heavy for _, heavy in parts])
    # What is drawn by weight, or evenly for rules that ask for no weight, counts alike.
    flat = how in ("random", "lattice")
    parts = ((pixels, torch.ones_like(heavy) if flat else heavy) for pixels, heavy in weights.bands())
    shares = [float(len(heavy)) if flat else float(heavy.double().sum()) for _, heavy in weights.bands()]
    drawn = [
        pixels[draw(heavy, min(n, int(heavy.count_nonzero())), generator)]
        for (pixels, heavy), n in zip(parts, _apportioned(count, shares), strict=True)
    ]
    found = torch.cat(drawn)
    if len(found) < kernels:  # all the weight lies in a few rows, which have fewer pixels than there are kernels
        found = torch.cat([pixels[heavy > 0.0] for pixels, heavy in weights.bands()])
    return found, torch.ones(len(found))


def _apportioned(count: int, shares: Sequence[float]) -> list[int]:
    """A whole number in parts in proportion to shares.

    >>> _apportioned(10, [1.0, 1.0, 2.0])
    [2, 3, 5]
    """
    borders = torch.tensor([0.0, *shares], dtype=torch.float64).cumsum(0)
    return (count * borders / borders[-1]).round().long().diff().tolist()
