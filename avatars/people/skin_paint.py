"""Procedural skin, eyes and hair."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from avatars.people.finish import MARKS, Eyes, Finish, mix
from avatars.people.noise import noise, noise_vectors, smoothstep

Color = tuple[float, float, float]
"""Linear RGB."""

_MEDIUM = np.array([0.60, 0.36, 0.26])
_CHEEK, _SOCKET, _NOSE, _EAR, _NAIL, _LIP, _MOUTH, _LINE = (
    np.array(color) / _MEDIUM
    for color in (
        (0.62, 0.27, 0.20),
        (0.40, 0.21, 0.16),
        (0.60, 0.28, 0.21),
        (0.58, 0.28, 0.21),
        (0.66, 0.42, 0.36),
        (0.42, 0.145, 0.125),
        (0.10, 0.02, 0.02),
        (0.05, 0.03, 0.025),
    )
)
"""Colours of parts of the face and hand as multiples of the skin's tone."""


@dataclass(frozen=True)
class SkinPaint:
    """Skin with lips, brows, eye lines, blush, nails and a hair line.

    Attributes:
        tone: Of the skin.
        hair: Of the brows and of the scalp near hair.
    """

    tone: Color = (0.60, 0.36, 0.26)
    hair: Color = (0.060, 0.034, 0.021)

    def finish(self, points: Float[np.ndarray, "n 3"], marks: Float[np.ndarray, "n m"], eyes: Eyes) -> Finish:
        """See `Paint`."""
        mark = dict(zip((*MARKS, "hair"), marks.T, strict=True))
        tone, hair = np.array(self.tone), np.array(self.hair)
        color = np.tile(tone, (len(points), 1))
        color *= (1.0 + 0.05 * noise(points, 0.03, seed=1, octaves=3))[:, None]
        middle = eyes.centers.mean(0)
        front = smoothstep(-0.03, 0.02, points[:, 2] - middle[2])
        for center in eyes.centers:
            side = np.sign(center[0])
            cheek = np.linalg.norm((points - center - [0.012 * side, -0.042, 0.0]) / [0.022, 0.016, 0.05], axis=1)
            color = mix(color, tone * _CHEEK, 0.35 * front * smoothstep(1.4, 0.2, cheek))
            socket = np.linalg.norm((points - center - [0.0, -0.004, 0.0]) / [0.022, 0.015, 0.06], axis=1)
            color = mix(color, tone * _SOCKET, 0.35 * front * smoothstep(1.3, 0.6, socket))
        nose_tip = np.linalg.norm((points - middle - [0.0, -0.036, 0.03]) / [0.016, 0.014, 0.04], axis=1)
        color = mix(color, tone * _NOSE, 0.35 * front * smoothstep(1.3, 0.3, nose_tip))
        color = mix(color, tone * _EAR, 0.4 * mark["ears"])
        color = mix(color, tone * _NAIL, 0.7 * mark["fingernails"])
        color = mix(color, tone * _LIP, 0.85 * smoothstep(0.3, 0.8, mark["lips"]))
        color = mix(color, tone * _MOUTH, smoothstep(0.3, 0.9, mark["inside-mouth"]))
        for center in eyes.centers:
            color = mix(color, hair, front * _brow(points, center))
            color = mix(color, tone * _LINE, front * _lashes(points, center, eyes.radius))
        stubble = (
            0.82 * mark["hair"] * smoothstep(middle[1] + 0.078, middle[1] + 0.092, points[:, 1] + _temples(points))
        )
        color = mix(color, hair, stubble)
        bump = 0.05 * noise_vectors(points, 0.004, seed=5)
        return Finish(color, bump, 0.06 * (1.0 - stubble) + 0.10 * mark["lips"], 18.0)


def _temples(points: np.ndarray) -> np.ndarray:
    """How much lower hair grows at the sides and the back of the head than at the forehead, metres."""
    return 0.13 * smoothstep(0.06, 0.02, points[:, 2])


def _brow(points: np.ndarray, center: np.ndarray) -> np.ndarray:
    outward = (points[:, 0] - center[0]) * np.sign(center[0])
    along = (outward + 0.019) / 0.046
    ridge = center[1] + 0.0195 + 0.0055 * np.sin(np.pi * np.clip(0.15 + 0.75 * along, 0.0, 1.0))
    half = 0.0050 * (1.0 - 0.6 * np.clip(along, 0.0, 1.0))
    strands = 0.75 + 0.25 * noise(points, (0.0012, 0.006, 0.01), seed=9)
    within = smoothstep(-0.05, 0.12, along) * smoothstep(1.05, 0.85, along)
    return strands * within * smoothstep(1.5, 0.6, np.abs(points[:, 1] - ridge) / half)


def _lashes(points: np.ndarray, center: np.ndarray, radius: float) -> np.ndarray:
    away = points - center
    rim = smoothstep(1.22, 1.10, np.linalg.norm(away, axis=1) / radius)
    upper = smoothstep(-0.001, 0.002, away[:, 1])
    return rim * (0.35 + 0.6 * upper) * smoothstep(0.0, 0.4 * radius, away[:, 2])


@dataclass(frozen=True)
class EyePaint:
    """A white with an iris that looks straight ahead."""

    iris: Color = (0.13, 0.065, 0.03)

    def finish(self, points: Float[np.ndarray, "n 3"], marks: Float[np.ndarray, "n m"], eyes: Eyes) -> Finish:
        """See `Paint`."""
        center = eyes.centers[(points[:, 0] < 0).astype(int)]
        away = (points - center) / np.linalg.norm(points - center, axis=1, keepdims=True)
        angle = np.arctan2(np.hypot(away[:, 0], away[:, 1]), away[:, 2])
        color = np.tile([0.62, 0.58, 0.55], (len(points), 1))
        color = mix(color, np.array(self.iris), smoothstep(0.52, 0.46, angle))
        color = mix(color, np.array([0.04, 0.02, 0.012]), smoothstep(0.06, 0.0, np.abs(angle - 0.48)))
        color = mix(color, np.array([0.006, 0.005, 0.005]), smoothstep(0.24, 0.20, angle))
        return Finish(color, np.zeros_like(points), np.full(len(points), 0.9), 180.0)


@dataclass(frozen=True)
class HairPaint:
    """Strands that run down from the crown."""

    tone: Color = (0.060, 0.034, 0.021)

    def finish(self, points: Float[np.ndarray, "n 3"], marks: Float[np.ndarray, "n m"], eyes: Eyes) -> Finish:
        """See `Paint`."""
        crown = eyes.centers.mean(0) + np.array([0.0, 0.12, -0.09])
        away = points - crown
        around = np.stack([np.cos(a := np.arctan2(away[:, 0], away[:, 2])), np.sin(a), 3.0 * away[:, 1]], -1)
        strands = noise(around, (0.035, 0.035, 0.8), seed=21, octaves=3)
        color = np.array(self.tone) * (1.0 + 0.55 * strands)[:, None]
        bump = 0.35 * strands[:, None] * np.stack([around[:, 1], 0 * a, -around[:, 0]], -1)
        return Finish(color, bump, np.full(len(points), 0.10), 12.0)
