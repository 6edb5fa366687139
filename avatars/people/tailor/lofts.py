"""Closed shapes of rings of points with a point at each end."""

import numpy as np
from jaxtyping import Int


def loft_faces(rings: int, around: int) -> Int[np.ndarray, "t 3"]:
    """Triangles between rings of points, which are numbered ring by ring, and the two points after them, the ends.

    Args:
        rings: How many.
        around: Points of each; counter-clockwise as seen from the last ring, triangles are so from outside.
    """
    grid = np.arange(rings * around).reshape(rings, around)
    right = np.roll(grid, -1, axis=1)
    a, b, c, d = (part.ravel() for part in (grid[:-1], right[:-1], grid[1:], right[1:]))
    first, last = np.full(around, grid.size), np.full(around, grid.size + 1)
    return np.concatenate(
        [
            np.stack([a, b, c], 1),
            np.stack([b, d, c], 1),
            np.stack([first, right[0], grid[0]], 1),
            np.stack([last, grid[-1], right[-1]], 1),
        ]
    )
