"""What a row of the benchmark is: a way from one photo to an avatar, and the registry of those there are.

A family of rows is one file in `avatars/benchmark/rows`; it registers its methods there, and nothing else changes:

    ROWS["body in one colour"] = OneColor()

The order of the registry is that of the table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, UInt8
from torch import Tensor

from avatars.body import BodyModel, BodyPose
from nfield.cameras import Cameras
from nfield.rendering.image import Image

Render = Callable[[Cameras, int], Image]
"""One camera's view of an avatar in a pose, over white; the cameras stand in the frame of that pose."""


@dataclass(frozen=True)
class Case:
    """What a method gets.

    Attributes:
        model: The bare body.
        photo: sRGB.
        alpha: The person's matte in [0, 1].
        pose: The body in the frame of the photo's camera.
        camera: The photo's, in its own frame.
        minutes: Training time; None for the method's own.
        seed: Of everything random.
    """

    model: BodyModel
    photo: UInt8[Tensor, "h w 3"]
    alpha: Float[Tensor, "h w"]
    pose: BodyPose
    camera: Cameras
    minutes: float | None
    seed: int


@runtime_checkable
class Fitted(Protocol):
    """An avatar that a method made."""

    @property
    def pose(self) -> BodyPose:
        """The body in the photo, as the method sees it in the end; its shape is the avatar's."""
        ...

    @property
    def camera(self) -> Cameras:
        """The photo's camera, as the method sees it in the end."""
        ...

    def posed(self, pose: BodyPose) -> Render:
        """The avatar in a pose of its own shape."""
        ...


@runtime_checkable
class Method(Protocol):
    """A way from a photo to an avatar."""

    def fit(self, case: Case) -> Fitted:
        """The avatar of the person in a photo; its time and memory are measured."""
        ...


ROWS: dict[str, Method] = {}
"""By the name in the table; read it through `avatars.benchmark.rows.rows`, which fills it."""
