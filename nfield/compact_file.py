"""Tensors in as little room as they need: rounded, split into byte planes and compressed by LZMA.

The file begins with `NFIELDC1`, the length of a JSON header (uint32, little endian) and the header: metadata, and for
each tensor its shape, its type, how it was rounded, and where its compressed bytes lie behind the header. Nothing in it
is code.

Numbers of a column (a channel of features) are multiples of a step that goes with the column's standard deviation,
which at equal size errs least for numbers of one distribution (uniform reconstruction with entropy coding: Gish and
Pierce 1968). Byte planes put the first bytes of all numbers together, then the second ones: like goes with like.
"""

import json
import lzma
import math
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor

from nfield.errors import CheckpointError
from nfield.whole_file import whole_file

_MAGIC = b"NFIELDC1"
_LENGTH = struct.Struct("<I")
_TYPES = {"float32": np.float32, "int64": np.int64, "int32": np.int32, "bool": np.bool_, "uint8": np.uint8}
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 3, "lp": 0, "pb": 0}]
_MANTISSA = 23
_ADVICE = "copy it again, or export it again"


@dataclass(frozen=True)
class Rounding:
    """How a tensor's numbers are stored.

    Attributes:
        to: "exact"; "digits" of binary fractions, for numbers whose relative error counts; "steps", one for each
            column.
        bits: Digits that are kept, or bits that a number takes, about.
    """

    to: Literal["exact", "digits", "steps"] = "exact"
    bits: int = 0


EXACT = Rounding()


def is_compact(path: Path) -> bool:
    """Whether a file begins as compact files do."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def write_compact(
    path: Path,
    metadata: Mapping[str, str],
    tensors: Mapping[str, Shaped[Tensor, "..."]],
    rounding: Mapping[str, Rounding],
) -> None:
    """Writes tensors atomically.

    Args:
        path: The file.
        metadata: Strings by name.
        tensors: By name.
        rounding: Of tensors of fractions, by name; others are stored exactly.
    """
    entries, streams, begin = {}, [], 0
    for name, tensor in tensors.items():
        entry, planes = _stored(tensor.detach().cpu(), rounding.get(name, EXACT))
        stream = lzma.compress(planes, format=lzma.FORMAT_RAW, filters=_FILTERS)
        entries[name] = {**entry, "begin": begin, "size": len(stream)}
        streams.append(stream)
        begin += len(stream)
    header = json.dumps({"metadata": dict(metadata), "tensors": entries}).encode()
    with whole_file(path) as beside, beside.open("wb") as file:
        file.writelines([_MAGIC, _LENGTH.pack(len(header)), header, *streams])


class CompactFile:
    """What `write_compact` wrote; tensors are unpacked when they are asked for.

    Args:
        path: The file.

    Raises:
        CheckpointError: It is damaged or cut off.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _reading(path), path.open("rb") as file:
            begin = len(_MAGIC) + _LENGTH.size
            length = _LENGTH.unpack(file.read(begin)[len(_MAGIC) :])[0]
            document = json.loads(file.read(length))
            self._metadata: dict[str, str] = {str(k): str(v) for k, v in document["metadata"].items()}
            self._entries: dict[str, dict[str, Any]] = dict(document["tensors"])
            self._begin = begin + length

    def metadata(self) -> dict[str, str]:
        """Strings by name."""
        return self._metadata

    def keys(self) -> list[str]:
        """Names of the tensors."""
        return list(self._entries)

    def get_tensor(self, name: str) -> Shaped[Tensor, "..."]:
        """A tensor, as far as it was kept."""
        entry = self._entries[name]
        with _reading(self._path), self._path.open("rb") as file:
            file.seek(self._begin + int(entry["begin"]))
            return torch.from_numpy(_unpacked(file.read(int(entry["size"])), entry))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever cannot be read in a file is put down to it."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"{path}: is no whole compact file ({error!r}); {_ADVICE}") from error
    except (lzma.LZMAError, EOFError, struct.error, MemoryError) as error:
        raise CheckpointError(f"{path}: is damaged or cut off ({error}); {_ADVICE}") from error


def _stored(tensor: Shaped[Tensor, "..."], rounding: Rounding) -> tuple[dict[str, Any], bytes]:
    """What the header says of a tensor, and its bytes, not compressed yet."""
    values = tensor.contiguous().numpy()
    entry = {"shape": list(values.shape), "type": values.dtype.name, "to": rounding.to}
    if rounding.to == "digits":
        return entry, _planes(_with_digits(values, rounding.bits))
    if rounding.to == "steps":
        columns = values.reshape(-1, values.shape[-1]).T
        steps = np.maximum(columns.std(1), 1e-30) * 2.0 ** (2 - rounding.bits)
        numbers = np.rint(columns / steps[:, None]).clip(-32768, 32767).astype(np.int32)
        # Small ones of either sign become small ones without: 0, -1, 1, -2, 2 and so on.
        numbers = np.where(numbers < 0, -2 * numbers - 1, 2 * numbers).astype(np.uint16)
        return {**entry, "steps": [float(step) for step in steps]}, _planes(numbers)
    return entry, _planes(values)


def _unpacked(stream: bytes, entry: Mapping[str, Any]) -> np.ndarray:
    shape = tuple(int(edge) for edge in entry["shape"])
    kind = np.dtype(_TYPES[entry["type"]])
    steps = entry.get("steps")
    stored = np.dtype(np.uint16) if steps is not None else kind
    size = math.prod(shape) * stored.itemsize
    reader = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=_FILTERS)
    raw = reader.decompress(stream, max_length=size) if size else b""
    if min(shape, default=1) < 0 or len(raw) != size:
        raise EOFError(f"{len(raw)} bytes of {size}")
    flat = np.frombuffer(raw, dtype=np.uint8).reshape(stored.itemsize, -1).T.copy().view(stored).reshape(-1)
    if steps is None:
        return flat.reshape(shape).astype(kind, copy=False)
    numbers = flat.astype(np.int32)
    numbers = np.where(numbers & 1, -(numbers + 1 >> 1), numbers >> 1).reshape(len(steps), -1)
    columns = numbers.astype(np.float32) * np.array(steps, dtype=np.float32)[:, None]
    return np.ascontiguousarray(columns.T).reshape(shape)


def _planes(values: np.ndarray) -> bytes:
    """First bytes of all numbers, then their second ones, and so on."""
    flat = np.ascontiguousarray(values).reshape(-1)
    return flat.view(np.uint8).reshape(-1, values.dtype.itemsize).T.tobytes()


def _with_digits(values: np.ndarray, digits: int) -> np.ndarray:
    """Fractions rounded to so many binary digits behind the first; the rest is 0 and takes no room."""
    dropped = _MANTISSA - digits
    half = np.uint32((1 << dropped) >> 1)
    words = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((words + half) & np.uint32(~((1 << dropped) - 1) & 0xFFFFFFFF)).view(np.float32)
