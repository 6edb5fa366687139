"""What can be compared between two fields at the same points, and how it is compared (PVD, section 3.2)."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

_FAINT, _SOLID = 5e-4, 0.975
_LEAK = 0.01


@dataclass(frozen=True)
class ClipRange:
    """Log-densities beyond which two fields look alike.

    Attributes:
        low: Below it a step is transparent.
        high: Above it a step is opaque.
    """

    low: float
    high: float

    @staticmethod
    def of_step(length: float) -> "ClipRange":
        """The range in which a step of `length` metres has opacities from 0.0005 to 0.975.

        PVD's range [-2, 7] is that of its step, 2 sqrt(3) / 1024; in other worlds and steps it moves with them.

        >>> clip = ClipRange.of_step(2.0 * 3.0**0.5 / 1024)
        >>> round(clip.low), round(clip.high)
        (-2, 7)
        """
        return ClipRange(math.log(-math.log1p(-_FAINT) / length), math.log(-math.log1p(-_SOLID) / length))

    def of_teacher(self, log_density: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        """Clipped."""
        return log_density.clamp(self.low, self.high)

    def of_student(self, log_density: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        """Clipped with a slope of 0.01 beyond the range, so that what lies outside still finds its way back."""
        clipped = log_density.clamp(self.low, self.high)
        return clipped + _LEAK * (log_density - clipped)


def distance(
    student: Float[Tensor, "n c"] | Float[Tensor, "n"],
    teacher: Float[Tensor, "n c"] | Float[Tensor, "n"],
    weight: Float[Tensor, "n"] | None = None,
) -> Float[Tensor, ""]:
    """Root of the weighted mean square difference: PVD's norm over the batch, made independent of its size.

    Args:
        student: Differentiable.
        teacher: Without gradient.
        weight: Of each point; equal where it is left out.
    """
    square = (student - teacher).square()
    square = square if square.dim() == 1 else square.mean(-1)
    if len(square) == 0:
        return square.sum()
    mean = square.mean() if weight is None else (square * weight).sum() / weight.sum().clamp_min(1e-9)
    return (mean + 1e-12).sqrt()


def aligned(feature: Float[Tensor, "n f"], compared: Float[Tensor, "n"]) -> Float[Tensor, "n f"]:
    """A volume-aligned feature whose first entry, the log-density, is the clipped one that is compared."""
    return torch.cat([compared[:, None], feature[:, 1:]], -1)
