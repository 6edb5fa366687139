"""Smooth random fields in space."""

from functools import lru_cache

import numpy as np
from scipy.ndimage import map_coordinates

_CELLS = 32


def noise(points: np.ndarray, scale: np.ndarray | float, *, seed: int, octaves: int = 1) -> np.ndarray:
    """Value noise of about [-1, 1] at points (n, 3), metres; `scale` is the size of a blob along each axis, metres."""
    total = np.zeros(len(points))
    for octave in range(octaves):
        where = points / np.asarray(scale) * 2.0**octave + 7.3 * octave
        cell = np.floor(where)
        eased = cell + smoothstep(0.0, 1.0, where - cell)  # Otherwise creases show between cells.
        total += 0.5**octave * map_coordinates(_lattice(seed + octave), eased.T, order=1, mode="grid-wrap")
    return total


@lru_cache(maxsize=256)
def _lattice(seed: int) -> np.ndarray:
    lattice = np.random.default_rng(seed).uniform(-1.0, 1.0, (_CELLS,) * 3)
    lattice.setflags(write=False)
    return lattice


def noise_vectors(points: np.ndarray, scale: np.ndarray | float, *, seed: int, octaves: int = 1) -> np.ndarray:
    """Three independent noises, (n, 3)."""
    return np.stack([noise(points, scale, seed=seed + 100 * axis, octaves=octaves) for axis in range(3)], -1)


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between; falls where low > high."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
