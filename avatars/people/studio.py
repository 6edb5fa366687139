"""A photo studio: a figure before a seamless backdrop, a soft key light, a pinhole camera at the origin."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter
from torch import Tensor

from avatars.body import BodyPose
from avatars.people.figure import Figure
from avatars.people.lighting import Light
from avatars.people.noise import noise, smoothstep
from avatars.people.picture import Picture, draw, srgb
from nfield.cameras import Cameras

_GRAIN = 0.006


@dataclass(frozen=True)
class Studio:
    """Where things stand, in the camera's OpenCV frame, metres.

    Attributes:
        floor: Height of the floor below the camera.
        wall: Distance of the backdrop.
        light: What shines on the figure; its shadow on the floor comes from there, too.
        focal: Pixels.
        size: Edge of the square image, pixels.
        backdrop: Linear RGB of the wall.
    """

    floor: float
    wall: float
    light: Light
    focal: float
    size: int
    backdrop: tuple[float, float, float] = (0.27, 0.31, 0.34)

    @property
    def intrinsics(self) -> Float[Tensor, "3 3"]:
        """Of the camera, in pixels; the principal point is at the image's centre."""
        return Cameras.pinhole(self.focal, (self.size, self.size)).intrinsics[0]


def photograph(
    figure: Figure, pose: BodyPose, studio: Studio, *, seed: int, samples: int = 3
) -> tuple[Float[np.ndarray, "h w 3"], Picture]:
    """The photo, sRGB in [0, 1] with grain, and the exact picture of the figure in it."""
    vertices = figure.model.pose(pose).vertices
    size = (studio.size, studio.size)
    picture = draw(figure, vertices, studio.intrinsics, size, light=studio.light, samples=samples)
    linear = picture.color + (1.0 - picture.alpha)[..., None] * _backdrop(studio, vertices.numpy())
    linear = gaussian_filter(linear, (0.45, 0.45, 0.0))
    grain = np.random.default_rng(seed).normal(0.0, _GRAIN, size)[..., None]
    return np.clip(srgb(linear) + grain, 0.0, 1.0), picture


def _backdrop(studio: Studio, vertices: Float[np.ndarray, "v 3"]) -> Float[np.ndarray, "h w 3"]:
    """Linear colours of a grey-blue cyclorama, lit from the left, with the figure's shadow on its floor."""
    edge = studio.size
    pixel = (np.arange(edge) + 0.5 - edge / 2) / studio.focal
    x, y = np.meshgrid(pixel, pixel)
    reach = np.where(y > 1e-6, studio.floor / np.maximum(y, 1e-6), np.inf)
    on_floor = smoothstep(studio.wall + 0.2, studio.wall - 1.2, reach)
    depth = np.minimum(reach, studio.wall)
    glow = np.exp(-((x + 0.10) ** 2 + (y + 0.06) ** 2) / 0.16)
    wall = np.array(studio.backdrop) * (0.55 + 0.75 * glow)[..., None]
    floor = np.array([0.30, 0.30, 0.29]) * (0.70 + 0.35 * glow)[..., None]
    place = np.stack([x * depth, np.minimum(y * depth, studio.floor), depth], -1).reshape(-1, 3)
    blotches = noise(place, 0.6, seed=71, octaves=3).reshape(edge, edge)
    image = (wall + (floor - wall) * on_floor[..., None]) * (1.0 + 0.07 * blotches)[..., None]
    shadow = _floor_shadow(studio, vertices, x * reach, reach)
    return image * (1.0 - shadow * on_floor)[..., None]


def _floor_shadow(studio: Studio, vertices: np.ndarray, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Darkness of the floor points (x, floor, z): a wide soft shadow cast by the key light and one at the soles."""
    cells, extent = 400, 4.0
    center = vertices.mean(0)
    light = np.array(studio.light.position)
    steps = (studio.floor - light[1]) / (vertices[:, 1] - light[1])
    cast = light + (vertices - light) * steps[:, None]
    dark = np.zeros((cells, cells))
    soles = vertices[vertices[:, 1] > studio.floor - 0.05]
    for points, blur, strength in ((cast, 7.0, 0.45), (soles, 2.5, 0.55)):
        where = [np.clip(((points[:, k] - center[k]) / extent + 0.5) * cells, 0, cells - 1).astype(int) for k in (0, 2)]
        covered = np.zeros((cells, cells))
        covered[where[0], where[1]] = 1.0
        soft = gaussian_filter(gaussian_filter(covered, 1.5) > 0.12, blur, output=float)
        dark = 1.0 - (1.0 - dark) * (1.0 - strength * soft)
    i, j = (((v - center[k]) / extent + 0.5) * cells for v, k in ((x, 0), (z, 2)))
    known = (i >= 0) & (i < cells) & (j >= 0) & (j < cells) & np.isfinite(z)
    safe = [np.where(known, v, 0).astype(int) for v in (i, j)]
    return np.where(known, gaussian_filter(dark, 1.0)[safe[0], safe[1]], 0.0)
