"""Vertices of PLY files of any program: binary of both byte orders, and ASCII (Turk's specification, 1994)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nfield.errors import DataError

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
_LONGEST_HEADER = 1 << 16
_AGAIN = "get the file again, or export it anew"


@dataclass(frozen=True)
class _Element:
    name: str
    count: int
    properties: tuple[tuple[str, str], ...]
    """Names and numpy's names of their types; "list" for lists."""

    @property
    def has_lists(self) -> bool:
        return any(kind == "list" for _, kind in self.properties)


@dataclass(frozen=True)
class Vertices:
    """The element "vertex" of a PLY file.

    Attributes:
        columns: Its properties by name, each (n,).
        elements: Names of all elements of the file.
        comments: Of its header.
    """

    columns: Mapping[str, np.ndarray]
    elements: tuple[str, ...]
    comments: tuple[str, ...]


def read_vertices(path: Path) -> Vertices:
    """Reads the vertices of a file.

    Args:
        path: The file.

    Raises:
        DataError: It cannot be read, is no PLY file, or is not whole.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    lines, body = _header(path, content)
    order, elements, comments = _parsed(path, lines)
    names = tuple(element.name for element in elements)
    if "vertex" not in names:
        raise DataError(f"{path}: holds no vertices, only {', '.join(names) or 'nothing'}; {_AGAIN}")
    before, vertex = elements[: names.index("vertex")], elements[names.index("vertex")]
    for element in (*before, vertex):
        if element.has_lists:
            raise DataError(
                f"{path}: has lists in or before its vertices, expected plain numbers; save it with another program"
            )
    read = _ascii_rows if order == "" else _binary_rows
    return Vertices(read(path, body, order, before, vertex), names, comments)


def _header(path: Path, content: bytes) -> tuple[list[str], bytes]:
    """The lines of the header, and what follows it."""
    head = content[:_LONGEST_HEADER]
    end = head.find(b"end_header")
    if not head.startswith(b"ply") or end < 0:
        raise DataError(f'{path}: is no PLY file, expected one that begins with "ply" and a header; {_AGAIN}')
    start = content.find(b"\n", end) + 1
    return head[:end].decode("latin-1").splitlines(), content[start:] if start else b""


def _parsed(path: Path, lines: Sequence[str]) -> tuple[str, tuple[_Element, ...], tuple[str, ...]]:
    """Byte order ("" for ASCII), elements and comments."""
    order, elements, comments = None, [], []
    for line in lines[1:]:
        words = line.split()
        try:
            if words[:1] == ["comment"]:
                comments.append(" ".join(words[1:]))
            elif words[:1] == ["format"]:
                order = _ORDERS[words[1]]
            elif words[:1] == ["element"]:
                elements.append(_Element(words[1], _count(words[2]), ()))
            elif words[:1] == ["property"]:
                last = elements[-1]
                new = (words[-1], "list" if words[1] == "list" else _TYPES[words[1]])
                elements[-1] = _Element(last.name, last.count, (*last.properties, new))
        except (KeyError, IndexError, ValueError) as error:
            raise DataError(f"{path}: has the line {line!r} in its header, which says nothing; {_AGAIN}") from error
    if order is None:
        raise DataError(f"{path}: does not say in which format it is, expected ascii or binary; {_AGAIN}")
    return order, tuple(elements), tuple(comments)


def _count(word: str) -> int:
    count = int(word)
    if not 0 <= count < 1 << 40:
        raise ValueError(word)
    return count


def _binary_rows(
    path: Path, body: bytes, order: str, before: Sequence[_Element], vertex: _Element
) -> Mapping[str, np.ndarray]:
    skipped = sum(element.count * _row_type(path, element, order).itemsize for element in before)
    kind = _row_type(path, vertex, order)
    if len(body) < skipped + vertex.count * kind.itemsize:
        there = max(0, len(body) - skipped) // max(kind.itemsize, 1)
        raise DataError(f"{path}: ends after {there} of its {vertex.count} vertices; {_AGAIN}")
    rows = np.frombuffer(body, kind, vertex.count, skipped)
    return {name: rows[name] for name, _ in vertex.properties}


def _row_type(path: Path, element: _Element, order: str) -> np.dtype:
    try:
        return np.dtype([(name, order + kind) for name, kind in element.properties])
    except ValueError as error:
        raise DataError(f"{path}: names a property of its {element.name} twice; {_AGAIN}") from error


def _ascii_rows(
    path: Path, body: bytes, order: str, before: Sequence[_Element], vertex: _Element
) -> Mapping[str, np.ndarray]:
    del order
    first = sum(element.count for element in before)
    lines = [line for line in body.splitlines() if line.strip()][first : first + vertex.count]
    try:
        numbers = np.array(b" ".join(lines).split(), np.float64)
        rows = numbers.reshape(vertex.count, len(vertex.properties))
    except ValueError as error:
        raise DataError(
            f"{path}: is damaged: expected {vertex.count} lines of {len(vertex.properties)} numbers; {_AGAIN}"
        ) from error
    return {name: rows[:, index] for index, (name, _) in enumerate(vertex.properties)}
