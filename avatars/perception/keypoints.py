"""Body keypoints that a user brings: BlazePose's 33, COCO's 17 or OpenPose's 25, as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avatars.perception.landmarks import LANDMARK_NAMES
from nfield.errors import DataError

_COCO = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow"),
    *("right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle"),
    "right_ankle",
)
_OPENPOSE = (
    *("nose", "", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist", ""),
    *("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye"),
    *("right_ear", "left_ear", "left_foot_index", "", "left_heel", "right_foot_index", "", "right_heel"),
)
_LAYOUTS: Mapping[int, tuple[str, ...]] = {
    len(names) * columns: names for names in (LANDMARK_NAMES, _COCO, _OPENPOSE) for columns in (2, 3)
}
_CORE = ("left_shoulder", "right_shoulder")


@dataclass(frozen=True)
class Keypoints:
    """The 33 landmarks of `LANDMARK_NAMES`.

    Attributes:
        points: (column, row) in pixels, pixel centres at +0.5; 0 for landmarks that are not known.
        visibility: In [0, 1]; 0 for landmarks that are not known.
    """

    points: Float[Tensor, "33 2"]
    visibility: Float[Tensor, "33"]


def load_keypoints(path: Path | str) -> Keypoints:
    """Reads one person's keypoints.

    The JSON may be a list of [x, y] or [x, y, confidence] rows, flat or nested, or hold one under `keypoints` (COCO)
    or under `people[].pose_keypoints_2d` (OpenPose; of several persons the most confident). The number of values
    tells the layout: 33 BlazePose, 17 COCO or 25 OpenPose points. Without confidences all points are visible.

    Raises:
        DataError: Where the file is missing, not JSON, of no known layout, or without shoulders.
    """
    values = _rows(Path(path))
    names = _LAYOUTS.get(values.size)
    if names is None or not np.isfinite(values).all():
        raise DataError(
            f"keypoints {path}: {values.size} values; expected 33 (BlazePose), 17 (COCO) or 25 (OpenPose) finite rows "
            "[x, y] or [x, y, confidence]"
        )
    rows = torch.from_numpy(values.reshape(len(names), -1)).float()
    points, visibility = torch.zeros(len(LANDMARK_NAMES), 2), torch.zeros(len(LANDMARK_NAMES))
    for name, row in zip(names, rows, strict=True):
        if name:
            points[LANDMARK_NAMES.index(name)] = row[:2]
            visibility[LANDMARK_NAMES.index(name)] = row[2].clamp(0, 1) if len(row) > 2 else 1.0
    if any(visibility[LANDMARK_NAMES.index(name)] == 0 for name in _CORE):
        raise DataError(f"keypoints {path} lack the shoulders: the body cannot be placed without both of them")
    return Keypoints(points * (visibility > 0)[:, None], visibility)


def _rows(path: Path) -> np.ndarray:
    try:
        content = json.loads(path.read_text())
        return max((_numbers(person) for person in _persons(content)), key=lambda row: float(row[2::3].sum()))
    except FileNotFoundError as error:
        raise DataError(f"keypoints {path} do not exist: check the path") from error
    except (OSError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise DataError(f"keypoints {path} cannot be read as JSON with one person's points ({error})") from error


def _numbers(person: Any) -> np.ndarray:  # noqa: ANN401 - whatever JSON holds
    return np.asarray(person, dtype=np.float64).ravel()


def _persons(content: Any) -> list[Any]:  # noqa: ANN401 - whatever JSON holds
    match content:
        case {"people": people}:
            return [person["pose_keypoints_2d"] for person in people]
        case {"keypoints": keypoints}:
            return [keypoints]
        case _:
            return [content]
