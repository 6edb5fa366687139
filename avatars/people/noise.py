"""Smooth random fields in space."""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

Scale = float | tuple[float, float, float]
"""Size of a blob, metres; along each axis where there are three."""

_CELLS = 32


def noise(points: Float[np.ndarray, "n 3"], scale: Scale, *, seed: int, octaves: int = 1) -> Float[np.ndarray, "n"]:
    """Value noise of about [-1, 1] at points, metres."""
    return _noises(points, scale, (seed,), octaves)[:, 0]


def noise_vectors(
    points: Float[np.ndarray, "n 3"], scale: Scale, *, seed: int, octaves: int = 1
) -> Float[np.ndarray, "n 3"]:
    """Three independent noises."""
    return _noises(points, scale, (seed, seed + 100, seed + 200), octaves)


def smoothstep(low: float, high: float, x: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """0 below `low`, 1 above `high`, smooth between; falls where low > high."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _noises(
    points: Float[np.ndarray, "n 3"], scale: Scale, seeds: tuple[int, ...], octaves: int
) -> Float[np.ndarray, "n k"]:
    """A noise for each seed, all at the same points."""
    total = np.zeros((len(points), len(seeds)))
    if not len(points):
        return total
    for octave in range(octaves):
        where = torch.from_numpy(points * (2.0**octave / np.asarray(scale)) + 7.3 * octave)
        where = where.remainder_(_CELLS).float()
        cell = where.floor()
        part = where.sub_(cell)
        # Eased within each cell: otherwise creases show between cells.
        eased = (3.0 - 2.0 * part).mul_(part).mul_(part).add_(cell)
        grid = eased.mul_(2.0 / _CELLS).sub_(1.0).flip(1)
        lattices = torch.stack([_lattice(seed + octave) for seed in seeds])
        values = torch.nn.functional.grid_sample(lattices[None], grid[None, None, None], align_corners=True)
        total += 0.5**octave * values[0, :, 0, 0].T.numpy()
    return total


@lru_cache(maxsize=256)
def _lattice(seed: int) -> Float[Tensor, "c c c"]:
    """Random values on a lattice that repeats: the last layer along each axis is the first."""
    lattice = np.random.default_rng(seed).uniform(-1.0, 1.0, (_CELLS,) * 3)
    return torch.from_numpy(np.pad(lattice, (0, 1), mode="wrap").astype(np.float32))
