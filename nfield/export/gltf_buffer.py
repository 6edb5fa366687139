"""The binary part of a glTF file, the accessors into it, and files of both (glTF 2.0, sections 3.6, 4 and 5)."""

import numpy as np
import pygltflib as gltf
from jaxtyping import Float, Integer

_COMPONENTS = {
    np.dtype("u1"): gltf.UNSIGNED_BYTE,
    np.dtype("<u2"): gltf.UNSIGNED_SHORT,
    np.dtype("<u4"): gltf.UNSIGNED_INT,
    np.dtype("<f4"): gltf.FLOAT,
}
_TYPES = {1: gltf.SCALAR, 2: gltf.VEC2, 3: gltf.VEC3, 4: gltf.VEC4, 16: gltf.MAT4}


class GltfBuffer:
    """Collects arrays for one glTF document, which gets their views and accessors.

    Args:
        document: Is added to.
    """

    def __init__(self, document: gltf.GLTF2) -> None:
        self._document = document
        self._parts: list[bytes] = []
        self._length = 0

    def view(self, content: bytes, *, target: int | None = None) -> int:
        """Adds bytes; the index of their view.

        Args:
            content: The bytes.
            target: What a GPU uses them for.
        """
        padded = content + bytes(-len(content) % 4)
        view = gltf.BufferView(buffer=0, byteOffset=self._length, byteLength=len(content), target=target)
        self._document.bufferViews.append(view)
        self._parts.append(padded)
        self._length += len(padded)
        return len(self._document.bufferViews) - 1

    def accessor(self, values: np.ndarray, *, target: int | None = None, bounded: bool = False) -> int:
        """Adds rows of numbers; the index of their accessor.

        Args:
            values: Rows of 1, 2, 3, 4 or 16 numbers.
            target: What a GPU uses them for.
            bounded: Whether smallest and largest values are said, as the format wants it of places and times.
        """
        values = np.ascontiguousarray(values)
        accessor = _accessor(values, bounded=bounded)
        accessor.bufferView = self.view(values.tobytes(), target=target)
        return self._added(accessor)

    def displacements(self, values: Float[np.ndarray, "v 3"]) -> int:
        """Adds displacements, of which those that are not zero are stored; the index of their accessor."""
        moved = np.flatnonzero(np.any(values != 0.0, axis=1))
        accessor = _accessor(values.astype("<f4"), bounded=True)
        accessor.byteOffset = None
        if len(moved):
            narrow = "<u2" if len(values) <= 1 << 16 else "<u4"
            accessor.sparse = self._sparse(moved.astype(narrow), values[moved].astype("<f4"))
        return self._added(accessor)

    def finished(self) -> bytes:
        """All bytes; the document now has its buffer."""
        self._document.buffers = [gltf.Buffer(byteLength=self._length)]
        return b"".join(self._parts)

    def _sparse(self, index: Integer[np.ndarray, "n"], values: Float[np.ndarray, "n 3"]) -> gltf.Sparse:
        places = gltf.AccessorSparseIndices(
            bufferView=self.view(index.tobytes()), componentType=_COMPONENTS[index.dtype]
        )
        moves = gltf.AccessorSparseValues(bufferView=self.view(values.tobytes()))
        return gltf.Sparse(count=len(index), indices=places, values=moves)

    def _added(self, accessor: gltf.Accessor) -> int:
        self._document.accessors.append(accessor)
        return len(self._document.accessors) - 1


def glb_bytes(document: gltf.GLTF2, binary: bytes) -> bytes:
    """A document and its binary part in one file."""
    document.set_binary_blob(binary)
    return b"".join(document.save_to_bytes())


def _accessor(values: np.ndarray, *, bounded: bool) -> gltf.Accessor:
    rows = values.reshape(len(values), -1)
    accessor = gltf.Accessor(
        componentType=_COMPONENTS[rows.dtype.newbyteorder("<")], count=len(rows), type=_TYPES[rows.shape[1]]
    )
    if bounded:
        accessor.min, accessor.max = rows.min(0).tolist(), rows.max(0).tolist()
    return accessor
