"""The people of the benchmark."""

from avatars.people.cloth_paint import ClothPaint, Folds, Grain
from avatars.people.figure import Surface
from avatars.people.patterns import Emblem, LegSeam, WornThighs
from avatars.people.skin_paint import EyePaint, SkinPaint
from avatars.people.subject import Subject, Tailored
from avatars.people.tailor import Garment
from avatars.people.tailor.tight import ShirtCut, TrousersCut

_DENIM = ClothPaint(
    (0.040, 0.068, 0.135),
    (WornThighs((0.14, 0.20, 0.31)), LegSeam((0.35, 0.17, 0.05))),
    (Grain((0.0016, 0.02, 0.0016), 0.18, 41, tilted=True), Grain(0.05, 0.10, 42, octaves=2)),
    Folds((0.12, 0.05, 0.12), 0.24, 43),
)
_RED = ClothPaint(
    (0.36, 0.05, 0.04),
    (Emblem((0.0, 0.10), 0.055, (0.70, 0.66, 0.58)), Emblem((0.0, 0.10), 0.035, (0.05, 0.06, 0.16))),
    (Grain(0.0025, 0.06, 31), Grain(0.08, 0.05, 32)),
    Folds((0.10, 0.035, 0.10), 0.34, 33),
)

SUBJECTS: tuple[Subject, ...] = (
    Subject(
        name="red-shirt",
        seed=1,
        shape=(0.3, -0.7, -0.3, 0.7, 0.2, -0.1, 0.0, 0.0, 0.0, 0.0),
        outfit=Tailored(
            (
                Garment(TrousersCut(), Surface("bottom", _DENIM)),
                Garment(ShirtCut(), Surface("top", _RED)),
            ),
            SkinPaint(),
            EyePaint(),
        ),
        stance="relaxed",
        yaw=14.0,
        light="soft key",
    ),
)
"""Made by the generator alone."""
