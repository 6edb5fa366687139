"""Pixels beside a person."""

import torch
from jaxtyping import Bool
from scipy import ndimage
from torch import Tensor


def pixels_beside(person: Bool[Tensor, "h w"], reach: int) -> Bool[Tensor, "h w"]:
    """Pixels outside the person that are at most `reach` pixels away from it.

    >>> pixels_beside(torch.tensor([[False, False, True, False]]), 1).tolist()
    [[False, True, False, True]]
    """
    if not bool(person.any()):
        return torch.zeros_like(person)
    distance = torch.from_numpy(ndimage.distance_transform_edt((~person).cpu().numpy()))
    return ((distance > 0) & (distance <= reach)).to(person.device)
