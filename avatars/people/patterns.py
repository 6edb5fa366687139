"""What is woven into cloth or printed on it: stripes, plaid, trims, seams, prints on the chest."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from avatars.people.finish import mix
from avatars.people.noise import smoothstep
from avatars.people.skin_paint import Color

_CHEST_DEPTH = 0.02
"""A print lies on cloth in front of this depth, metres."""


@runtime_checkable
class Layout(Protocol):
    """How cloth lies around the body."""

    def coordinates(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 2"]:
        """Metres around the body (or limb) and along it, at points of the rest pose."""
        ...


@dataclass(frozen=True)
class TorsoLayout:
    """Cloth of a shirt or coat: around the trunk and, on sleeves, around the arm."""

    def coordinates(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 2"]:
        """See `Layout`."""
        x, y, z = points.T
        sleeve = (np.abs(x) > 0.2) & (y > 0.1)
        around = np.where(sleeve, 0.055 * np.arctan2(y - 0.226, z + 0.02), 0.16 * np.arctan2(x, z - 0.01))
        return np.stack([around, np.where(sleeve, np.abs(x) - 0.2, y)], -1)


@dataclass(frozen=True)
class LegLayout:
    """Cloth of trousers: around each leg."""

    def coordinates(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 2"]:
        """See `Layout`."""
        x, y, z = points.T
        around = 0.09 * np.arctan2(np.abs(x) - 0.1, z)
        return np.stack([around, y], -1)


@runtime_checkable
class Pattern(Protocol):
    """Changes the colour of cloth."""

    def over(self, points: Float[np.ndarray, "n 3"], color: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """The colour with the pattern on it, at points of the rest pose, metres."""
        ...


@dataclass(frozen=True)
class Bands:
    """Bands around the trunk at given heights, not on sleeves.

    Attributes:
        bands: Height of the middle and half of the width of each, metres.
        color: Of the bands.
    """

    bands: tuple[tuple[float, float], ...]
    color: Color

    def over(self, points: Float[np.ndarray, "n 3"], color: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """See `Pattern`."""
        trunk = _trunk(points)
        for center, half in self.bands:
            edge = smoothstep(half + 0.001, half - 0.001, np.abs(points[:, 1] - center))
            color = mix(color, np.array(self.color), trunk * edge)
        return color


@dataclass(frozen=True)
class Stripes:
    """Stripes all around the body and the sleeves.

    Attributes:
        period: From stripe to stripe, metres.
        share: Of the period that is striped.
        color: Of the stripes.
        layout: How the cloth lies.
        axis: 0 for stripes along the body, 1 for stripes around it.
        opacity: 1 hides the cloth below, less lets it through.
    """

    period: float
    share: float
    color: Color
    layout: Layout
    axis: int = 1
    opacity: float = 1.0

    def over(self, points: Float[np.ndarray, "n 3"], color: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """See `Pattern`."""
        along = self.layout.coordinates(points)[:, self.axis]
        phase = np.abs((along / self.period) % 1.0 - 0.5)
        soft = 0.0008 / self.period
        edge = smoothstep(0.5 * self.share + soft, 0.5 * self.share - soft, phase)
        return mix(color, np.array(self.color), self.opacity * edge)


@dataclass(frozen=True)
class Trim:
    """Another colour from some distance to the side on: cuffs of sleeves."""

    beyond: float
    color: Color

    def over(self, points: Float[np.ndarray, "n 3"], color: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """See `Pattern`."""
        return mix(color, np.array(self.color), smoothstep(self.beyond - 0.002, self.beyond, np.abs(points[:, 0])))


@dataclass(frozen=True)
class Emblem:
    """A disc on the chest.

    Attributes:
        center: To the body's left and up, metres.
        radius: Metres.
        color: Of the disc.
    """

    center: tuple[float, float]
    radius: float
    color: Color

    def over(self, points: Float[np.ndarray, "n 3"], color: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """See `Pattern`."""
        disc = np.hypot(points[:, 0] - self.center[0], points[:, 1] - self.center[1])
        return mix(color, np.array(self.color), _chest(points) * smoothstep(self.radius, self.radius - 0.0015, disc))


@dataclass(frozen=True)
class Lettering:
    """Lines of made-up letters on the chest.

    Attributes:
        center: To the body's left and up, metres.
        cell: Edge of the squares that letters are made of, metres.
        lines: Letters in each line.
        color: Of the letters.
        seed: Chooses the letters.
    """

    center: tuple[float, float]
    cell: float
    lines: tuple[int, ...]
    color: Color
    seed: int

    def over(self, points: Float[np.ndarray, "n 3"], color: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """See `Pattern`."""
        drawn = self._drawn()
        rows, columns = drawn.shape
        column = np.floor((self.center[0] - points[:, 0]) / self.cell + columns / 2).astype(int)
        row = np.floor((self.center[1] - points[:, 1]) / self.cell + rows / 2).astype(int)
        known = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        ink = np.where(known, drawn[row.clip(0, rows - 1), column.clip(0, columns - 1)], 0.0)
        return mix(color, np.array(self.color), _chest(points) * ink)

    def _drawn(self) -> Float[np.ndarray, "rows columns"]:
        """The letters, 4 cells by 5 with a gap of one, as ink of 0 or 1."""
        generator = np.random.default_rng(self.seed)
        drawn = np.zeros((7 * len(self.lines), 5 * max(self.lines)))
        for line, letters in enumerate(self.lines):
            start = (5 * max(self.lines) - 5 * letters) // 2
            for letter in range(letters):
                glyph = generator.random((5, 4)) < 0.45
                glyph[:, generator.integers(0, 3)] = True
                glyph[generator.choice([0, 2, 4]), :] = True
                drawn[7 * line + 1 : 7 * line + 6, start + 5 * letter : start + 5 * letter + 4] = glyph
        return drawn


@dataclass(frozen=True)
class WornThighs:
    """Lighter fronts of the thighs, as denim wears."""

    color: Color

    def over(self, points: Float[np.ndarray, "n 3"], color: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """See `Pattern`."""
        x, y, z = points.T
        leg = np.abs(x) - 0.105
        front = smoothstep(0.02, 0.09, z) * smoothstep(0.07, 0.01, np.abs(leg))
        worn = front * smoothstep(-0.95, -0.6, y) * smoothstep(-0.3, -0.5, y)
        return mix(color, np.array(self.color), 0.65 * worn)


@dataclass(frozen=True)
class LegSeam:
    """A seam along the outside of each leg."""

    color: Color

    def over(self, points: Float[np.ndarray, "n 3"], color: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """See `Pattern`."""
        x, _, z = points.T
        seam = smoothstep(0.0025, 0.001, np.abs(z + 0.005)) * (np.abs(x) - 0.105 > 0.02)
        return mix(color, np.array(self.color), 0.5 * seam)


def _trunk(points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n"]:
    return smoothstep(0.205, 0.200, np.abs(points[:, 0]))


def _chest(points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n"]:
    return (points[:, 2] > _CHEST_DEPTH) * _trunk(points)
