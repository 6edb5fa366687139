"""LLFF: `poses_bounds.npy` beside a folder of images (Mildenhall et al. 2019, Fyusion/LLFF, README).

Each row holds a 3x5 matrix and the nearest and farthest depth: camera axes down, right, backward, the position, and
height, width and focal length in pixels. Rows are in the order of the images' names.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nfield.data.capture import Capture, Lens, Shot
from nfield.data.image_files import image_header
from nfield.data.loaders.base import LoadOptions
from nfield.data.loaders.picture_paths import PictureFinder, pictures_in
from nfield.errors import DataError

_FILE = "poses_bounds.npy"
_COLUMNS = 17
_FOLDERS = ("images", "images_2", "images_4", "images_8", ".")


@dataclass(frozen=True)
class Llff:
    """The loader of LLFF's captures; a `Loader`."""

    name: str = "LLFF"
    looks_for: str = f"{_FILE} beside a folder images (LLFF)"

    def recognises(self, source: Path) -> bool:
        """See `Loader`."""
        return source.name == _FILE if source.is_file() else (source / _FILE).is_file()

    def load(self, source: Path, options: LoadOptions) -> Capture:
        """See `Loader`."""
        path = source if source.is_file() else source / _FILE
        rows = _rows(path)
        pictures = _pictures(path, len(rows))
        finder = PictureFinder(path.parent)
        shots = tuple(_shot(row, picture, finder) for row, picture in zip(rows, pictures, strict=True))
        return Capture(str(path), shots, train=tuple(range(len(shots))))


def _rows(path: Path) -> np.ndarray:
    """Rows of 17 finite numbers, double precision."""
    try:
        rows = np.asarray(np.load(path, allow_pickle=False), np.float64)
    except (OSError, ValueError, EOFError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path}: cannot be read ({reason}), expected a NumPy array; make it again (imgs2poses.py)"
        ) from error
    if rows.ndim != 2 or rows.shape[1] != _COLUMNS or not np.isfinite(rows).all() or not len(rows):
        shape = "x".join(map(str, rows.shape))
        raise DataError(
            f"{path}: holds an array of {shape}, expected rows of {_COLUMNS} finite numbers, one for each image; "
            "make it again (imgs2poses.py)"
        )
    return rows


def _pictures(path: Path, count: int) -> list[Path]:
    """The pictures of the first folder that has as many as there are rows."""
    found = {name: pictures_in(path.parent / name) for name in _FOLDERS}
    fitting = next((pictures for pictures in found.values() if len(pictures) == count), None)
    if fitting is None:
        counts = ", ".join(f"{name} has {len(pictures)}" for name, pictures in found.items() if pictures) or "none"
        raise DataError(
            f"{path}: has poses of {count} images, expected a folder images with as many ({counts}); remove images "
            "that were not registered, or make the poses again (imgs2poses.py)"
        )
    return fitting


def _shot(row: np.ndarray, picture: Path, finder: PictureFinder) -> Shot:
    matrix = row[:15].reshape(3, 5)
    height, width, focal = matrix[:, 4].tolist()
    down, right, backward = matrix[:, 0], matrix[:, 1], matrix[:, 2]
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, down, -backward], -1)
    pose[:3, 3] = matrix[:, 3]
    if min(height, width, focal) <= 0.0 or abs(np.linalg.det(pose[:3, :3]) - 1.0) > 1e-2:
        raise DataError(
            f"{finder.folder / _FILE}: the row of {picture.name} is no rotation with a height, width and focal length, "
            "expected LLFF's axes down, right, backward; make it again (imgs2poses.py)"
        )
    header = image_header(picture)
    size = header.size(turned=False)
    turned = (size[1] > size[0]) != (width > height) and size != header.size(turned=True)
    lens = Lens((focal, focal), (0.5 * width, 0.5 * height), (int(height), int(width)))
    return Shot(picture.name, picture, header.size(turned=turned), lens, pose, finder.mask_of(picture), turned)
