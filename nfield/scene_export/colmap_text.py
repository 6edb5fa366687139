"""Cameras and points as a COLMAP model in text (colmap, doc/format.rst)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from nfield.data.capture import Lens
from nfield.data.loaders.colmap_camera import MODELS, CameraModel
from nfield.errors import DataError
from nfield.scene_export.pictures import common_folder
from nfield.scene_export.users_cameras import UsersCameras
from nfield.whole_file import write_atomically


@dataclass(frozen=True)
class ColoredPoints:
    """Points on surfaces.

    Attributes:
        places: (n, 3), the user's world, double precision.
        colors: (n, 3), sRGB as bytes.
    """

    places: np.ndarray
    colors: np.ndarray


def write_colmap(folder: Path, cameras: UsersCameras, points: ColoredPoints) -> None:
    """Writes `cameras.txt`, `images.txt` and `points3D.txt`.

    Args:
        folder: Where to; made if it does not exist.
        cameras: Those of equal lenses become images of one camera.
        points: Without tracks: nobody knows which pictures they were found in.

    Raises:
        DataError: A lens is of a kind that COLMAP has no model for.
    """
    numbers = {lens: number for number, lens in enumerate(dict.fromkeys(cameras.lenses), 1)}
    files = {
        "cameras.txt": [_camera_line(number, lens) for lens, number in numbers.items()],
        "images.txt": _image_lines(cameras, [numbers[lens] for lens in cameras.lenses]),
        "points3D.txt": _point_lines(points),
    }
    for name, lines in files.items():
        write_atomically(folder / name, ("\n".join([*_HEADERS[name], *lines]) + "\n").encode())


_HEADERS = {
    "cameras.txt": ["# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]"],
    "images.txt": ["# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME", "# POINTS2D[] as (X, Y, POINT3D_ID)"],
    "points3D.txt": ["# POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)"],
}


def model_of(lens: Lens) -> CameraModel:
    """The first of COLMAP's models that has all that a lens does.

    Raises:
        DataError: None has.
    """
    needed = {place for place, value in enumerate(lens.distortion) if value}
    square = lens.focal[0] == lens.focal[1]
    fits = (
        model
        for model in MODELS
        if model.projection is lens.projection
        and needed <= set(model.coefficients)
        and (square or model.focal_lengths == 2)
    )
    found = next(fits, None)
    if found is None:
        raise DataError(
            f"--to cameras: COLMAP has no camera model for a lens of projection {lens.projection.name.lower()} with "
            f"distortion {lens.distortion}, expected one of {', '.join(model.name for model in MODELS)}; add "
            "--no-colmap to get transforms.json alone"
        )
    return found


def parameters_of(lens: Lens, model: CameraModel) -> list[float]:
    """A lens in a model's parameters: the inverse of `CameraModel.lens`."""
    terms = lens.distortion + (0.0,) * 16
    return [*lens.focal[: model.focal_lengths], *lens.center, *(terms[place] for place in model.coefficients)]


def picture_names(cameras: UsersCameras) -> list[str]:
    """Names of pictures inside the folder that holds all of them."""
    if cameras.shots is None:
        return [f"{index:05d}.png" for index in range(len(cameras))]
    paths = [shot.path.resolve() for shot in cameras.shots]
    folder = common_folder(paths)
    return [path.relative_to(folder).as_posix() for path in paths]


def _camera_line(number: int, lens: Lens) -> str:
    model = model_of(lens)
    height, width = lens.size
    return " ".join([f"{number} {model.name} {width} {height}", *map(repr, parameters_of(lens, model))])


def _image_lines(cameras: UsersCameras, numbers: list[int]) -> list[str]:
    poses = cameras.world_from_camera
    turned = Rotation.from_matrix(poses[:, :3, :3]).inv()
    # Places come back only through the rotation that is written: in survey coordinates a rounded one misses by metres.
    translations = -turned.apply(poses[:, :3, 3])
    quaternions = np.roll(np.asarray(turned.as_quat()), 1, axis=1)
    lines: list[str] = []
    for index, name in enumerate(picture_names(cameras)):
        pose = [*quaternions[index].tolist(), *translations[index].tolist()]
        lines += [" ".join([str(index + 1), *map(repr, pose), str(numbers[index]), name]), ""]
    return lines


def _point_lines(points: ColoredPoints) -> list[str]:
    rows = zip(points.places.tolist(), points.colors.tolist(), strict=True)
    return [
        f"{number} {x!r} {y!r} {z!r} {red} {green} {blue} 0"
        for number, ((x, y, z), (red, green, blue)) in enumerate(rows, 1)
    ]
