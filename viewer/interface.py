"""What the viewer knows of what it shows: one callable, and a little around it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.cameras import Cameras
from nfield.rendering.image import Image, ShouldStop


@runtime_checkable
class View(Protocol):
    """Renders what one camera sees; the only thing that the viewer asks of a field."""

    def __call__(self, camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
        """The picture, or None where `should_stop` ended it.

        Args:
            camera: One camera; its own size gives the aspect, the picture's resolution is `size`.
            size: Height and width of the picture, pixels.
            should_stop: To be asked before each chunk of rays. What was done before the first time counts as
                preparation, which takes as long for any size.
        """
        ...


@dataclass(frozen=True)
class Home:
    """From where a subject is seen first, and what is up.

    Attributes:
        position: Of the camera, metres.
        target: The point that it looks at and turns around, metres.
        up: Unit vector.
        field_of_view: From the upper to the lower edge of the picture, radians.
    """

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    up: tuple[float, float, float]
    field_of_view: float

    @property
    def distance(self) -> float:
        """From the camera to the target, metres."""
        return float(np.linalg.norm(np.subtract(self.position, self.target)))


@dataclass(frozen=True)
class Skin:
    """A mesh that bones move, at rest.

    Attributes:
        vertices: Metres.
        faces: Corners of each triangle.
        weights: Of each bone on each vertex; rows sum to 1.
        joints: Where the bones are at rest, metres; there they are not turned.
    """

    vertices: Float[np.ndarray, "v 3"]
    faces: Int[np.ndarray, "t 3"]
    weights: Float[np.ndarray, "v j"]
    joints: Float[np.ndarray, "j 3"]


@dataclass(frozen=True)
class Bones:
    """Bones in a pose, in the frame of the mesh.

    Attributes:
        quaternions: Rotation of each bone against its rest (w, x, y, z).
        positions: Metres.
    """

    quaternions: Float[np.ndarray, "j 4"]
    positions: Float[np.ndarray, "j 3"]


@dataclass(frozen=True)
class FigurePose:
    """How a figure stands, and where.

    Attributes:
        rotations: Axis-angles of its joints, radians.
        travel: Shift of the whole figure, metres.
    """

    rotations: Float[Tensor, "j 3"]
    travel: Float[Tensor, "3"] = field(default_factory=lambda: torch.zeros(3))


@runtime_checkable
class Motion(Protocol):
    """Poses over time, played again and again."""

    @property
    def seconds(self) -> float:
        """How long it takes once."""
        ...

    def at(self, seconds: float, *, on_the_spot: bool) -> FigurePose:
        """The pose at a time.

        Args:
            seconds: From its beginning, any number.
            on_the_spot: Whether the way over the ground is left out.
        """
        ...


@dataclass(frozen=True)
class Slider:
    """A rotation that can be turned by hand.

    Attributes:
        label: What it turns.
        joint: Index of the joint.
        axis: Of its axis-angle: 0, 1 or 2.
    """

    label: str
    joint: int
    axis: int


@runtime_checkable
class Figure(Protocol):
    """A subject that takes poses."""

    @property
    def skin(self) -> Skin:
        """The mesh that stands for it while it moves."""
        ...

    @property
    def poses(self) -> Mapping[str, FigurePose]:
        """Poses by name."""
        ...

    @property
    def motions(self) -> Mapping[str, Motion]:
        """Motions by name."""
        ...

    @property
    def sliders(self) -> Mapping[str, tuple[Slider, ...]]:
        """By the part of the body that they move."""
        ...

    def bones(self, pose: FigurePose) -> Bones:
        """The bones in a pose; quick enough for each frame of a motion."""
        ...

    def posed(self, pose: FigurePose) -> View:
        """The neural rendering in a pose; what takes long happens when the view is first asked for a picture."""
        ...


@dataclass(frozen=True)
class Cloud:
    """Gaussians that the browser draws.

    Attributes:
        centers: Metres.
        covariances: Square metres.
        colors: sRGB in [0, 1].
        opacities: In the middle, in [0, 1].
    """

    centers: Float[np.ndarray, "n 3"]
    covariances: Float[np.ndarray, "n 3 3"]
    colors: Float[np.ndarray, "n 3"]
    opacities: Float[np.ndarray, "n 1"]


@dataclass(frozen=True)
class Subject:
    """One run, ready to be shown.

    Attributes:
        name: Of the run.
        kind: What it is, in a word or two; only two of the same kind can be shown beside each other.
        views: What can be looked at, by name, the first one first. A figure's are what it shows before it is posed.
        home: The first look at it.
        facts: Lines for the page: name and value.
        cameras: Those that it was trained from, if that is known.
        figure: How it is posed, if it can be.
        cloud: What the browser can draw of it by itself, if there is such a thing.
    """

    name: str
    kind: str
    views: Mapping[str, View]
    home: Home
    facts: Mapping[str, str]
    cameras: Cameras | None = None
    figure: Figure | None = None
    cloud: Cloud | None = None
