"""The lens of a frame of a transforms file, in any of the camera models that such files name."""

import math
from collections.abc import Callable, Mapping

from nfield.data.capture import Lens
from nfield.data.loaders.json_file import read_number
from nfield.data.loaders.transforms_file import Frame
from nfield.errors import DataError
from nfield.lenses import Projection

_SAME_PROPORTIONS = 0.02
_Numbers = Callable[[str], float]


def lens_of(frame: Frame, image_size: tuple[int, int]) -> Lens:
    """The lens; sizes and principal points that the file leaves out follow from the image's height and width."""
    projection, distortion = _model(frame)
    height, width = frame.declared_size() or (float(image_size[0]), float(image_size[1]))
    if not has_proportions((height, width), image_size):
        raise DataError(
            f"{frame.where}: declares images of w={width:g}, h={height:g}, but the file is "
            f"{image_size[1]}x{image_size[0]}; expected the same proportions: correct w and h, or rotate the image"
        )
    focal = _focal_lengths(frame, projection, (height, width))
    center = tuple(
        read_number(frame.values, key, frame.where, default=0.5 * extent)
        for key, extent in (("cx", width), ("cy", height))
    )
    return Lens(focal, (center[0], center[1]), (int(height), int(width)), distortion, projection)


def has_proportions(declared: tuple[float, float], image_size: tuple[int, int]) -> bool:
    """Whether a declared height and width are those of an image, made larger or smaller."""
    height, width = declared
    if min(height, width) < 1.0:
        return False
    return abs(height * image_size[1] / (width * image_size[0]) - 1.0) <= _SAME_PROPORTIONS


def _perspective(number: _Numbers, values: Mapping[str, object]) -> tuple[float, ...]:
    """OpenCV's coefficients. A k4 without k5 and k6 is nerfstudio's: the factor of r^8 beside k1, k2 and k3."""
    k1, k2, k3, k4, k5, k6, p1, p2 = (number(key) for key in ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2"))
    rational = "k5" in values or "k6" in values or values.get("camera_model") == "FULL_OPENCV"
    below, last = (k4, 0.0) if rational else (0.0, k4)
    return (k1, k2, p1, p2, k3, below, k5, k6, number("s1"), number("s2"), number("s3"), number("s4"), last)


def _fisheye(number: _Numbers, values: Mapping[str, object]) -> tuple[float, ...]:
    """k1 to k4 of the angle from the axis; tangential and prism terms as in COLMAP's THIN_PRISM_FISHEYE."""
    k1, k2, k3, k4, p1, p2 = (number(key) for key in ("k1", "k2", "k3", "k4", "p1", "p2"))
    return (k1, k2, p1, p2, k3, 0.0, 0.0, 0.0, number("sx1"), 0.0, number("sy1"), 0.0, k4)


def _no_distortion(number: _Numbers, values: Mapping[str, object]) -> tuple[float, ...]:
    return ()


_PERSPECTIVE = (Projection.PERSPECTIVE, _perspective)
_EQUIDISTANT = (Projection.EQUIDISTANT, _fisheye)
_EQUIRECTANGULAR = (Projection.EQUIRECTANGULAR, _no_distortion)
_MODELS: dict[str, tuple[Projection, Callable[[_Numbers, Mapping[str, object]], tuple[float, ...]]]] = {
    "OPENCV": _PERSPECTIVE,
    "FULL_OPENCV": _PERSPECTIVE,
    "PINHOLE": _PERSPECTIVE,
    "SIMPLE_PINHOLE": _PERSPECTIVE,
    "SIMPLE_RADIAL": _PERSPECTIVE,
    "RADIAL": _PERSPECTIVE,
    "PERSPECTIVE": _PERSPECTIVE,
    "OPENCV_FISHEYE": _EQUIDISTANT,
    "FISHEYE": _EQUIDISTANT,
    "SIMPLE_RADIAL_FISHEYE": _EQUIDISTANT,
    "RADIAL_FISHEYE": _EQUIDISTANT,
    "THIN_PRISM_FISHEYE": _EQUIDISTANT,
    "EQUIRECTANGULAR": _EQUIRECTANGULAR,
    "SPHERICAL": _EQUIRECTANGULAR,
}

_FOCAL_OF_ANGLE: dict[Projection, Callable[[float, float], float]] = {
    Projection.PERSPECTIVE: lambda extent, angle: 0.5 * extent / math.tan(0.5 * angle),
    Projection.EQUIDISTANT: lambda extent, angle: extent / angle,
}
"""Focal length, pixels, by the extent of an image, pixels, and the angle that it shows, radians."""


def _model(frame: Frame) -> tuple[Projection, tuple[float, ...]]:
    values = frame.values
    name = str(values.get("camera_model", "OPENCV")).upper()
    if values.get("is_fisheye"):
        name = "OPENCV_FISHEYE"
    if name not in _MODELS:
        raise DataError(
            f"{frame.where}: camera model {values['camera_model']} is not known, expected one of "
            f"{', '.join(_MODELS)}; undistort the images first (colmap image_undistorter) and export the poses of "
            "the result"
        )
    projection, coefficients = _MODELS[name]
    distortion = coefficients(lambda key: read_number(values, key, frame.where, default=0.0), values)
    return projection, distortion if any(distortion) else ()


def _focal_lengths(frame: Frame, projection: Projection, size: tuple[float, float]) -> tuple[float, float]:
    height, width = size
    if projection is Projection.EQUIRECTANGULAR:
        return width / (2.0 * math.pi), height / math.pi
    focal = _FOCAL_OF_ANGLE[projection]
    across = _focal(frame, "fl_x", "camera_angle_x", width, focal)
    if across is None:
        raise DataError(
            f"{frame.where}: has neither fl_x nor camera_angle_x, expected a focal length in pixels (fl_x) or "
            "a field of view in radians (camera_angle_x); add one at the top of the file"
        )
    down = _focal(frame, "fl_y", "camera_angle_y", height, focal) if "fl_x" in frame.values else None
    return across, down or across


def _focal(
    frame: Frame, key: str, angle_key: str, extent: float, of_angle: Callable[[float, float], float]
) -> float | None:
    if key in frame.values:
        focal = read_number(frame.values, key, frame.where, default=0.0)
        if focal <= 0.0:
            raise DataError(
                f"{frame.where}: {key} is {frame.values[key]}, expected a positive number of pixels; correct it"
            )
        return focal
    if angle_key not in frame.values:
        return None
    angle = read_number(frame.values, angle_key, frame.where, default=0.0)
    if not 0.0 < angle < math.pi:
        hint = "correct it"
        if math.pi < angle < 180.0:
            hint = f"degrees, it seems: write {math.radians(angle):.6g}"
        raise DataError(
            f"{frame.where}: {angle_key} is {frame.values[angle_key]}, expected an angle between 0 and pi radians; "
            f"{hint}"
        )
    return of_angle(extent, angle)
