"""Gaussians that do nothing move to where others do a lot: their number stays the same, and the image nearly so.

3D Gaussian Splatting as Markov Chain Monte Carlo (Kheradmand et al. 2024), section 4.3.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nfield.kernels.gaussians import Splats

_MOST_COPIES = 16


@dataclass(frozen=True)
class Relocation:
    """Which Gaussians become copies of which.

    Attributes:
        dead: Those that move.
        source: Of each the one that it becomes a copy of.
    """

    dead: Int[Tensor, "m"]
    source: Int[Tensor, "m"]

    @staticmethod
    def draw(dead: Bool[Tensor, "n"], weight: Float[Tensor, "n"], *, generator: torch.Generator) -> "Relocation":
        """Sources drawn among the living.

        Args:
            dead: Which ones move.
            weight: How likely each of the others gets a copy.
            generator: Draws.
        """
        moving, living = dead.nonzero()[:, 0], torch.where(dead, 0.0, weight)
        if len(moving) == 0 or not float(living.sum()) > 0.0:
            return Relocation(moving[:0], moving[:0])
        return Relocation(moving, torch.multinomial(living, len(moving), replacement=True, generator=generator))

    def applied(self, splats: Splats) -> Splats:
        """The splats afterwards; a source and its copies share its opacity (equation 9), as many as there are."""
        copies = torch.bincount(self.source, minlength=len(splats)).clamp_max(_MOST_COPIES - 1) + 1
        touched = self.source.unique()
        opacity, shrink = shared(splats.opacity_logits[touched].sigmoid(), copies[touched])
        logits, scales = splats.opacity_logits.clone(), splats.log_scales.clone()
        logits[touched] = opacity.clamp(1e-6, 1.0 - 1e-6).logit()
        scales[touched] += shrink.log()[:, None]
        parts = [part.clone() for part in (splats.means, splats.quaternions, scales, logits, splats.harmonics)]
        for part in parts:
            part[self.dead] = part[self.source]
        return Splats(*parts)


def shared(opacity: Float[Tensor, "n"], copies: Int[Tensor, "n"]) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]]:
    """Opacity of each of some copies at one place that together look like one Gaussian, and how much smaller they are.

    `o' = 1 - (1 - o)^(1/N)`, and the scale's factor `o / sum_{i=1..N} sum_{k=0..i-1} (i-1 over k) (-1)^k o'^(k+1) /
    sqrt(k+1)`.

    >>> [round(float(value), 3) for value in shared(torch.tensor([0.75]), torch.tensor([2]))]
    [0.5, 0.911]
    """
    each = 1.0 - (1.0 - opacity.clamp_max(1.0 - 1e-6)).pow(1.0 / copies)
    total = torch.zeros_like(each, dtype=torch.float64)
    for i in range(1, int(copies.max()) + 1 if len(copies) else 1):
        term = sum(math.comb(i - 1, k) * (-1.0) ** k * each.double().pow(k + 1) / math.sqrt(k + 1) for k in range(i))
        total += torch.where(copies >= i, term, 0.0)
    return each, (opacity / total.clamp_min(1e-12)).to(opacity)
