"""Polycam's raw data: a JSON file a picture, as its developer mode exports them (nerfstudio reads the same files).

`keyframes/images` and `keyframes/cameras` hold what the phone measured, `keyframes/corrected_images` and
`keyframes/corrected_cameras` the same after Polycam's own adjustment, which is taken where it is there. t_00 to t_23
are the rows of a camera-to-world transform with axes right, up, backward; the world's y points upwards; metres.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nfield.data.capture import Capture, Lens, Shot
from nfield.data.conventions import read_poses
from nfield.data.image_files import image_header
from nfield.data.loaders.base import LoadOptions, require_half, warn_of_missing
from nfield.data.loaders.json_file import read_json_object, read_number
from nfield.data.loaders.picture_paths import PictureFinder
from nfield.data.loaders.transforms_file import Frame
from nfield.errors import DataError

_ROOM = "keyframes"
_PAIRS = (("corrected_cameras", "corrected_images"), ("cameras", "images"))
_WHAT = "a camera of Polycam"


@dataclass(frozen=True)
class Polycam:
    """The loader of Polycam's raw data; a `Loader`."""

    name: str = "Polycam"
    looks_for: str = f"{_ROOM}/cameras and {_ROOM}/images (Polycam's raw data)"

    def recognises(self, source: Path) -> bool:
        """See `Loader`."""
        return source.is_dir() and _pair(source) is not None

    def load(self, source: Path, options: LoadOptions) -> Capture:
        """See `Loader`."""
        pair = _pair(source)
        assert pair is not None, "the caller has asked whether this is Polycam's"
        cameras, images = pair
        files = sorted(cameras.glob("*.json"), key=lambda path: (len(path.stem), path.stem))
        finder = PictureFinder(images)
        found = [(path, finder.exactly(path.stem)) for path in files]
        missing = tuple(path.stem for path, picture in found if picture is None)
        advice = "copy the folder from the phone again"
        require_half(missing, len(files), where=str(cameras), advice=advice)
        warn_of_missing(missing, len(files), where=str(cameras))
        masks = PictureFinder(source)
        shots = tuple(_shot(path, picture, options, masks) for path, picture in found if picture is not None)
        return Capture(str(source), shots, train=tuple(range(len(shots))), missing=missing)


def _pair(source: Path) -> tuple[Path, Path] | None:
    """Folders of cameras and of pictures; None where there are none."""
    for room in (source / _ROOM, source):
        for cameras, images in _PAIRS:
            if (room / images).is_dir() and any((room / cameras).glob("*.json")):
                return room / cameras, room / images
    return None


def _shot(path: Path, picture: Path, options: LoadOptions, masks: PictureFinder) -> Shot:
    content = read_json_object(path, what=_WHAT, key="t_00")
    pose = Frame(picture.name, str(path), {"transform_matrix": _rows(content, path)}).pose()
    lens = _lens(content, str(path))
    size = image_header(picture).size(turned=False)
    world_from_camera = read_poses(pose[None], options.convention or "opengl")[0]
    return Shot(picture.name, picture, size, lens, world_from_camera, masks.mask_of(picture))


def _rows(content: Mapping[str, object], path: Path) -> list[list[object]]:
    keys = [[f"t_{row}{column}" for column in range(4)] for row in range(3)]
    lacking = [key for row in keys for key in row if key not in content]
    if lacking:
        raise DataError(f"{path}: has no {lacking[0]}, expected {_WHAT} with t_00 to t_23; export the raw data again")
    return [[content[key] for key in row] for row in keys]


def _lens(content: Mapping[str, object], where: str) -> Lens:
    fx, fy, width, height = (read_number(content, key, where, default=0.0) for key in ("fx", "fy", "width", "height"))
    if min(fx, fy, width, height) <= 0.0:
        raise DataError(f"{where}: fx, fy, width and height must be positive numbers; export the raw data again")
    cx, cy = read_number(content, "cx", where, default=width / 2), read_number(content, "cy", where, default=height / 2)
    return Lens((fx, fy), (cx, cy), (round(height), round(width)))
