"""Exact pictures of a figure in a pinhole camera: colours, soft mask, depth, materials."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.people.figure import Figure
from avatars.people.lighting import Light, shade
from nfield.kernels.rasterize import rasterize

_MARGIN = 40
"""Pixels around the figure in which occlusion is looked for."""


@dataclass(frozen=True)
class Picture:
    """A figure before nothing.

    Attributes:
        color: Linear RGB of what is seen, times `alpha`.
        alpha: Share of each pixel that the figure covers.
        depth: At the pixel's centre, along the optical axis, metres; 0 beside the figure.
        material: At the pixel's centre, an index into the figure's surfaces; -1 beside the figure.
    """

    color: Float[np.ndarray, "h w 3"]
    alpha: Float[np.ndarray, "h w"]
    depth: Float[np.ndarray, "h w"]
    material: Int[np.ndarray, "h w"]


def draw(
    figure: Figure,
    vertices: Float[Tensor, "v 3"],
    intrinsics: Float[Tensor, "3 3"],
    size: tuple[int, int],
    *,
    light: Light,
    samples: int = 2,
    stride: int = 1,
) -> Picture:
    """The picture of a posed figure.

    Args:
        figure: The figure.
        vertices: Of its posed model in the camera's OpenCV frame, metres.
        intrinsics: Of the image, in pixels.
        size: Height and width of the image.
        light: What shines on the figure, in the camera's frame.
        samples: Each pixel is the mean of a square of so many samples a side.
        stride: See `lighting.shade`.
    """
    top, left, bottom, right = _frame_around(vertices, intrinsics, size)
    shift = torch.tensor([[0.0, 0.0, left], [0.0, 0.0, top], [0.0, 0.0, 0.0]])
    matrix, crop = intrinsics.float() - shift, (bottom - top, right - left)
    fine = matrix * torch.tensor([samples, samples, 1.0])[:, None]
    raster = rasterize(vertices, figure.model.faces, fine, (crop[0] * samples, crop[1] * samples))
    inside = (raster.face >= 0).numpy()
    colors = np.zeros((*inside.shape, 3))
    if inside.any():
        colors[inside] = shade(figure, vertices, raster, focal=float(fine[0, 0]), light=light, stride=stride)
    centers = rasterize(vertices, figure.model.faces, matrix, crop)
    covered = (centers.face >= 0).numpy()
    material = np.where(covered, figure.material[centers.face.clamp_min(0).numpy()], -1)
    whole = np.s_[top:bottom, left:right]
    picture = Picture(
        np.zeros((*size, 3)), np.zeros(size), np.zeros(size, dtype=np.float32), np.full(size, -1, dtype=np.int64)
    )
    picture.color[whole] = _shrink(colors, samples)
    picture.alpha[whole] = _shrink(inside[..., None].astype(np.float64), samples)[..., 0]
    picture.depth[whole], picture.material[whole] = centers.depth.numpy(), material
    return picture


def srgb(linear: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Linear colours as a camera writes them: sRGB with a soft shoulder instead of clipped highlights."""
    linear = np.clip(linear, 0.0, None)
    bright = linear / (1.0 + 0.12 * linear)
    return np.where(bright < 0.0031308, 12.92 * bright, 1.055 * np.maximum(bright, 1e-6) ** (1 / 2.4) - 0.055)


def _frame_around(
    vertices: Float[Tensor, "v 3"], intrinsics: Float[Tensor, "3 3"], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of the part of the image that the figure can be seen in; never empty."""
    ahead = vertices[vertices[:, 2] > 0.05]
    if not len(ahead):
        return 0, 0, 1, 1
    projected = ahead @ intrinsics.to(ahead).T
    places = projected[:, :2] / projected[:, 2:]
    low = (places.amin(0) - _MARGIN).floor().long().tolist()
    high = (places.amax(0) + _MARGIN).ceil().long().tolist()
    left, right = (min(max(value, 0), size[1]) for value in (low[0], high[0]))
    top, bottom = (min(max(value, 0), size[0]) for value in (low[1], high[1]))
    top, left = min(top, size[0] - 1), min(left, size[1] - 1)
    return top, left, max(bottom, top + 1), max(right, left + 1)


def _shrink(image: Float[np.ndarray, "H W c"], n: int) -> Float[np.ndarray, "h w c"]:
    height, width, channels = image.shape
    return image.reshape(height // n, n, width // n, n, channels).mean((1, 3))
