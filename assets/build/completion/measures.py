"""How far the network's colours are from the truth on people that it never saw, beside the rules'."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from skimage.color import deltaE_ciede2000, rgb2lab
from torch import Tensor

from assets.build.completion.examples import Example
from avatars.surface.learned.completion import corrected
from avatars.surface.learned.evidence import Evidence
from avatars.surface.learned.network import CompletionNetwork

_SIDEWAYS = 0.5
"""Largest part of a normal along z that looks to a side."""

_TEXELS = 20_000


@dataclass(frozen=True)
class Correction:
    """CIEDE2000 to the truth of texels that the photo does not show, means.

    Attributes:
        where: "back" or "side".
        rules: Of the rules' colours.
        network: Of the network's.
    """

    where: str
    rules: float
    network: float


def corrections(network: CompletionNetwork, folder: Path) -> list[Correction]:
    """Means over all people of a folder of examples."""
    found: dict[str, list[tuple[float, float]]] = {"back": [], "side": []}
    for path in sorted(folder.glob("*.npz")):
        example = Example.load(path)
        for dye in range(len(example.rules)):
            evidence, (truth, seen) = example.evidence(dye), example.true(dye)
            ours = corrected(evidence, network)
            weight = seen * (1.0 - evidence.confidence)
            for where, mine in _regions(evidence):
                chosen = mine & (weight > 0.0)
                found[where].append(
                    (_apart(evidence.rules, truth, weight, chosen), _apart(ours, truth, weight, chosen))
                )
    return [Correction(where, *map(float, np.mean(values, 0))) for where, values in found.items()]


def _regions(evidence: Evidence) -> Iterable[tuple[str, Bool[Tensor, "n"]]]:
    forward = evidence.normal[:, 2]
    return ("back", forward < -_SIDEWAYS), ("side", forward.abs() <= _SIDEWAYS)


def _apart(
    ours: Float[Tensor, "n 3"], truth: Float[Tensor, "n 3"], weight: Float[Tensor, "n"], chosen: Bool[Tensor, "n"]
) -> float:
    index = chosen.nonzero()[:, 0]
    index = index[torch.randperm(len(index), generator=torch.Generator().manual_seed(0))[:_TEXELS]]
    apart = deltaE_ciede2000(_lab(ours[index]), _lab(truth[index]))
    return float(np.average(apart, weights=weight[index].numpy()))


def _lab(color: Float[Tensor, "n 3"]) -> Float[np.ndarray, "n 3"]:
    return rgb2lab(color.numpy()[None])[0]
