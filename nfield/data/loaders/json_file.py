"""JSON files of captures: objects with checked numbers, in the encodings that editors and phones write."""

import codecs
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nfield.errors import DataError

_LARGEST_NUMBER = 1e30  # beyond it single precision overflows
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_json_object(path: Path, *, what: str = "a transforms file", key: str = "frames") -> Mapping[str, object]:
    """A file's JSON object, without entries that are null.

    Args:
        path: The file.
        what: It should be, for messages.
        key: That it should have, for messages.
    """
    try:
        content = json.loads(_decoded(path.read_bytes()))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}), expected {what}; check it") from error
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path}: is not valid JSON ({reason}), expected a whole file; export or copy it again"
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds no JSON object, expected one with the key '{key}'; is this {what}?")
    return without_nulls(content)


def _decoded(content: bytes) -> str:
    """Text as editors write it: UTF-8, or what a byte order mark says."""
    marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
    return content.decode(marked)


def without_nulls(content: Mapping[str, object]) -> dict[str, object]:
    """Entries that say something: a null is as good as nothing."""
    return {key: value for key, value in content.items() if value is not None}


def read_number(values: Mapping[str, object], key: str, where: str, *, default: float) -> float:
    """A finite number of a JSON object, or `default` where it has none."""
    return float(read_array(values, key, where, shapes=((),))) if key in values else default


def read_triple(
    values: Mapping[str, object], key: str, where: str, *, default: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Three finite numbers of a JSON object, or `default` where it has none."""
    if key not in values:
        return default
    x, y, z = read_array(values, key, where, shapes=((3,),)).tolist()
    return x, y, z


def read_array(
    values: Mapping[str, object], key: str, where: str, *, shapes: tuple[tuple[int, ...], ...]
) -> np.ndarray:
    """Finite numbers of a JSON object, in one of some shapes, double precision."""
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
