"""Who is photographed: build, clothes, stance and light, all of it given by data."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from avatars.body import BodyModel
from avatars.people.figure import Figure
from avatars.people.labels import LABELS
from avatars.people.skin_paint import EyePaint, SkinPaint
from avatars.people.stances import STANCES
from avatars.people.tailor import Garment, wear
from nfield.errors import DataError

__all__ = ["LABELS", "LIGHTS", "Outfit", "Subject", "Tailored"]

LIGHTS = ("flat", "soft key")
"""Even light from everywhere, or a large lamp from the left above."""


@runtime_checkable
class Outfit(Protocol):
    """What makes a body a dressed figure."""

    def figure(self, model: BodyModel) -> Figure:
        """The shipped body, dressed."""
        ...


@dataclass(frozen=True)
class Tailored:
    """Garments that the generator makes itself.

    Attributes:
        garments: The innermost first.
        skin: Of the body.
        eye: Of the eyes.
    """

    garments: tuple[Garment, ...]
    skin: SkinPaint
    eye: EyePaint

    def figure(self, model: BodyModel) -> Figure:
        """See `Outfit`."""
        return wear(model, self.garments, skin=self.skin, eye=self.eye)


@dataclass(frozen=True)
class Subject:
    """A person to be photographed.

    Attributes:
        name: Unique.
        seed: Of the photo's grain.
        shape: Ten shape coefficients of the shipped body, in standard deviations.
        outfit: What is worn, of which materials.
        stance: A name in `avatars.people.stances.STANCES`.
        yaw: How far the person is turned from the camera in the photo, degrees, 0 to 35.
        light: One of `LIGHTS`.
    """

    name: str
    seed: int
    shape: tuple[float, ...]
    outfit: Outfit
    stance: str
    yaw: float
    light: str

    def __post_init__(self) -> None:
        for field, value, known in (("stance", self.stance, tuple(STANCES)), ("light", self.light, LIGHTS)):
            if value not in known:
                raise DataError(f"subject {self.name!r}: {field} is {value!r}, expected one of {', '.join(known)}")
        if not 0.0 <= self.yaw <= 35.0:
            raise DataError(f"subject {self.name!r}: yaw is {self.yaw:g} degrees, expected 0 to 35")
