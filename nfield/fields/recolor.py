"""Other colours for a part of a scene, or for those of its surfaces that have a certain colour."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nfield.errors import OptionError
from nfield.fields.placement import Region
from nfield.types import Triple

_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
"""Luma and two axes of chroma from RGB (NTSC, FCC 1953)."""
_DARK = 0.1
"""Sum of the channels up to which a colour is too dark to tell which it is."""


@dataclass(frozen=True)
class Recolor:
    """A change of colours, sRGB in [0, 1]; first paint, then hue, saturation and brightness."""

    region: Region | None = None
    """Where; None is everywhere."""
    only: Triple | None = None
    """Colour of what is changed, however brightly it is lit; None is all."""
    tolerance: float = 0.15
    """How far a colour's shares of red, green and blue may be from those of `only`; what is up to
    half as far again is changed in part."""
    paint: Triple | None = None
    """A colour that takes the place of hue and saturation; light and shade stay."""
    luma: float = 1.0
    """Mean luma of what is painted: what has it becomes exactly `paint`."""
    hue: float = 0.0
    """Turn of the hue, radians; luma stays."""
    saturation: float = 1.0
    """Factor on the distance from grey; luma stays."""
    brightness: float = 1.0
    """Factor on all channels."""

    def __post_init__(self) -> None:
        least = {"tolerance": self.tolerance, "saturation": self.saturation, "brightness": self.brightness}
        for name, value in least.items():
            if not (math.isfinite(value) and value >= 0.0):
                raise OptionError(f"{name} is {value}, expected a finite number that is not negative")
        if not (math.isfinite(self.hue) and math.isfinite(self.luma) and self.luma > 0.0):
            raise OptionError(f"hue and luma are {self.hue} and {self.luma}, expected finite numbers, luma > 0")

    def holds(self, points: Float[Tensor, "n 3"]) -> Bool[Tensor, "n"]:
        """Whether points lie where colours change."""
        if self.region is None:
            return torch.ones(len(points), dtype=torch.bool, device=points.device)
        return self.region.holds(points)

    def chosen(self, color: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """How far colours are of those that change, in [0, 1]; without gradient."""
        if self.only is None:
            return torch.ones_like(color[:, 0])
        away = (_shares(color.detach()) - _shares(color.new_tensor([self.only]))).norm(dim=-1)
        near = (3.0 - 2.0 * away / max(self.tolerance, 1e-6)).clamp(0.0, 1.0)
        return near * (color.detach().sum(-1) / _DARK).clamp_max(1.0)

    def of(self, color: Float[Tensor, "n 3"], inside: Float[Tensor, "n"]) -> Float[Tensor, "n 3"]:
        """The colours after the change.

        Args:
            color: sRGB.
            inside: 1 where colours change, see `holds`, else 0.
        """
        changed = color
        if self.paint is not None:
            lit = color @ color.new_tensor(_YIQ[0]) / self.luma
            changed = lit[:, None] * color.new_tensor(self.paint)
        changed = (changed @ self._matrix().T.to(color)).clamp(0.0, 1.0)
        return torch.lerp(color, changed, (inside * self.chosen(color))[:, None])

    def _matrix(self) -> Float[Tensor, "3 3"]:
        """What turns the hue and scales saturation and brightness, on RGB."""
        to_yiq = torch.tensor(_YIQ, dtype=torch.float64)
        cosine, sine = self.saturation * math.cos(self.hue), self.saturation * math.sin(self.hue)
        turn = torch.tensor([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]], dtype=torch.float64)
        return self.brightness * to_yiq.inverse() @ turn @ to_yiq


def luma(color: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
    """Luma of sRGB colours."""
    return color @ color.new_tensor(_YIQ[0])


def _shares(color: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
    """Shares of red, green and blue: hue and saturation, whatever the light."""
    return color / color.sum(-1, keepdim=True).clamp_min(1e-6)
