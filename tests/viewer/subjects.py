"""Subjects whose pictures are known."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from nfield.cameras import Cameras
from nfield.data.analytic import trace
from nfield.rendering.image import Image, ShouldStop
from nfield.types import Box
from viewer.app import Viewer
from viewer.interface import Bones, FigurePose, Home, Motion, Skin, Slider, Subject, View

HOME = Home((0.0, -3.2, 1.0), (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 0.7)


def analytic_view(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
    """The analytic scene over white, exactly."""
    if should_stop():
        return None
    seen = trace(camera.resized(size).image_rays(0, box=Box.cube(1.5))).reshape(*size, 4)
    opacity = seen[..., 3]
    return Image(seen[..., :3] * opacity[..., None] + 1.0 - opacity[..., None], opacity, 3.0 * opacity)


def flat_view(*color: float) -> View:
    """One colour everywhere."""

    def view(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
        return Image(torch.tensor(color).expand(*size, 3), torch.ones(size), torch.ones(size))

    return view


@dataclass(frozen=True)
class Nod:
    """Bends the stick further and further, a radian a second; wanders half a metre a second to the left."""

    seconds: float = 1.0

    def at(self, seconds: float, *, on_the_spot: bool) -> FigurePose:
        share = seconds % self.seconds
        travel = torch.tensor([0.0 if on_the_spot else 0.5 * share, 0.0, 0.0])
        return FigurePose(torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, share]]), travel)


@dataclass(frozen=True)
class Stick:
    """A figure of two bones, each a box, one above the other; its field is of one colour while it is straight."""

    skin: Skin
    poses: dict[str, FigurePose]
    motions: dict[str, Motion]
    sliders: dict[str, tuple[Slider, ...]] = field(
        default_factory=lambda: {"stick": (Slider("bend z", 1, 2), Slider("turn y", 0, 1))}
    )

    @staticmethod
    def make() -> "Stick":
        low = np.array([[x, y, z] for y in (0.0, 1.0) for x in (-0.2, 0.2) for z in (-0.2, 0.2)])
        faces = np.array(
            [[0, 1, 2], [2, 1, 3], [4, 6, 5], [6, 7, 5], [0, 4, 1], [4, 5, 1], [2, 3, 6], [3, 7, 6], [0, 2, 4],
             [2, 6, 4], [1, 5, 3], [5, 7, 3]]
        )  # fmt: skip
        vertices = np.concatenate([low, low + np.array([0.0, 1.0, 0.0])]).astype(np.float32)
        weights = np.repeat(np.eye(2, dtype=np.float32), 8, axis=0)
        skin = Skin(
            vertices, np.concatenate([faces, faces + 8]), weights, np.array([[0.0, 0, 0], [0.0, 1, 0]], np.float32)
        )
        bent = FigurePose(torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.2]]))
        return Stick(
            skin, {"straight": FigurePose(torch.zeros(2, 3)), "bent": bent}, {"nod": Nod(), "long nod": Nod(4.0)}
        )

    def bones(self, pose: FigurePose) -> Bones:
        turn = Rotation.from_rotvec(pose.rotations.numpy())
        second = turn[0] * turn[1]
        quaternions = np.roll(np.stack([turn[0].as_quat(), second.as_quat()]), 1, -1)
        return Bones(
            quaternions.astype(np.float32),
            (np.stack([np.zeros(3), turn[0].apply([0, 1, 0])]) + pose.travel.numpy()).astype("f4"),
        )

    def posed(self, pose: FigurePose) -> View:
        return flat_view(0.2, 0.4, 0.9) if pose.rotations.abs().sum() == 0.0 else flat_view(0.9, 0.3, 0.2)


def subject(name: str = "analytic", view: View = analytic_view, *, kind: str = "scene") -> Subject:
    return Subject(name, kind, {"scene": view}, HOME, {"field": "exact"})


Serve = Callable[..., Viewer]
"""Starts a viewer on a free port."""
