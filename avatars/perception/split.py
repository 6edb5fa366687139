"""Who of several persons a pixel shows, where their outlines touch.

Every person claims pixels by rough mask and by nearness to the limbs. Where one claim is clear, the pixel is a seed of
that person; the seeds then grow over the rest of the picture and meet at its edges (watershed on the colour gradient,
Vincent and Soille 1991).
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from skimage.segmentation import watershed
from torch import Tensor

from avatars.perception.group import in_window
from avatars.perception.landmarks import Landmarks
from avatars.perception.limbs import near_limbs
from avatars.perception.matte import PixelBox

_LONG_SIDE = 640
_CLEAR, _LEAD = 0.5, 0.5
_FAR = 0.2
_CHOSEN = 1


def share_of(
    image: Float[Tensor, "1 3 h w"], box: PixelBox, chosen: Landmarks, others: Sequence[Landmarks]
) -> Float[Tensor, "bh bw"]:
    """1 where a pixel within `box` may show the chosen person, 0 where it shows one of the others; soft between.

    Pixels that show nobody go to whoever is nearest; a matte decides about those.

    Args:
        image: The photo, in [0, 255].
        box: The part of it to divide up.
        chosen: The person to keep.
        others: The persons to drop; they may lie outside the box.
    """
    window = box.of(image)
    full = (window.shape[2], window.shape[3])
    scale = min(1.0, _LONG_SIDE / box.long_side)
    size = [max(1, round(side * scale)) for side in full]
    small = F.interpolate(window, size, mode="area")
    claims = torch.stack([_claim(one, box, scale, (size[0], size[1])) for one in (chosen, *others)])
    owner = watershed(_edges(small[0]), _seeds(claims))
    kept = torch.from_numpy(owner == _CHOSEN).float()[None, None]
    return F.interpolate(kept, full, mode="bilinear", align_corners=False)[0, 0]


def _claim(person: Landmarks, box: PixelBox, scale: float, size: tuple[int, int]) -> Float[Tensor, "h w"]:
    """The rough mask of a person in a resized part of the photo, lowered away from the limbs."""
    mask = in_window(person.crop, box, scale).paste(person.mask, size)
    rows, columns = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    corner = torch.tensor([box.left, box.top]) - 0.5
    points = (torch.stack([columns, rows], -1).reshape(-1, 2) + 0.5) / scale + corner
    return mask * (_FAR + (1.0 - _FAR) * near_limbs(person, points).reshape(size))


def _seeds(claims: Float[Tensor, "p h w"]) -> np.ndarray:
    """Number of the person (1: the first) that clearly leads at a pixel, 0 where none does."""
    ahead, owner = claims.topk(2, dim=0)
    clear = (ahead[0] > _CLEAR) & (ahead[0] - ahead[1] > _LEAD)
    return torch.where(clear, owner[0] + _CHOSEN, 0).numpy()


def _edges(image: Float[Tensor, "3 h w"]) -> np.ndarray:
    """Largest colour difference of each pixel to its four neighbours."""
    padded = F.pad(image[None], (1, 1, 1, 1), mode="replicate")[0]
    across = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]).abs().amax(0)
    down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]).abs().amax(0)
    return torch.maximum(across, down).numpy()
