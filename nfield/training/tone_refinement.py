"""Exposure and white balance of each photo, learned with the field."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

_DARKEST = 0.01


class ToneRefinement(nn.Module):
    """What each photo makes of the field's colours: `log c' = exp(slope) log c + offset`, for each channel.

    Offsets and slopes are zero at first, and their means over all photos are taken away: the field shows the mean
    photo, and what is rendered from other places looks like it.

    Args:
        views: How many photos there are.
    """

    def __init__(self, views: int) -> None:
        super().__init__()
        self.offsets = nn.Parameter(torch.zeros(views, 3))
        self.slopes = nn.Parameter(torch.zeros(views, 3))

    def forward(
        self, color: Float[Tensor, "r 3"], opacity: Float[Tensor, "r"], camera: Int[Tensor, "r"]
    ) -> Float[Tensor, "r 3"]:
        """Colours as photos show them; differentiable in all of its tensors.

        Args:
            color: What the field shows, sRGB times opacity.
            opacity: In [0, 1].
            camera: Whose photo shows it.

        Returns:
            sRGB times opacity.
        """
        offset, slope = (part - part.mean(0) for part in (self.offsets, self.slopes))
        visible = opacity.clamp_min(_DARKEST)[:, None]
        tone = (color / visible).clamp_min(_DARKEST).log()
        # The factor, not the colour, is what the correction gives: black stays black, and keeps its gradient.
        return color * ((slope[camera].exp() - 1.0) * tone + offset[camera]).exp()
