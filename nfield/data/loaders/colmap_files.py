"""COLMAP's model files: cameras, images and points, as text and as binary (colmap, doc/format.rst)."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nfield.data.capture import Lens
from nfield.data.loaders.colmap_camera import model_named, model_numbered
from nfield.errors import DataError

_LARGEST_SIZE = 1_000_000


@dataclass(frozen=True)
class ColmapImage:
    """A registered image.

    Attributes:
        name: Its file, in the folder of images.
        camera: Number of its camera.
        camera_from_world: Unit quaternion w, x, y, z, and translation.
    """

    name: str
    camera: int
    camera_from_world: tuple[float, ...]

    def pose(self) -> np.ndarray:
        """world_from_camera (4, 4), OpenCV axes."""
        w, x, y, z = np.array(self.camera_from_world[:4]) / np.linalg.norm(self.camera_from_world[:4])
        rotation = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
        pose = np.eye(4)
        pose[:3, :3] = rotation.T
        pose[:3, 3] = -rotation.T @ np.array(self.camera_from_world[4:])
        return pose


@dataclass(frozen=True)
class ColmapModel:
    """A sparse model.

    Attributes:
        lenses: By the number of the camera.
        images: Registered ones.
        points: Of surfaces (n, 3); empty where their file is missing.
    """

    lenses: Mapping[int, Lens]
    images: tuple[ColmapImage, ...]
    points: np.ndarray


def is_model(folder: Path) -> bool:
    """Whether a folder holds a sparse model."""
    return any((folder / f"cameras{s}").is_file() and (folder / f"images{s}").is_file() for s in (".bin", ".txt"))


def read_model(folder: Path) -> ColmapModel:
    """Reads the model in a folder; binary files come before text.

    Raises:
        DataError: A file is cut off, damaged or names an unknown camera model.
    """
    suffix = ".bin" if (folder / "cameras.bin").is_file() and (folder / "images.bin").is_file() else ".txt"
    cameras, images, points = (folder / f"{name}{suffix}" for name in ("cameras", "images", "points3D"))
    readers = _BINARY if suffix == ".bin" else _TEXT
    try:
        model = ColmapModel(
            readers.cameras(cameras), readers.images(images), readers.points(points) if points.is_file() else _NONE
        )
    except (struct.error, ValueError, IndexError, UnicodeDecodeError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{folder}: its COLMAP files are damaged ({reason}), expected whole cameras, images and points3D files; "
            "export the model again (colmap model_converter)"
        ) from error
    _check(model, folder)
    return model


def _check(model: ColmapModel, folder: Path) -> None:
    for image in model.images:
        if image.camera not in model.lenses:
            raise DataError(
                f"{folder}: image {image.name} has the camera {image.camera}, which the file of cameras lacks; "
                "export the model again (colmap model_converter)"
            )
        numbers = np.array(image.camera_from_world)
        if not np.isfinite(numbers).all() or np.linalg.norm(numbers[:4]) < 1e-6:
            raise DataError(
                f"{folder}: the pose of image {image.name} is no rotation and translation; export the model again"
            )


_NONE = np.zeros((0, 3))


class _BinaryReader:
    """A binary file, value by value."""

    def __init__(self, path: Path) -> None:
        self._content, self._place = path.read_bytes(), 0

    def take(self, layout: str) -> tuple[int | float, ...]:
        """The next values, little endian."""
        values = struct.unpack_from("<" + layout, self._content, self._place)
        self._place += struct.calcsize("<" + layout)
        return values

    def text(self) -> str:
        """The next text, which a zero ends."""
        end = self._content.index(b"\0", self._place)
        text = self._content[self._place : end].decode("utf-8")
        self._place = end + 1
        return text

    def skip(self, count: int) -> None:
        """Leaves bytes out."""
        if not 0 <= count <= len(self._content) - self._place:
            raise ValueError("a file ends too early")
        self._place += count


class _Binary:
    @staticmethod
    def cameras(path: Path) -> dict[int, Lens]:
        reader = _BinaryReader(path)
        lenses: dict[int, Lens] = {}
        for _ in range(int(reader.take("Q")[0])):
            camera, number, width, height = (int(value) for value in reader.take("iiQQ"))
            model = model_numbered(number, str(path))
            lenses[camera] = model.lens(reader.take(f"{model.parameters}d"), _size(height, width))
        return lenses

    @staticmethod
    def images(path: Path) -> tuple[ColmapImage, ...]:
        reader = _BinaryReader(path)
        images: list[ColmapImage] = []
        for _ in range(int(reader.take("Q")[0])):
            _, *pose, camera = reader.take("I7dI")
            images.append(ColmapImage(reader.text(), int(camera), tuple(pose)))
            reader.skip(24 * int(reader.take("Q")[0]))
        return tuple(images)

    @staticmethod
    def points(path: Path) -> np.ndarray:
        reader = _BinaryReader(path)
        points: list[tuple[float, ...]] = []
        for _ in range(int(reader.take("Q")[0])):
            points.append(reader.take("Q3d3Bd")[1:4])
            reader.skip(8 * int(reader.take("Q")[0]))
        return np.array(points, np.float64).reshape(-1, 3)


class _Text:
    @staticmethod
    def cameras(path: Path) -> dict[int, Lens]:
        lenses: dict[int, Lens] = {}
        for line in _lines(path):
            if not line:
                continue
            camera, name, width, height, *parameters = line.split()
            model = model_named(name, str(path))
            if len(parameters) != model.parameters:
                raise ValueError(f"camera {camera} has {len(parameters)} parameters, {name} has {model.parameters}")
            lenses[int(camera)] = model.lens([float(value) for value in parameters], _size(int(height), int(width)))
        return lenses

    @staticmethod
    def images(path: Path) -> tuple[ColmapImage, ...]:
        images: list[ColmapImage] = []
        lines = _lines(path)
        for line in lines:
            if not line:
                continue
            fields = line.split(maxsplit=9)
            images.append(ColmapImage(fields[9], int(fields[8]), tuple(float(value) for value in fields[1:8])))
            next(lines, None)  # its points in the image, which may be none
        return tuple(images)

    @staticmethod
    def points(path: Path) -> np.ndarray:
        listed = [[float(value) for value in line.split()[1:4]] for line in _lines(path) if line]
        return np.array(listed, np.float64).reshape(-1, 3)


_BINARY, _TEXT = _Binary, _Text


def _lines(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        if not line.startswith("#"):
            yield line.strip()


def _size(height: int, width: int) -> tuple[int, int]:
    if not (0 < height < _LARGEST_SIZE and 0 < width < _LARGEST_SIZE):
        raise ValueError(f"a camera has images of {width}x{height}")
    return height, width
