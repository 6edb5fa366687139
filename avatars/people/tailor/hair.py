"""Hair: a cap that grows out of the scalp, and for longer hair a curtain from temple to temple."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from avatars.body import BodyModel
from avatars.people.figure import BaseMesh
from avatars.people.finish import MARKS
from avatars.people.noise import noise, smoothstep
from avatars.people.sheet import closed_with
from avatars.people.tailor.drape import TRUNK, Fall, drape
from avatars.people.tailor.garment import Sewn
from avatars.people.tailor.hanging import Curtain, edge_path, hang, head_weights
from avatars.people.tailor.regions import places, weight_of
from avatars.people.tailor.tight import lifted, region_of, sunk

_AXIS = 0.030
"""Depth of the vertical axis through the head, metres."""

_DEGREES = (0.0, 35.0, 55.0, 68.0, 88.0, 108.0, 128.0, 180.0)
_SHORT = (0.527, 0.522, 0.500, 0.468, 0.460, 0.440, 0.375, 0.350)
_LONG = (0.527, 0.522, 0.500, 0.484, 0.474, 0.472, 0.472, 0.472)
"""Height of the hair line by the angle from the front, metres: where the cap ends, and where a curtain takes over."""

_TEMPLE = 62.0
"""Degrees from the front beyond which a curtain hangs."""

_COLUMN = 0.125
"""Long hair falls around the part of the trunk that is nearer to the middle than this, metres."""


@dataclass(frozen=True)
class ShortHairCut:
    """Short hair.

    Attributes:
        depth: Thickness on the crown, metres.
        seed: Ruffles it.
    """

    depth: float = 0.022
    seed: int = 0

    def sew(self, model: BodyModel) -> Sewn:
        """See `Cut`."""
        field = _inside_line(model, _SHORT)
        region = region_of(model, field)
        thick = self.depth * (0.45 + 0.55 * smoothstep(0.42, 0.53, region.points[:, 1]))
        thick *= 1.0 + 0.35 * noise(region.points, 0.035, seed=600 + self.seed, octaves=2)
        thick *= 0.35 + 0.65 * smoothstep(0.0, 0.035, region.binding @ field)
        cap = region.moved(lifted(region, thick))
        return Sewn(closed_with(cap, sunk(region), region.rim()), field)


@dataclass(frozen=True)
class LongHairCut:
    """A bob, or hair down to the chest.

    Attributes:
        end: Height of the lower end, metres: 0.33 at the jaw, 0.08 at the chest.
        depth: Distance of its outside from the head, metres.
        seed: Shapes the strands and the lower end.
    """

    end: float = 0.08
    depth: float = 0.018
    seed: int = 0

    def sew(self, model: BodyModel) -> Sewn:
        """See `Cut`."""
        field = _inside_line(model, _LONG)
        region = region_of(model, field)
        middle = (np.abs(places(model)[:, 0]) < _COLUMN) | (weight_of(model, "head") > 0.5)
        around = drape(model, TRUNK, middle, Fall(self.depth, 0.15, 0.47, self.end, 0.006, 23, self.seed))
        crown = lifted(region, self.depth)
        low = smoothstep(0.51, 0.475, region.points[:, 1])[:, None]
        cap = region.moved(crown + low * (around.hang(region.points) - crown))
        edge, closed = edge_path(region, _angle(region.points) > _TEMPLE)
        jitter = noise(cap.points[edge] * [1.0, 0.0, 1.0], 0.03, seed=610 + self.seed)
        curtain = Curtain(edge, closed, self.end + 0.012 * jitter, 0.6 * self.depth, around)
        return Sewn(hang(model, cap, sunk(region), curtain, head_weights), field)


def _angle(points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n"]:
    """Degrees from the front around the head, 0 to 180."""
    return np.degrees(np.arctan2(np.abs(points[:, 0]), points[:, 2] - _AXIS))


def _inside_line(model: BodyModel, heights: tuple[float, ...]) -> Float[np.ndarray, "v"]:
    """How far inside a hair line each vertex of the body is, metres; ears never are."""
    points = places(model)
    inside = points[:, 1] - np.interp(_angle(points), _DEGREES, heights)
    ears = BaseMesh.load().marks[:, MARKS.index("ears")] / 255.0
    return np.minimum(inside, 0.06 - 0.2 * ears)
