"""Record3D's captures: `metadata.json` beside a folder rgb ("EXR + RGB"), or an unpacked .r3d (`metadata`, rgbd).

The metadata hold width w and height h, the 3x3 matrix K by columns or, for each picture, fx, fy, cx and cy; and for
each picture a quaternion (x, y, z, w) and a position: camera to world with axes right, up, backward, in metres.
Pictures are numbered from 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from nfield.data.capture import Capture, Lens, Shot
from nfield.data.conventions import read_poses
from nfield.data.image_files import image_header
from nfield.data.loaders.base import LoadOptions, require_half, warn_of_missing
from nfield.data.loaders.json_file import read_array, read_json_object, read_number
from nfield.data.loaders.picture_paths import PictureFinder, pictures_in
from nfield.errors import DataError

_FILES = ("metadata.json", "metadata")
_FOLDERS = ("rgb", "rgbd")
_AGAIN = "export the capture again"


@dataclass(frozen=True)
class Record3d:
    """The loader of Record3D's captures; a `Loader`."""

    name: str = "Record3D"
    looks_for: str = "metadata.json beside a folder rgb (Record3D; a .r3d file is a zip archive of such)"

    def recognises(self, source: Path) -> bool:
        """See `Loader`."""
        return _parts(source) is not None

    def load(self, source: Path, options: LoadOptions) -> Capture:
        """See `Loader`."""
        parts = _parts(source)
        assert parts is not None, "the caller has asked whether this is Record3D's"
        path, images = parts
        content = read_json_object(path, what="the metadata of Record3D", key="poses")
        poses = read_poses(_poses(content, path), options.convention or "opengl")
        lenses = _lenses(content, path, len(poses))
        pictures = {picture.stem: picture for picture in pictures_in(images)}
        missing = tuple(f"{images.name}/{index}" for index in range(len(poses)) if str(index) not in pictures)
        require_half(missing, len(poses), where=str(path), advice=_AGAIN)
        warn_of_missing(missing, len(poses), where=str(path))
        finder = PictureFinder(path.parent)
        shots = tuple(
            Shot(picture.name, picture, image_header(picture).size(turned=False), lens, pose, finder.mask_of(picture))
            for index, (lens, pose) in enumerate(zip(lenses, poses, strict=True))
            if (picture := pictures.get(str(index))) is not None
        )
        return Capture(str(path), shots, train=tuple(range(len(shots))), missing=missing)


def _parts(source: Path) -> tuple[Path, Path] | None:
    """The metadata and the folder of pictures; None where there are none."""
    if (source / "transforms.json").is_file():  # made of the same capture by another program, which the user preferred
        return None
    files = (source,) if source.is_file() and source.name in _FILES else tuple(source / name for name in _FILES)
    for path in files:
        for folder in _FOLDERS:
            if path.is_file() and (path.parent / folder).is_dir():
                return path, path.parent / folder
    return None


def _poses(content: Mapping[str, object], path: Path) -> np.ndarray:
    """Transforms (k, 4, 4) as the file writes them."""
    listed = content.get("poses")
    if not isinstance(listed, list) or not listed:
        raise DataError(f"{path}: has no list of poses, expected one of seven numbers for each picture; {_AGAIN}")
    rows = read_array(content, "poses", str(path), shapes=((len(listed), 7),))
    if (np.linalg.norm(rows[:, :4], axis=1) < 0.5).any():
        raise DataError(
            f"{path}: poses begin with quaternions that are none, expected unit ones (x, y, z, w); {_AGAIN}"
        )
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[:, :3, :3], poses[:, :3, 3] = Rotation.from_quat(rows[:, :4]).as_matrix(), rows[:, 4:]
    return poses


def _lenses(content: Mapping[str, object], path: Path, count: int) -> list[Lens]:
    where = str(path)
    width, height = (read_number(content, key, where, default=0.0) for key in ("w", "h"))
    if content.get("perFrameIntrinsicCoeffs"):
        rows = read_array(content, "perFrameIntrinsicCoeffs", where, shapes=((count, 4),))
    else:
        matrix = read_array(content, "K", where, shapes=((9,),)).reshape(3, 3).T
        rows = np.tile([matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]], (count, 1))
    if min(width, height) <= 0.0 or (rows[:, :2] <= 0.0).any():
        raise DataError(f"{path}: w, h and the focal lengths must be positive numbers; {_AGAIN}")
    size = round(height), round(width)
    return [Lens((fx, fy), (cx, cy), size) for fx, fy, cx, cy in rows.tolist()]
