"""COLMAP's camera models as lenses (colmap, src/colmap/sensor/models.h)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nfield.data.capture import Lens
from nfield.errors import DataError
from nfield.lenses import COEFFICIENTS, Projection


@dataclass(frozen=True)
class CameraModel:
    """One of COLMAP's camera models.

    Attributes:
        name: COLMAP's.
        number: Its number in binary files.
        focal_lengths: Parameters for the focal length, 1 or 2; the principal point follows.
        coefficients: Those of `nfield.lenses.COEFFICIENTS` that the other parameters are.
        projection: What kind of lens it is.
    """

    name: str
    number: int
    focal_lengths: int
    coefficients: tuple[int, ...] = ()
    projection: Projection = Projection.PERSPECTIVE

    @property
    def parameters(self) -> int:
        """How many it has."""
        return self.focal_lengths + 2 + len(self.coefficients)

    def lens(self, parameters: Sequence[float], size: tuple[int, int]) -> Lens:
        """A lens of this model.

        Args:
            parameters: In COLMAP's order.
            size: Image height and width, pixels.
        """
        focal = parameters[: self.focal_lengths]
        column, row = parameters[self.focal_lengths : self.focal_lengths + 2]
        moved = [0.0] * (max(self.coefficients, default=-1) + 1)
        for place, value in zip(self.coefficients, parameters[self.focal_lengths + 2 :], strict=True):
            moved[place] = value
        distortion = tuple(moved) if any(moved) else ()
        return Lens((focal[0], focal[-1]), (column, row), size, distortion, self.projection)


_K1, _K2, _P1, _P2, _K3, _K4, _K5, _K6, _S1, _, _S3, _, _LAST = range(COEFFICIENTS)
_FISHEYE = Projection.EQUIDISTANT

MODELS = (
    CameraModel("SIMPLE_PINHOLE", 0, 1),
    CameraModel("PINHOLE", 1, 2),
    CameraModel("SIMPLE_RADIAL", 2, 1, (_K1,)),
    CameraModel("RADIAL", 3, 1, (_K1, _K2)),
    CameraModel("OPENCV", 4, 2, (_K1, _K2, _P1, _P2)),
    CameraModel("OPENCV_FISHEYE", 5, 2, (_K1, _K2, _K3, _LAST), _FISHEYE),
    CameraModel("FULL_OPENCV", 6, 2, (_K1, _K2, _P1, _P2, _K3, _K4, _K5, _K6)),
    CameraModel("SIMPLE_RADIAL_FISHEYE", 8, 1, (_K1,), _FISHEYE),
    CameraModel("RADIAL_FISHEYE", 9, 1, (_K1, _K2), _FISHEYE),
    CameraModel("THIN_PRISM_FISHEYE", 10, 2, (_K1, _K2, _P1, _P2, _K3, _LAST, _S1, _S3), _FISHEYE),
    CameraModel("SIMPLE_FISHEYE", 14, 1, (), _FISHEYE),
    CameraModel("FISHEYE", 15, 2, (), _FISHEYE),
)


def model_named(name: str, where: str) -> CameraModel:
    """The model of that name."""
    return _model(lambda model: model.name == name, name, where)


def model_numbered(number: int, where: str) -> CameraModel:
    """The model of that number."""
    return _model(lambda model: model.number == number, f"number {number}", where)


def _model(fits: Callable[[CameraModel], bool], asked: str, where: str) -> CameraModel:
    found = next((model for model in MODELS if fits(model)), None)
    if found is None:
        known = ", ".join(model.name for model in MODELS)
        raise DataError(
            f"{where}: camera model {asked} is not known, expected one of {known}; undistort the images "
            "(colmap image_undistorter) and take the result"
        )
    return found
