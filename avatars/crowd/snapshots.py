"""Small pictures of parts of a person from any side, quickly: what is seen and lit is found once for many dyes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from avatars.body.parts import PART_OF_JOINT
from avatars.crowd.garments import CLOTHS
from avatars.crowd.person import Facts
from avatars.people.figure import Figure, Surface
from avatars.people.lighting import Light, LitPoints, light_up
from avatars.people.picture import srgb
from avatars.semantic.crops import HEAD_PADDING, PADDING
from avatars.semantic.directions import Direction
from nfield.cameras import Cameras, look_at
from nfield.kernels.rasterize import rasterize

SAMPLES = 2
"""Samples of a pixel along each axis."""

PLACE = 4
"""Pixels along the edge of the squares of `Snapshot.places`."""

_SHADOW_EDGE = 256

FRAMES: dict[str, tuple[int, ...]] = {
    "full": tuple(range(1, 12)),
    "head": (10,),
    "torso": (1,),
    "upper": (1, 2, 3, 4, 5, 10, 11),
    "lower": (6, 7, 8, 9),
}
"""What a picture is framed around: numbers of `avatars.body.parts.PART_NAMES`."""

_SHOWN: dict[str, tuple[str, ...]] = {
    "full": ("top", "bottom", "outer", "bag", "hair", "shoes", "who", "skin"),
    "head": ("hair", "skin", "who"),
    "torso": ("top", "outer", "bag"),
    "upper": ("top", "outer", "bag", "hair", "skin", "who"),
    "lower": ("bottom", "shoes"),
}
"""The first words of the facts that each of them shows."""

ON_THE_BACK = "backpack"
"""A bag that is not seen from the front."""

LEAST_COVERED = 0.04
"""Share of what is seen of somebody from which on a garment is spoken of; shoes and hair always are where their frame
shows them."""

_COVERING = ("top", "bottom", "outer", "bag")


@dataclass(frozen=True)
class Viewpoint:
    """From where somebody is looked at, and what of them.

    Attributes:
        azimuth: Degrees about y: 0 sees the front, 90 the person's left side.
        elevation: Degrees.
        distance: In extents of the person.
        frame: A name of `FRAMES`.
        light: In the camera's frame; its position is relative to the person's middle.
    """

    azimuth: float
    elevation: float
    distance: float
    frame: str
    light: Light

    @property
    def view(self) -> str:
        """A name of `avatars.crowd.captions.VIEWS`."""
        direction = Direction.of(self.azimuth)
        return direction.name.lower() if direction in (Direction.FRONT, Direction.BACK) else "side"


def shown(facts: Facts, viewpoint: Viewpoint, covered: Mapping[str, float]) -> Facts:
    """What a picture from a viewpoint shows of some facts, with its "view".

    Args:
        facts: Of whom it shows.
        viewpoint: From where.
        covered: See `Snapshot.covered`.
    """
    hidden = {place for place in _COVERING if covered.get(place, 0.0) < LEAST_COVERED}
    spoken = set(_SHOWN[viewpoint.frame]) - hidden
    seen = {name: value for name, value in facts.items() if name.split()[0] in spoken}
    if viewpoint.view != "front":
        front = [name for name, value in seen.items() if name.endswith(" cloth") and CLOTHS[value].front]
        for name in front:
            del seen[name], seen[name.replace("cloth", "second color")]
    return {**seen, "view": viewpoint.view}


@dataclass(frozen=True)
class Snapshot:
    """What a camera sees, before dyes.

    Attributes:
        points: Seen by the samples inside, row by row.
        inside: Samples that see the figure.
        size: Edge of the picture, pixels.
    """

    points: LitPoints
    inside: np.ndarray
    size: int

    @staticmethod
    def of(
        figure: Figure, vertices: Float[Tensor, "v 3"], matrix: Float[Tensor, "3 3"], size: int, light: Light
    ) -> "Snapshot":
        """What a pinhole camera sees.

        Args:
            figure: Who.
            vertices: Posed, in the camera's OpenCV frame, metres.
            matrix: Of the camera, in samples: `SAMPLES` to a pixel along each axis.
            size: Edge of the picture, pixels.
            light: What shines, in the camera's frame.
        """
        fine = size * SAMPLES
        raster = rasterize(vertices, figure.model.faces, matrix, (fine, fine))
        points = light_up(figure, vertices, raster, focal=float(matrix[0, 0]), light=light, stride=2)
        return Snapshot(points, (raster.face >= 0).numpy(), size)

    def developed(self, figure: Figure, surfaces: tuple[Surface, ...]) -> UInt8[np.ndarray, "s s 4"]:
        """The picture in a dye: sRGB and alpha, colours not multiplied by it."""
        linear = np.zeros((*self.inside.shape, 4))
        linear[self.inside, :3] = self.points.painted(surfaces, figure.eyes)
        linear[self.inside, 3] = 1.0
        small = linear.reshape(self.size, SAMPLES, self.size, SAMPLES, 4).mean((1, 3))
        alpha = small[..., 3:]
        picture = np.concatenate([srgb(small[..., :3] / np.maximum(alpha, 1e-9)), alpha], -1)
        return (picture.clip(0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)

    def covered(self, places: Sequence[str]) -> dict[str, float]:
        """How much of what is seen each place covers, shares of 1.

        Args:
            places: Of each surface of the figure: `Build.places`.
        """
        counts = np.bincount(self.points.material, minlength=len(places)) / max(len(self.points.material), 1)
        return {
            place: float(counts[np.array([one == place for one in places])].sum()) for place in dict.fromkeys(places)
        }

    def places(self) -> Float[np.ndarray, "p p 3"]:
        """Where on the body at rest what is seen lies, metres: means over squares of `PLACE` pixels, times coverage."""
        cells, edge = self.size // PLACE, PLACE * SAMPLES
        seen = np.zeros((*self.inside.shape, 3))
        seen[self.inside] = self.points.rest
        return seen.reshape(cells, edge, cells, edge, 3).mean((1, 3))


def snapshot(
    figure: Figure, vertices: Float[Tensor, "v 3"], parts: Int[np.ndarray, "v"], viewpoint: Viewpoint, size: int
) -> Snapshot:
    """What is seen of a posed figure, upright in the canonical frame (y up, looking along z).

    Args:
        figure: Who.
        vertices: Posed, metres.
        parts: See `parts_of`.
        viewpoint: From where.
        size: Edge of the picture, pixels.
    """
    seen, middle = _turned(vertices, viewpoint)
    chosen = np.isin(parts, FRAMES[viewpoint.frame])
    fine = size * SAMPLES
    matrix = _framed(seen[torch.from_numpy(chosen)], fine, HEAD_PADDING if viewpoint.frame == "head" else PADDING)
    x, y, z = (float(a) + b for a, b in zip(middle, viewpoint.light.position, strict=True))
    light = Light(
        (x, y, z), viewpoint.light.key, viewpoint.light.tint, viewpoint.light.sky, viewpoint.light.ground, _SHADOW_EDGE
    )
    return Snapshot.of(figure, seen, matrix, size, light)


def parts_of(figure: Figure) -> Int[np.ndarray, "v"]:
    """The part of the body that each vertex moves with, a number of `avatars.body.parts.PART_NAMES`."""
    return PART_OF_JOINT[figure.model.weights.numpy().argmax(1)].astype(np.int64)


def drawn_viewpoint(frame: str, generator: np.random.Generator) -> Viewpoint:
    """A random side, height and light; the names of views are equally likely."""
    turn = generator.uniform(-45.0, 45.0) + _one(((0.0,), (180.0,), (90.0, -90.0)), generator)
    elevation = float(np.clip(8.0 * generator.standard_normal(), -20.0, 20.0))
    return Viewpoint(turn % 360.0, elevation, generator.uniform(1.6, 3.2), frame, drawn_light(generator))


def _one(choices: Sequence[Sequence[float]], generator: np.random.Generator) -> float:
    group = choices[int(generator.integers(len(choices)))]
    return group[int(generator.integers(len(group)))]


def drawn_light(generator: np.random.Generator) -> Light:
    """Even light, or a lamp in front of the person, of any strength; see `Viewpoint.light`."""
    warm = generator.uniform(-0.08, 0.08)
    if generator.random() < 0.4:
        level = generator.uniform(0.9, 1.5)
        sky = (level * (1.0 + warm), level, level * (1.0 - warm))
        return Light((0.0, -2.0, -2.0), key=0.0, sky=sky, ground=(0.8 * sky[0], 0.8 * sky[1], 0.8 * sky[2]))
    level = generator.uniform(0.45, 0.95)
    lamp = (generator.uniform(-2.5, 2.5), generator.uniform(-3.0, -0.8), -2.7)
    key = generator.uniform(0.8, 1.9)
    sky, ground = (level * (1.0 - warm), level, level * (1.0 + warm)), (0.6 * level, 0.55 * level, 0.5 * level)
    return Light(lamp, key, (1.0 + warm, 1.0, 1.0 - warm), sky, ground)


def _turned(vertices: Float[Tensor, "v 3"], viewpoint: Viewpoint) -> tuple[Float[Tensor, "v 3"], Float[Tensor, "3"]]:
    """Vertices in the camera's OpenCV frame, and the middle of the person there."""
    low, high = vertices.amin(0), vertices.amax(0)
    middle, extent = 0.5 * (low + high), float((high - low).max())
    turn, rise = math.radians(viewpoint.azimuth), math.radians(viewpoint.elevation)
    away = torch.tensor([math.sin(turn) * math.cos(rise), math.sin(rise), math.cos(turn) * math.cos(rise)])
    pose = look_at((middle + viewpoint.distance * extent * away)[None], middle, torch.tensor([0.0, 1.0, 0.0]))[0]
    return (vertices - pose[:3, 3]) @ pose[:3, :3], (middle - pose[:3, 3]) @ pose[:3, :3]


def _framed(points: Float[Tensor, "n 3"], size: int, padding: float) -> Float[Tensor, "3 3"]:
    """The pinhole matrix of the square around points, in `size` pixels: `avatars.semantic.crops` frames like this."""
    places = points[:, :2] / points[:, 2:]
    low, high = places.amin(0), places.amax(0)
    edge = float((high - low).max()) * (1.0 + 2.0 * padding)
    middle = 0.5 * (low + high)
    camera = Cameras.pinhole(size / edge, (size, size)).intrinsics[0].clone()
    camera[:2, 2] -= size / edge * middle
    return camera
