"""Procedural cloth and shoes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from avatars.people.finish import Eyes, Finish, mix
from avatars.people.noise import Scale, noise, noise_vectors, smoothstep
from avatars.people.patterns import Pattern
from avatars.people.skin_paint import Color

_TILT = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class Grain:
    """Lighter and darker blotches.

    Attributes:
        size: Of a blotch, metres, along each axis.
        strength: Share by which colours change.
        seed: Of the noise.
        octaves: How many finer noises are added.
        tilted: Whether the axes are turned, as in twill.
    """

    size: Scale
    strength: float
    seed: int
    octaves: int = 1
    tilted: bool = False

    def at(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n"]:
        """What is added to 1 to give the factor of the colour."""
        turned = points @ _TILT if self.tilted else points
        return self.strength * noise(turned, self.size, seed=self.seed, octaves=self.octaves)


@dataclass(frozen=True)
class Folds:
    """Wrinkles that only the light shows; see `Grain`."""

    size: Scale
    strength: float
    seed: int
    octaves: int = 2


@dataclass(frozen=True)
class ClothPaint:
    """Dyed, woven or printed cloth.

    Attributes:
        color: Of the cloth.
        patterns: On it, from the lowest to the uppermost.
        grains: Of the weave and of wear.
        folds: Wrinkles.
        gloss: Strength of the highlight.
    """

    color: Color
    patterns: tuple[Pattern, ...] = ()
    grains: tuple[Grain, ...] = ()
    folds: Folds = Folds((0.10, 0.035, 0.10), 0.0, 33)
    gloss: float = 0.02

    def finish(self, points: Float[np.ndarray, "n 3"], marks: Float[np.ndarray, "n m"], eyes: Eyes) -> Finish:
        """See `Paint`."""
        color = np.tile(np.array(self.color), (len(points), 1))
        for pattern in self.patterns:
            color = pattern.over(points, color)
        shade = np.ones(len(points))
        for grain in self.grains:
            shade += grain.at(points)
        color *= shade[:, None]
        bump = np.zeros_like(points)
        if self.folds.strength > 0:
            bump = noise_vectors(points, self.folds.size, seed=self.folds.seed, octaves=self.folds.octaves)
        return Finish(color, self.folds.strength * bump, np.full(len(points), self.gloss), 8.0)


@dataclass(frozen=True)
class ShoePaint:
    """Laced canvas or leather over a sole.

    Attributes:
        upper: Colour of the upper.
        sole: Colour of the sole.
        laces: Colour of the laces.
        ground: Height of the sole's lower side at rest, metres.
    """

    upper: Color = (0.30, 0.06, 0.04)
    sole: Color = (0.62, 0.60, 0.56)
    laces: Color = (0.60, 0.57, 0.52)
    ground: float = -1.1888

    def finish(self, points: Float[np.ndarray, "n 3"], marks: Float[np.ndarray, "n m"], eyes: Eyes) -> Finish:
        """See `Paint`."""
        y, z = points[:, 1], points[:, 2]
        color = np.tile(np.array(self.upper), (len(points), 1))
        color = mix(color, np.array(self.sole), smoothstep(self.ground + 0.034, self.ground + 0.031, y))
        laces = smoothstep(0.55, 0.75, np.sin(y * 520.0)) * smoothstep(0.035, 0.05, z) * smoothstep(0.13, 0.11, z)
        color = mix(color, np.array(self.laces), laces * (y > self.ground + 0.06))
        return Finish(color, 0.06 * noise_vectors(points, 0.01, seed=51), np.full(len(points), 0.08), 20.0)
