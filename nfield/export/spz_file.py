"""Gaussian splats as SPZ files (Niantic), a tenth of the size of PLY: 8 bits a number, 24 a coordinate, under gzip."""

import math
import tempfile
from pathlib import Path

import numpy as np
from torch import Tensor

from nfield.errors import BackendUnavailable, OptionError
from nfield.kernels.gaussians import Splats
from nfield.whole_file import write_atomically

_BITS = 24
_FINEST = 20
"""Bits behind the point of a place, at most."""


def write_spz(path: Path, splats: Splats) -> None:
    """Writes splats as an SPZ file of version 3, in the axes that they have.

    Args:
        path: The file.
        splats: What it is to hold.

    Raises:
        BackendUnavailable: gsply is not installed.
        OptionError: They are too far from the origin for the format.
    """
    try:
        import gsply
    except ImportError as error:
        raise BackendUnavailable(
            "SPZ files are written by gsply, which is not installed: pip install gsply, or export as PLY"
        ) from error
    bits = _bits(path, splats)
    means, quaternions, scales, logits, harmonics = (_floats(part) for part in splats.parts)
    quaternions = quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)
    data = gsply.GSData(means, scales, quaternions, logits, harmonics[:, 0].copy(), harmonics[:, 1:].copy())
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "a.spz"
        gsply.write_spz(written, data, fractional_bits=bits)
        write_atomically(path, written.read_bytes())


def _bits(path: Path, splats: Splats) -> int:
    """Bits behind the point of places, as many as fit."""
    farthest = max(float(splats.means.abs().max()), 1e-9)
    bits = min(_FINEST, _BITS - 2 - math.floor(math.log2(farthest)))
    extent = float((splats.means.amax(0) - splats.means.amin(0)).max())
    if bits < 1 or extent < 1000.0 / 2**bits:
        raise OptionError(
            f"--out: {path} would hold places {farthest:g} away from the origin in 24 bits, which is too coarse for "
            "a scene of this size; export as PLY"
        )
    return bits


def _floats(values: Tensor) -> np.ndarray:
    return np.ascontiguousarray(values.detach().cpu().numpy(), dtype=np.float32)
