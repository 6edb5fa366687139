"""How far the mean colour of each part of a person is from the truth: hair, skin, clothes."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int
from skimage.color import deltaE_ciede2000, rgb2lab
from torch import Tensor

_FEWEST = 100  # pixels of a label that count


def label_differences(
    color: Float[Tensor, "h w 3"],
    opacity: Float[Tensor, "h w"],
    true_color: Float[Tensor, "h w 3"],
    true_alpha: Float[Tensor, "h w"],
    labels: Int[Tensor, "h w"],
    names: Sequence[str],
) -> Mapping[str, float]:
    """CIEDE2000 between both pictures' mean colours (CIELAB) in each true label, where both show the person.

    Args:
        color: sRGB in [0, 1].
        opacity: In [0, 1].
        true_color: The truth's colours.
        true_alpha: The truth's opacity.
        labels: The true label of each pixel, an index into the names; the first is the background, which is left out.
        names: Of the labels.
    """
    both = ((opacity > 0.5) & (true_alpha > 0.5)).numpy()
    label = np.where(both, labels.numpy(), 0)
    ours, theirs = (rgb2lab(picture.double().numpy()) for picture in (color, true_color))
    return {
        name: float(deltaE_ciede2000(theirs[label == index].mean(0), ours[label == index].mean(0)))
        for index, name in enumerate(names)
        if index > 0 and int((label == index).sum()) >= _FEWEST
    }
