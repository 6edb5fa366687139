"""Which frames of a video to keep: at equal distances of motion, the sharpest nearby."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

STRIDE = 0.02
"""Motion between two frames that are kept, at least, in longer edges of the picture: less shows hardly anything new."""


def keyframes(sharpness: Sequence[float], motion: Float[np.ndarray, "n"], *, most: int) -> list[int]:
    """Numbers of the frames to keep, rising.

    The motion of the whole video is cut into equal stretches, and of the frames of each the sharpest is kept. Where the
    camera stands still, one is kept.

    Args:
        sharpness: Of each frame.
        motion: By which each frame's content moved since the frame before, in longer edges of the picture.
        most: How many to keep at most, at least 1.
    """
    travelled = np.cumsum(motion) - motion[0]
    count = int(np.clip(travelled[-1] / STRIDE, 1, most))
    stretch = np.minimum((travelled / max(travelled[-1], 1e-12) * count).astype(int), count - 1)
    best: dict[int, int] = {}
    for frame, number in enumerate(stretch.tolist()):
        if number not in best or sharpness[frame] > sharpness[best[number]]:
            best[number] = frame
    return sorted(best.values())
