"""Where radial bases lie on a picture: where it changes (NeuRBF, section 3.3)."""

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.encodings.initial_centers import CentersRule, initial_centers
from nfield.fields.signal import PIXELS_PER_UNIT, Canvas, Signal

_NARROWEST = 1.0 / 200.0
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
