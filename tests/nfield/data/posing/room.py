"""A room with patterned walls, photographed from within: pictures whose poses are known and can be found."""

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

SIZE = (180, 240)
FOCAL = 220.0


def poses(count: int, *, arc: float = 0.9) -> np.ndarray:
    """world_from_camera (k, 4, 4) on an arc, all of which look at one corner of the room."""
    return np.stack([_looking(angle) for angle in np.linspace(-arc / 2, arc / 2, count)])


def photograph(pose: np.ndarray, *, size: tuple[int, int] = SIZE, focal: float = FOCAL) -> np.ndarray:
    """A picture (h, w, 3) of the cube [-1, 1]^3 from within."""
    rows, columns = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5, indexing="ij")
    rays = np.stack([columns - size[1] / 2, rows - size[0] / 2, np.full(size, focal)], -1) @ pose[:3, :3].T
    with np.errstate(divide="ignore"):
        distances = (np.sign(rays) - pose[:3, 3]) / rays
    wall = distances.argmin(-1)
    hit = pose[:3, 3] + rays * distances.min(-1, keepdims=True)
    picture = np.zeros((*size, 3))
    for axis in range(3):
        for side in (-1, 1):
            on = (wall == axis) & (np.sign(rays[..., axis]) == side)
            place = np.delete(hit[on], axis, 1).T
            picture[on] = _pattern(2 * axis + (side > 0), (place + 1.0) * 0.5)
    return (picture * 255.0).round().astype(np.uint8)


def write_photos(folder: Path, count: int) -> list[str]:
    """Photographs the room; names of the pictures."""
    folder.mkdir(parents=True)
    names = [f"view {index:02d}.png" for index in range(count)]
    for name, pose in zip(names, poses(count), strict=True):
        Image.fromarray(photograph(pose)).save(folder / name)
    return names


def _looking(angle: float) -> np.ndarray:
    place = np.array([-0.55 + 0.5 * np.sin(angle), -0.1, -0.55 - 0.5 * np.sin(angle)])
    forward = np.array([1.0, 0.1, 1.0]) - place
    forward /= np.linalg.norm(forward)
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], -1)
    pose[:3, 3] = place
    return pose


def _pattern(number: int, place: np.ndarray) -> np.ndarray:
    """Colours (n, 3) of one wall at places (2, n) in [0, 1]^2: blots of several sizes."""
    return np.stack([ndimage.map_coordinates(blots, place * 255.0, order=1) for blots in _blots(number)], -1)


@cache
def _blots(number: int) -> np.ndarray:
    """The three channels (3, 256, 256) of a wall."""
    rng = np.random.default_rng(number)
    scales = [ndimage.zoom(rng.random((3, edge, edge)), (1, 256 / edge, 256 / edge), order=1) for edge in (16, 64)]
    return np.mean(scales, 0)
