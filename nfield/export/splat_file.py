"""Gaussian splats in the PLY layout of 3D Gaussian Splatting (Kerbl et al. 2023), ours and anybody's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nfield.errors import DataError
from nfield.export.ply_file import named, place_columns, table_bytes
from nfield.export.ply_reader import Vertices, read_vertices
from nfield.kernels.gaussians import Splats
from nfield.types import Triple, triple
from nfield.whole_file import write_atomically

_NEEDED = (
    "x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2",
    "rot_0", "rot_1", "rot_2", "rot_3",
)  # fmt: skip
_MOST_TERMS = 16
_LEAST_LOGIT, _MOST_LOGIT = -20.0, 20.0


@dataclass(frozen=True)
class SplatFile:
    """What a file holds.

    Attributes:
        splats: In single precision, around `origin`.
        origin: Of their places in the file's world.
        up: Unit vector upwards, where the file says it.
        dropped: Splats that were left out because some of their numbers are none.
    """

    splats: Splats
    origin: Triple
    up: Triple | None
    dropped: int


def write_splats(path: Path, splats: Splats, *, places: np.ndarray | None = None, up: Triple | None = None) -> None:
    """Writes splats as a PLY file; normals are the axes that the file's users take for them, the third ones.

    Args:
        path: The file.
        splats: What it is to hold.
        places: Their middles (n, 3) in double precision, where single is too coarse for them.
        up: Unit vector upwards, said in a comment.
    """
    comments = () if up is None else (f"up {up[0]:g} {up[1]:g} {up[2]:g}",)
    write_atomically(path, table_bytes(_columns(splats, places), comments=comments))


def _columns(splats: Splats, places: np.ndarray | None) -> Mapping[str, np.ndarray]:
    constant, rest = splats.harmonics[:, 0], splats.harmonics[:, 1:].mT.flatten(1)
    means = splats.means.double().cpu().numpy() if places is None else places
    return {
        **place_columns(means),
        **_numbered(("nx", "ny", "nz"), third_axes(splats.quaternions)),
        **_numbered([f"f_dc_{index}" for index in range(3)], constant),
        **_numbered([f"f_rest_{index}" for index in range(rest.shape[1])], rest),
        **_numbered(["opacity"], splats.opacity_logits[:, None]),
        **_numbered([f"scale_{index}" for index in range(3)], splats.log_scales),
        **_numbered([f"rot_{index}" for index in range(4)], torch.nn.functional.normalize(splats.quaternions, dim=-1)),
    }


def _numbered(names: Sequence[str], values: Float[Tensor, "n c"]) -> dict[str, np.ndarray]:
    return named(names, values.detach().cpu().numpy().astype("<f4"))


def third_axes(quaternions: Float[Tensor, "n 4"]) -> Float[Tensor, "n 3"]:
    """Where rotations take +z.

    >>> third_axes(torch.tensor([[1.0, 0.0, 0.0, 0.0]])).tolist()
    [[0.0, 0.0, 1.0]]
    """
    w, x, y, z = torch.nn.functional.normalize(quaternions, dim=-1).unbind(-1)
    return torch.stack([2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y)], -1)


def read_splats(path: Path) -> SplatFile:
    """Reads anybody's splats: any degree of harmonics (those beyond 3 are left out), further properties ignored.

    Args:
        path: The file.

    Raises:
        DataError: It holds no splats, or is not whole.
    """
    vertices = read_vertices(path)
    _require_splats(path, vertices)
    columns = {name: np.asarray(values, np.float64) for name, values in vertices.columns.items()}
    places = _matrix(columns, ("x", "y", "z"))
    log_scales = _matrix(columns, [f"scale_{index}" for index in range(3)])
    quaternions = _matrix(columns, [f"rot_{index}" for index in range(4)])
    harmonics = _harmonics(path, columns)
    logits = np.clip(np.nan_to_num(columns["opacity"], nan=_LEAST_LOGIT), _LEAST_LOGIT, _MOST_LOGIT)
    whole = np.isfinite(places).all(1)
    with np.errstate(all="ignore"):  # what is too large for single precision is dropped
        origin = _origin(places[whole]) if whole.any() else np.zeros(3)
        parts = [part.astype(np.float32) for part in (places - origin, quaternions, log_scales, logits, harmonics)]
    for part in parts:
        whole &= np.isfinite(part.reshape(len(part), -1)).all(1)
    if not whole.any():
        raise DataError(f"{path}: holds no splat whose numbers are all finite; export it anew")
    splats = Splats(*(torch.from_numpy(part[whole]) for part in parts))
    return SplatFile(splats, triple(origin), _up(vertices), int((~whole).sum()))


def _require_splats(path: Path, vertices: Vertices) -> None:
    found = vertices.columns
    if "packed_position" in found:
        raise DataError(
            f"{path}: holds compressed splats, expected the plain layout; "
            "save it as an uncompressed PLY, for example with SuperSplat"
        )
    lacking = [name for name in _NEEDED if name not in found]
    if lacking:
        what = "a mesh" if "face" in vertices.elements else "points"
        raise DataError(
            f"{path}: holds {what} and no Gaussian splats: its vertices lack {', '.join(lacking)}; "
            "give a PLY file of splats, such as nfield export --to splats writes"
        )
    if len(found["x"]) == 0:
        raise DataError(f"{path}: holds no splat, expected at least one; export it anew")


def _matrix(columns: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    return np.stack([columns[name] for name in names], -1)


def _harmonics(path: Path, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Coefficients (n, k, 3): the file has those of one colour after another."""
    rest = 0
    while f"f_rest_{rest}" in columns:
        rest += 1
    terms = rest // 3 + 1
    if rest % 3 or round(terms**0.5) ** 2 != terms:
        raise DataError(
            f"{path}: has {rest} properties f_rest_*, expected 0, 9, 24 or 45 (degrees 0 to 3); export it anew"
        )
    constant = _matrix(columns, [f"f_dc_{index}" for index in range(3)])[:, None]
    if rest == 0:
        return constant
    others = _matrix(columns, [f"f_rest_{index}" for index in range(rest)]).reshape(len(constant), 3, terms - 1)
    return np.concatenate([constant, others.transpose(0, 2, 1)], 1)[:, :_MOST_TERMS]


def _origin(places: np.ndarray) -> np.ndarray:
    """Where places that are far away from the origin lie; 0 for others."""
    middle, extent = np.median(places, axis=0), float(np.ptp(places, axis=0).max())
    return middle if float(np.abs(middle).max()) > 100.0 * extent else np.zeros(3)


def _up(vertices: Vertices) -> Triple | None:
    for comment in vertices.comments:
        words = comment.split()
        if len(words) == 4 and words[0] == "up":
            return _unit(words[1:])
    return None


def _unit(words: Sequence[str]) -> Triple | None:
    """The direction of a vector; None where it is none."""
    try:
        vector = np.array([float(word) for word in words])
    except ValueError:
        return None
    length = float(np.linalg.norm(vector))
    return triple(vector / length) if np.isfinite(length) and length > 0.0 else None
