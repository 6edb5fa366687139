"""Reading one `transforms*.json`: frames with checked numbers. No image is opened here.

NeRF-synthetic, instant-ngp and nerfstudio share this format. Every value of the lens may stand at the top or, for one
image, in its frame.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nfield.data.loaders.json_file import read_array, read_json_object, read_number, without_nulls
from nfield.errors import DataError

_RIGID_TOLERANCE = 1e-2
_LARGEST_SHIFT = 1e-4


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
        given = read_array(self.values, "transform_matrix", self.where, shapes=((4, 4), (3, 4)))
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
    content = read_json_object(path)
    listed = content.get("frames")
    if not isinstance(listed, list):
        raise DataError(f"{path}: has no list of frames, expected the key 'frames'; is this a transforms file?")
    if not listed:
        raise DataError(f"{path}: lists no images, expected at least one frame; export the poses again")
    values = {key: value for key, value in content.items() if key != "frames"}
    return TransformsFile(path, values, tuple(_frame(path, values, i, entry) for i, entry in enumerate(listed)))


def read_names(values: Mapping[str, object], key: str, where: str) -> tuple[str, ...]:
    """A list of texts of a JSON object; empty where it has none."""
    listed = values.get(key, [])
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise DataError(f"{where}: {key} is no list of file names, expected the file_path of some frames; correct it")
    return tuple(listed)


def _frame(path: Path, top: Mapping[str, object], index: int, entry: object) -> Frame:
    if not isinstance(entry, dict):
        raise DataError(
            f"{path}, frame {index}: is no JSON object, expected file_path and transform_matrix; correct it"
        )
    name = entry.get("file_path")
    if not isinstance(name, str) or not name or "\0" in name:
        raise DataError(f"{path}, frame {index}: has no file_path, expected the name of its image; add it or remove it")
    return Frame(name, f"{path}, frame {index} ({name})", {**top, **without_nulls(entry)})
