"""Between which heights of the T-pose loose pixels lie."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import KDTree

from avatars.surface.garment.frame import Frame
from avatars.surface.garment.photographed import Photographed
from avatars.surface.garment.tube import Sections, Tube, row_heights

_ROWS = 100
_APART = 0.04
_MOST_PIXELS = 4000


def vertical_range(
    seen: Photographed,
    loose: Bool[np.ndarray, "h w"],
    *,
    frame: Frame,
    sections: Sections,
    weights: Callable[[Float[np.ndarray, "m n 3"]], Float[np.ndarray, "m n j"]],
) -> tuple[float, float]:
    """Upper and lower height in the T-pose between which loose pixels lie, metres.

    Args:
        seen: The photo.
        loose: The pixels.
        frame: The part of the body around which they lie; the heights are in its frame.
        sections: The body there.
        weights: Skin weights of points of the T-pose.
    """
    top, bottom = float(sections.levels[-1]) - 0.05, float(sections.levels[0])
    heights = row_heights(top, np.full(len(sections.azimuths), bottom), _ROWS)
    radii = sections.at(heights) + _APART
    tube = Tube(frame.axis, sections.azimuths, heights, radii, np.ones(radii.shape, dtype=bool))
    points = frame.to_rest(tube.points())
    affine = np.einsum("mnj,jab->mnab", weights(points), seen.body.joints_from_rest.double().numpy())
    posed = (affine[..., :3] @ points[..., None])[..., 0] + affine[..., 3]
    pixel, _ = seen.project(posed)
    place = np.argwhere(loose)[:: max(1, int(loose.sum()) // _MOST_PIXELS)]
    _, nearest = KDTree(pixel.reshape(-1, 2)).query(place[:, ::-1] + 0.5)
    found = heights.reshape(-1)[nearest]
    return float(np.quantile(found, 0.99)), float(np.quantile(found, 0.01))
