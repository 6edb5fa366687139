"""Whether the pattern on a chest is found again on the back."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from avatars.benchmark.metrics.likeness import luminance
from avatars.body.joints import JOINT_NAMES
from nfield.cameras import Cameras

_PATCH = 80  # pixels each way, about as many as the pictures have there
_SMOOTH = 8.0  # pixels; what is wider than this is shading, not pattern
_SHIFT = 5  # pixels by which patterns may be off
_FLAT = 1e-3  # standard deviation of luminance


@dataclass(frozen=True)
class Chest:
    """An upright rectangle in the middle of a torso.

    Attributes:
        middle: Metres.
        half_width: Metres.
        half_height: Metres.
    """

    middle: Float[Tensor, "3"]
    half_width: float
    half_height: float

    @staticmethod
    def of(joints: Float[Tensor, "j 3"]) -> "Chest":
        """As wide as from shoulder to shoulder, as high as from the neck to the lowest joint of the spine."""
        left, right, top, bottom = (
            joints[JOINT_NAMES.index(name)] for name in ("left_shoulder", "right_shoulder", "neck", "spine1")
        )
        return Chest(0.5 * (top + bottom), 0.5 * float((left - right).norm()), 0.5 * float((top - bottom).norm()))

    def patch(
        self, color: Float[Tensor, "h w 3"], opacity: Float[Tensor, "h w"], cameras: Cameras, index: int
    ) -> Float[np.ndarray, "p p"]:
        """Its pattern in a picture: luminance without what varies slowly; 0 beside the person."""
        pixel, depth = cameras.project(self.middle[None], index)
        pixel_per_metre = cameras.intrinsics[index, 0, 0] / depth[0]
        steps = (torch.arange(_PATCH) + 0.5) * (2.0 / _PATCH) - 1.0
        row = pixel[0, 1] + steps * self.half_height * pixel_per_metre
        column = pixel[0, 0] + steps * self.half_width * pixel_per_metre
        place = [part.numpy() - 0.5 for part in torch.meshgrid(row, column, indexing="ij")]
        bright, cover = (
            ndimage.map_coordinates(values, place, order=1, mode="nearest")
            for values in (luminance(color), opacity.numpy())
        )
        weight = (cover > 0.5).astype(np.float64)
        smooth = ndimage.gaussian_filter(bright * weight, _SMOOTH) / np.maximum(
            ndimage.gaussian_filter(weight, _SMOOTH), 1e-6
        )
        return (bright - smooth) * weight


def print_on_back(
    front: Float[np.ndarray, "p p"], back: Float[np.ndarray, "p p"], true_back: Float[np.ndarray, "p p"]
) -> float:
    """How much more of the chest's pattern is on the back than on the true back: a difference of correlations.

    Args:
        front: The true pattern on the chest, as seen from the front.
        back: The pattern on the back in question, as seen from behind.
        true_back: The same of the truth.
    """
    return _recurrence(front, back) - _recurrence(front, true_back)


def _recurrence(front: Float[np.ndarray, "p p"], back: Float[np.ndarray, "p p"]) -> float:
    """The largest correlation at small shifts, read as it is or through the body (mirrored); 0 for plain patches."""
    return max(_correlation(front, side) for side in (back, back[:, ::-1]))


def _correlation(first: Float[np.ndarray, "p p"], second: Float[np.ndarray, "p p"]) -> float:
    """The largest normalised correlation of the first patch's middle with equally large parts of the second."""
    size = first.shape[0] - 2 * _SHIFT
    middle = first[_SHIFT : _SHIFT + size, _SHIFT : _SHIFT + size]
    middle = middle - middle.mean()
    parts = np.lib.stride_tricks.sliding_window_view(second, (size, size)).reshape(-1, size, size)
    parts = parts - parts.mean((1, 2), keepdims=True)
    spread = parts.std((1, 2))
    if middle.std() < _FLAT or spread.max() < _FLAT:
        return 0.0
    products = np.einsum("nij,ij->n", parts, middle) / size**2
    return float((products / (middle.std() * np.maximum(spread, _FLAT))).max())
