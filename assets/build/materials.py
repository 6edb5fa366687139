"""Procedural colours of skin, eyes, hair and cloth, as functions of the point in the rest pose."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assets.build.figure import MARKS, Material
from assets.build.noise import noise, noise_vectors, smoothstep

SKIN_TONE = np.array([0.60, 0.36, 0.26])
HAIR_TONE = np.array([0.060, 0.034, 0.021])


@dataclass(frozen=True)
class Eyes:
    """Centres (2, 3) and radius of the eyeballs in the rest pose, metres; the left one first."""

    centers: np.ndarray
    radius: float


@dataclass(frozen=True)
class Finish:
    """How surface points answer to light.

    Attributes:
        albedo: Linear RGB, (n, 3).
        bump: Added to the unit normal, (n, 3).
        gloss: Strength of the highlight, (n,).
        sharpness: Exponent of the highlight.
    """

    albedo: np.ndarray
    bump: np.ndarray
    gloss: np.ndarray
    sharpness: float


def mix(first: np.ndarray, second: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """From `first` at amount 0 to `second` at 1, (n, 3)."""
    return first + (second - first) * amount[:, None]


def skin(points: np.ndarray, marks: np.ndarray, eyes: Eyes) -> Finish:
    """Skin with lips, brows, eye lines, blush, nails and a hair line."""
    mark = dict(zip((*MARKS, "hair"), marks.T, strict=True))
    color = np.tile(SKIN_TONE, (len(points), 1))
    color *= (1.0 + 0.05 * noise(points, 0.03, seed=1, octaves=3))[:, None]
    middle = eyes.centers.mean(0)
    front = smoothstep(-0.03, 0.02, points[:, 2] - middle[2])
    for center in eyes.centers:
        side = np.sign(center[0])
        cheek = np.linalg.norm((points - center - [0.012 * side, -0.042, 0.0]) / [0.022, 0.016, 0.05], axis=1)
        color = mix(color, np.array([0.62, 0.27, 0.20]), 0.35 * front * smoothstep(1.4, 0.2, cheek))
        socket = np.linalg.norm((points - center - [0.0, -0.004, 0.0]) / [0.022, 0.015, 0.06], axis=1)
        color = mix(color, np.array([0.40, 0.21, 0.16]), 0.35 * front * smoothstep(1.3, 0.6, socket))
    nose_tip = np.linalg.norm((points - middle - [0.0, -0.036, 0.03]) / [0.016, 0.014, 0.04], axis=1)
    color = mix(color, np.array([0.60, 0.28, 0.21]), 0.35 * front * smoothstep(1.3, 0.3, nose_tip))
    color = mix(color, np.array([0.58, 0.28, 0.21]), 0.4 * mark["ears"])
    color = mix(color, np.array([0.66, 0.42, 0.36]), 0.7 * mark["fingernails"])
    color = mix(color, np.array([0.42, 0.145, 0.125]), 0.85 * smoothstep(0.3, 0.8, mark["lips"]))
    color = mix(color, np.array([0.10, 0.02, 0.02]), smoothstep(0.3, 0.9, mark["inside-mouth"]))
    for center in eyes.centers:
        color = mix(color, HAIR_TONE, front * _brow(points, center))
        color = mix(color, np.array([0.05, 0.03, 0.025]), front * _lashes(points, center, eyes.radius))
    stubble = 0.82 * mark["hair"] * smoothstep(middle[1] + 0.078, middle[1] + 0.092, points[:, 1] + _temples(points))
    color = mix(color, HAIR_TONE, stubble)
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
    strands = 0.75 + 0.25 * noise(points, np.array([0.0012, 0.006, 0.01]), seed=9)
    within = smoothstep(-0.05, 0.12, along) * smoothstep(1.05, 0.85, along)
    return strands * within * smoothstep(1.5, 0.6, np.abs(points[:, 1] - ridge) / half)


def _lashes(points: np.ndarray, center: np.ndarray, radius: float) -> np.ndarray:
    away = points - center
    rim = smoothstep(1.22, 1.10, np.linalg.norm(away, axis=1) / radius)
    upper = smoothstep(-0.001, 0.002, away[:, 1])
    return rim * (0.35 + 0.6 * upper) * smoothstep(0.0, 0.4 * radius, away[:, 2])


def eye(points: np.ndarray, marks: np.ndarray, eyes: Eyes) -> Finish:
    """A white with a brown iris that looks straight ahead."""
    center = eyes.centers[(points[:, 0] < 0).astype(int)]
    away = (points - center) / np.linalg.norm(points - center, axis=1, keepdims=True)
    angle = np.arctan2(np.hypot(away[:, 0], away[:, 1]), away[:, 2])
    color = np.tile([0.62, 0.58, 0.55], (len(points), 1))
    color = mix(color, np.array([0.13, 0.065, 0.03]), smoothstep(0.52, 0.46, angle))
    color = mix(color, np.array([0.04, 0.02, 0.012]), smoothstep(0.06, 0.0, np.abs(angle - 0.48)))
    color = mix(color, np.array([0.006, 0.005, 0.005]), smoothstep(0.24, 0.20, angle))
    return Finish(color, np.zeros_like(points), np.full(len(points), 0.9), 180.0)


def hair(points: np.ndarray, marks: np.ndarray, eyes: Eyes) -> Finish:
    """Dark brown strands that run down from the crown."""
    crown = eyes.centers.mean(0) + np.array([0.0, 0.12, -0.09])
    away = points - crown
    around = np.stack([np.cos(a := np.arctan2(away[:, 0], away[:, 2])), np.sin(a), 3.0 * away[:, 1]], -1)
    strands = noise(around, np.array([0.035, 0.035, 0.8]), seed=21, octaves=3)
    color = HAIR_TONE * (1.0 + 0.55 * strands)[:, None]
    bump = 0.35 * strands[:, None] * np.stack([around[:, 1], 0 * a, -around[:, 0]], -1)
    return Finish(color, bump, np.full(len(points), 0.10), 12.0)


_TEAL, _CREAM, _RUST = np.array([0.035, 0.17, 0.20]), np.array([0.62, 0.55, 0.44]), np.array([0.48, 0.13, 0.055])


def shirt(points: np.ndarray, marks: np.ndarray, eyes: Eyes) -> Finish:
    """A teal T-shirt with cream chest stripes all around, rust trims and an emblem on the left breast."""
    x, y, z = points.T
    color = np.tile(_TEAL, (len(points), 1))
    torso = smoothstep(0.205, 0.200, np.abs(x))
    for center, half in ((0.045, 0.021), (-0.010, 0.010)):
        color = mix(color, _CREAM, torso * smoothstep(half + 0.001, half - 0.001, np.abs(y - center)))
    color = mix(color, _RUST, smoothstep(0.318, 0.320, np.abs(x)))
    disc = np.hypot(x - 0.085, y - 0.125)
    chest = (z > 0.02) * torso
    color = mix(color, _CREAM, chest * smoothstep(0.0290, 0.0275, disc))
    color = mix(color, _RUST, chest * smoothstep(0.0205, 0.0190, disc))
    color *= (1.0 + 0.06 * noise(points, 0.0025, seed=31) + 0.05 * noise(points, 0.08, seed=32))[:, None]
    folds = noise_vectors(points, np.array([0.10, 0.035, 0.10]), seed=33, octaves=2)
    return Finish(color, 0.34 * folds, np.full(len(points), 0.02), 8.0)


def trousers(points: np.ndarray, marks: np.ndarray, eyes: Eyes) -> Finish:
    """Blue denim, worn lighter on the thighs, with seams along the legs."""
    x, y, z = points.T
    leg = np.abs(x) - 0.105
    worn = (
        smoothstep(0.02, 0.09, z)
        * smoothstep(0.07, 0.01, np.abs(leg))
        * smoothstep(-0.95, -0.6, y)
        * smoothstep(-0.3, -0.5, y)
    )
    color = mix(np.tile([0.040, 0.068, 0.135], (len(points), 1)), np.array([0.14, 0.20, 0.31]), 0.65 * worn)
    twill = noise(points @ _TILT, np.array([0.0016, 0.02, 0.0016]), seed=41)
    color *= (1.0 + 0.18 * twill + 0.10 * noise(points, 0.05, seed=42, octaves=2))[:, None]
    seam = smoothstep(0.0025, 0.001, np.abs(z + 0.005)) * (leg > 0.02)
    color = mix(color, np.array([0.35, 0.17, 0.05]), 0.5 * seam)
    folds = noise_vectors(points, np.array([0.12, 0.05, 0.12]), seed=43, octaves=2)
    return Finish(color, 0.24 * folds, np.full(len(points), 0.02), 8.0)


_TILT = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])


def shoe(points: np.ndarray, marks: np.ndarray, eyes: Eyes) -> Finish:
    """Rust-red canvas over a white sole."""
    y, z = points[:, 1], points[:, 2]
    bottom = y.min() if len(y) else 0.0
    color = np.tile([0.30, 0.06, 0.04], (len(points), 1))
    color = mix(color, np.array([0.62, 0.60, 0.56]), smoothstep(bottom + 0.034, bottom + 0.031, y))
    laces = smoothstep(0.55, 0.75, np.sin(y * 520.0)) * smoothstep(0.035, 0.05, z) * smoothstep(0.13, 0.11, z)
    color = mix(color, np.array([0.60, 0.57, 0.52]), laces * (y > bottom + 0.06))
    return Finish(color, 0.06 * noise_vectors(points, 0.01, seed=51), np.full(len(points), 0.08), 20.0)


def sock(points: np.ndarray, marks: np.ndarray, eyes: Eyes) -> Finish:
    """Grey knit."""
    color = np.tile([0.30, 0.30, 0.31], (len(points), 1)) * (1.0 + 0.1 * noise(points, 0.003, seed=61))[:, None]
    return Finish(color, np.zeros_like(points), np.zeros(len(points)), 8.0)


FINISHES: dict[Material, Callable[[np.ndarray, np.ndarray, Eyes], Finish]] = {
    Material.SKIN: skin,
    Material.EYE: eye,
    Material.SHIRT: shirt,
    Material.TROUSERS: trousers,
    Material.SHOE: shoe,
    Material.SOCK: sock,
    Material.HAIR: hair,
}
