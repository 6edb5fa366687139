"""The dark line beside an arm that hangs along the trunk: shadow and gap, no colour of the clothes.

It lies at the border of what the photo shows of the trunk, from where colours go on around the body, and would become a
dark seam down its side.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from skimage.color import rgb2lab
from torch import Tensor

from avatars.surface.limbs import LIMBS
from avatars.surface.texels import Texels

_SEEN = 0.1
_PITCH = 0.003
"""Of the grid in the photo on which it is looked for, metres."""
_WIDTH = 0.025
"""Metres from the border within which it lies."""
_NARROWEST = 0.1
"""Metres of a row of the trunk in which there is a border and something inside of it."""
_ARM = 0.04
"""Metres from the border within which an arm or a hand lies."""
_DARKER = 12.0
"""How much darker than inside, CIELAB's lightness."""
_BLUR = 0.006
"""Metres over which lightness is averaged along the border."""
_EVEN = 0.012
"""Metres over which the line is evened: flowers and stripes that end at the border are no part of it."""


def with_contact_shadows(texels: Texels) -> Texels:
    """The same, whose `shaded` says where the borders of trunk and legs are dark next to an arm.

    Args:
        texels: What the photo shows.
    """
    limb = texels.member.argmax(-1)
    seen = texels.confidence > _SEEN
    trunk = seen & _of(limb, [shape.is_clothed for shape in LIMBS])
    arms = texels.facing & _of(limb, [shape.is_arm or shape.is_hand for shape in LIMBS])
    if not bool(trunk.any()) or not bool(arms.any()):
        return texels
    cell, around = (texels.place / _PITCH).round().long(), round(_ARM / _PITCH)
    low = cell[trunk].amin(0) - around
    size = (cell[trunk].amax(0) + 1 + around - low).tolist()
    inside = ((cell >= low) & (cell < low + torch.tensor(size))).all(-1)
    where = (cell - low).clamp_min(0)
    lightness = torch.from_numpy(rgb2lab(texels.color.numpy()[None])[0, :, 0])
    shown, mean = _means(where[trunk], lightness[trunk], size)
    armed, _ = _means(where[arms & inside], lightness[arms & inside], size)
    dark = _dark_borders(mean.T, shown.T, armed.T).T
    shaded = trunk & torch.from_numpy(dark[tuple(torch.where(inside[:, None], where, 0).T.numpy())])
    return replace(texels, shaded=shaded)


def _of(limb: Int[Tensor, "n"], wanted: list[bool]) -> Bool[Tensor, "n"]:
    return torch.tensor(wanted)[limb]


def _means(
    where: Int[Tensor, "m 2"], values: Float[Tensor, "m"], size: list[int]
) -> tuple[Bool[np.ndarray, "w h"], Float[np.ndarray, "w h"]]:
    """Which cells hold points, with small gaps closed, and the mean of their values."""
    index = np.ravel_multi_index(tuple(where.T.numpy()), tuple(size))
    count = np.bincount(index, minlength=size[0] * size[1]).reshape(size)
    total = np.bincount(index, values.double().numpy(), size[0] * size[1]).reshape(size)
    near = np.asarray(ndimage.distance_transform_edt(count == 0, return_distances=False, return_indices=True))
    closed = np.asarray(ndimage.binary_closing(np.pad(count > 0, 2), iterations=2))[2:-2, 2:-2]
    return closed, (total / np.maximum(count, 1))[tuple(near)]


def _dark_borders(
    lightness: Float[np.ndarray, "h w"], shown: Bool[np.ndarray, "h w"], arms: Bool[np.ndarray, "h w"]
) -> Bool[np.ndarray, "h w"]:
    """Cells from a border next to an arm inwards that are much darker than what lies inside of them in their row."""
    width, reach = round(_WIDTH / _PITCH), round(_ARM / _PITCH)
    smooth = ndimage.gaussian_filter1d(np.where(shown, lightness, 0.0), _BLUR / _PITCH, axis=0)
    smooth /= np.maximum(ndimage.gaussian_filter1d(shown.astype(np.float64), _BLUR / _PITCH, axis=0), 1e-6)
    dark = np.zeros_like(shown)
    for row in np.flatnonzero(shown.any(1)).tolist():
        for first, last in _runs(shown[row], round(_NARROWEST / _PITCH)):
            ends = (
                (first, 1, arms[row, max(0, first - reach) : first]),
                (last, -1, arms[row, last + 1 : last + reach]),
            )
            for end, step, beside in ends:
                if beside.any():
                    border = end + step * np.arange(width)
                    level = np.median(smooth[row, end + step * np.arange(width, 2 * width)])
                    dark[row, border[: _length(smooth[row, border] < level - _DARKER)]] = True
    return ndimage.gaussian_filter1d(dark.astype(np.float64), _EVEN / _PITCH, axis=0) > 0.5


def _runs(shown: Bool[np.ndarray, "w"], least: int) -> list[tuple[int, int]]:
    """First and last cell of each run that is long enough."""
    change = np.diff(np.concatenate([[0], shown.astype(np.int8), [0]]))
    runs = zip(np.flatnonzero(change == 1).tolist(), (np.flatnonzero(change == -1) - 1).tolist(), strict=True)
    return [(first, last) for first, last in runs if last - first + 1 >= least]


def _length(dark: Bool[np.ndarray, "n"]) -> int:
    """How many cells from the first on belong to the dark: up to the last dark one."""
    return int(np.flatnonzero(dark)[-1]) + 1 if dark.any() else 0
