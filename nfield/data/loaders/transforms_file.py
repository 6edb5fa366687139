"""Reading one `transforms*.json`: frames with checked numbers. No image is opened here.

NeRF-synthetic, instant-ngp and nerfstudio share this format. Every value of the lens may stand at the top or, for one
image, in its frame.
"""

import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nfield.errors import DataError

_RIGID_TOLERANCE = 1e-2
_LARGEST_NUMBER = 1e30  # beyond it single precision overflows
_LARGEST_SHIFT = 1e-4
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Frame:
    """One image of a transforms file.

    Attributes:
        name: The image as the file names it.
        where: File and frame, for messages.
        values: What the file says of it: the frame's own entries over those at the top. Nulls are left out.
    """

    name: str
    where: str
    values: Mapping[str, object]

    def pose(self) -> np.ndarray:
        """The rigid transform (4, 4) as the file writes it, double precision.

        A uniform scale is divided out, and rounding errors of the rotation are removed.
        """
        given = _array(self.values, "transform_matrix", self.where, shapes=((4, 4), (3, 4)))
        self._require_upright(given)
        linear = given[:3, :3]
        determinant = float(np.linalg.det(linear))
        scale = max(determinant, 0.0) ** (1.0 / 3.0)
        left, _, right = np.linalg.svd(linear)
        rotation = left @ right
        if determinant <= 0.0 or np.abs(linear / max(scale, 1e-300) - rotation).max() > _RIGID_TOLERANCE:
            raise DataError(
                f"{self.where}: transform_matrix is not a rotation and a position (determinant {determinant:.3g}), "
                "expected a rigid camera-to-world transform, at most scaled uniformly; export the poses again or "
                "remove this frame"
            )
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = rotation, given[:3, 3]
        return pose

    def declared_size(self) -> tuple[float, float] | None:
        """Height and width that the file declares; None where it does not."""
        if "h" not in self.values or "w" not in self.values:
            return None
        return self._number("h"), self._number("w")

    def _number(self, key: str) -> float:
        return read_number(self.values, key, self.where, default=0.0)

    def _require_upright(self, given: np.ndarray) -> None:
        if given.shape == (4, 4) and np.abs(given[3] - np.array([0.0, 0.0, 0.0, 1.0])).max() > _LARGEST_SHIFT:
            transposed = np.abs(given[:, 3] - np.array([0.0, 0.0, 0.0, 1.0])).max() <= _LARGEST_SHIFT
            hint = ": it seems to be written by columns, transpose it" if transposed else "; export the poses again"
            last = ", ".join(f"{value:.3g}" for value in given[3])
            raise DataError(f"{self.where}: the last row of transform_matrix is {last}, expected 0, 0, 0, 1{hint}")


@dataclass(frozen=True)
class TransformsFile:
    """A transforms file, read.

    Attributes:
        path: The file.
        values: Its entries, frames left out.
        frames: Its frames, in its order.
    """

    path: Path
    values: Mapping[str, object]
    frames: tuple[Frame, ...]


def read_transforms(path: Path) -> TransformsFile:
    """Reads a transforms file."""
    content = _read_json(path)
    listed = content.get("frames")
    if not isinstance(listed, list):
        raise DataError(f"{path}: has no list of frames, expected the key 'frames'; is this a transforms file?")
    if not listed:
        raise DataError(f"{path}: lists no images, expected at least one frame; export the poses again")
    values = {key: value for key, value in content.items() if key != "frames"}
    return TransformsFile(path, values, tuple(_frame(path, values, i, entry) for i, entry in enumerate(listed)))


def read_number(values: Mapping[str, object], key: str, where: str, *, default: float) -> float:
    """A finite number of a JSON object, or `default` where it has none."""
    return float(_array(values, key, where, shapes=((),))) if key in values else default


def read_triple(
    values: Mapping[str, object], key: str, where: str, *, default: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Three finite numbers of a JSON object, or `default` where it has none."""
    if key not in values:
        return default
    x, y, z = _array(values, key, where, shapes=((3,),)).tolist()
    return x, y, z


def read_names(values: Mapping[str, object], key: str, where: str) -> tuple[str, ...]:
    """A list of texts of a JSON object; empty where it has none."""
    listed = values.get(key, [])
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise DataError(f"{where}: {key} is no list of file names, expected the file_path of some frames; correct it")
    return tuple(listed)


def _read_json(path: Path) -> Mapping[str, object]:
    try:
        content = json.loads(_decoded(path.read_bytes()))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}), expected a transforms file; check it") from error
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path}: is not valid JSON ({reason}), expected a whole file; export or copy it again"
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds no JSON object, expected one with the key 'frames'; is this a transforms file?")
    return _without_nulls(content)


def _decoded(content: bytes) -> str:
    """Text as editors write it: UTF-8, or what a byte order mark says."""
    marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
    return content.decode(marked)


def _without_nulls(content: Mapping[str, object]) -> dict[str, object]:
    """Entries that say something: a null is as good as nothing."""
    return {key: value for key, value in content.items() if value is not None}


def _frame(path: Path, top: Mapping[str, object], index: int, entry: object) -> Frame:
    if not isinstance(entry, dict):
        raise DataError(
            f"{path}, frame {index}: is no JSON object, expected file_path and transform_matrix; correct it"
        )
    name = entry.get("file_path")
    if not isinstance(name, str) or not name or "\0" in name:
        raise DataError(f"{path}, frame {index}: has no file_path, expected the name of its image; add it or remove it")
    return Frame(name, f"{path}, frame {index} ({name})", {**top, **_without_nulls(entry)})


def _array(values: Mapping[str, object], key: str, where: str, *, shapes: tuple[tuple[int, ...], ...]) -> np.ndarray:
    expected = " or ".join(
        "x".join(map(str, shape)) + " finite numbers" if shape else "a finite number" for shape in shapes
    )
    if key not in values:
        raise DataError(f"{where}: has no {key}, expected {expected}; add it or remove this frame")
    try:
        array = np.asarray(values[key], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{where}: {key} is not made of numbers, expected {expected}; correct it") from None
    if array.shape not in shapes:
        came = "x".join(map(str, array.shape)) or "1"
        raise DataError(f"{where}: {key} has {came} numbers, expected {expected}; correct it")
    if not (np.abs(array) < _LARGEST_NUMBER).all():
        raise DataError(
            f"{where}: {key} has a NaN or infinity, expected {expected}; export the poses again or correct it"
        )
    return array
