"""People who are painted from one photo by the rules, beside what they truly look like from all sides."""

import io
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int8, UInt8
from torch import Tensor

from avatars.benchmark.views import ViewPlan, held_out
from avatars.body import BodyModel, BodyPose
from avatars.crowd.person import Dye, Split, drawn_build, drawn_dye
from avatars.crowd.snapshots import ON_THE_BACK, SAMPLES, Snapshot, drawn_light
from avatars.people.figure import Figure
from avatars.people.lighting import Light
from avatars.people.stances import STANCES, centered, stance_rotations
from avatars.portrait import PersonPhoto, Portrait
from avatars.surface.dress import DressConfig
from avatars.surface.learned.completion import evidence_of
from avatars.surface.learned.evidence import Evidence
from avatars.surface.mesh import vertex_normals
from avatars.surface.paint import PhotographedSurface
from avatars.surface.painted_body import photographed_surface
from avatars.surface.texture_rules import TextureRules
from avatars.surface.visibility import PosedSurface, VisibilityConfig, visibility
from nfield.cameras import Cameras
from nfield.errors import DataError
from nfield.interpolation import bilinear
from nfield.texture_atlas import Atlas
from nfield.whole_file import write_atomically

DYES = 3
"""Of each build."""

_PHOTO = 640
"""Edge of the photo, pixels."""

_VIEWS = ViewPlan(azimuths=10, elevations=(0.0,), poses=(), pose_azimuths=0, size=400)
"""From where a person is looked at for the truth."""

_TEXTURE = 512
"""Texels along the edge of a texture."""

_TRUSTED = VisibilityConfig(facing=(0.05, 0.3), edge=(0.003, 0.006))
"""When a true view is trusted."""

_STRAIGHT = 3.0
"""Power of the cosine by which views that see a point straight count more."""

_DISTANCE = (2.3, 4.5)
_MISTAKEN = 0.02
"""Deviation of joints of the fitted body from the true one, radians, for half of the people."""


@dataclass(frozen=True)
class Example:
    """Texels of one build in several dyes.

    Attributes:
        place: See `Evidence.place`, half precision.
        normal: Unit normals times 127.
        kind: See `Evidence.kind`.
        confidence: In the photo, times 255.
        seen: How well the truth is known, times 255.
        photo: sRGB of the photo in each dye.
        rules: Of the rules.
        truth: Mean of true views.
    """

    place: Float[np.ndarray, "n 3"]
    normal: Int8[np.ndarray, "n 3"]
    kind: UInt8[np.ndarray, "n 3"]
    confidence: UInt8[np.ndarray, "n"]
    seen: UInt8[np.ndarray, "n"]
    photo: UInt8[np.ndarray, "d n 3"]
    rules: UInt8[np.ndarray, "d n 3"]
    truth: UInt8[np.ndarray, "d n 3"]

    def evidence(self, dye: int) -> Evidence:
        """What the network is told."""
        normal = torch.nn.functional.normalize(torch.from_numpy(self.normal).float(), dim=-1)
        confidence, kind = torch.from_numpy(self.confidence).float() / 255.0, torch.from_numpy(self.kind).float()
        place = torch.from_numpy(self.place).float()
        return Evidence(place, normal, _colors(self.rules[dye]), _colors(self.photo[dye]), confidence, kind)

    def true(self, dye: int) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n"]]:
        """True colours, and how well each is known, in [0, 1]."""
        return _colors(self.truth[dye]), torch.from_numpy(self.seen).float() / 255.0

    def save(self, path: Path) -> None:
        """Write a file; it is whole or not there."""
        content = io.BytesIO()
        np.savez(content, **vars(self))
        write_atomically(path, content.getvalue())

    @staticmethod
    def load(path: Path) -> "Example":
        """Read a file.

        Raises:
            DataError: It is none of these.
        """
        try:
            with path.open("rb") as content, np.load(content) as file:
                arrays: dict[str, Any] = {name: file[name] for name in file.files}
            return Example(**arrays)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as wrong:
            raise DataError(f"{path}: is no example of a painted person ({wrong}); remove it") from wrong


@dataclass(frozen=True)
class _Scene:
    """Somebody before a camera.

    Attributes:
        figure: Who.
        pose: In the camera's frame.
        camera: At the origin.
        light: Relative to the person's middle, in the frame of whichever camera looks.
    """

    figure: Figure
    pose: BodyPose
    camera: Cameras
    light: Light

    def seen(self, cameras: Cameras, index: int) -> Snapshot:
        """What a camera sees, four samples a pixel; the light turns with the camera."""
        world = cameras.world_from_camera[index]
        vertices = (self.figure.model.pose(self.pose).vertices - world[:3, 3]) @ world[:3, :3]
        middle = (self.figure.model.joints(self.pose).mean(0) - world[:3, 3]) @ world[:3, :3]
        x, y, z = (float(a) + b for a, b in zip(middle, self.light.position, strict=True))
        light, size = replace(self.light, position=(x, y, z)), cameras.size[0]
        fine = cameras.resized((SAMPLES * size, SAMPLES * size)).intrinsics[index]
        return Snapshot.of(self.figure, vertices, fine, size, light)


def can_be_told(split: Split, number: int) -> bool:
    """Whether the photo says what is behind: of whoever wears a backpack it does not."""
    return all(kind.name != ON_THE_BACK for _, kind in drawn_build(split, number).worn)


def made_example(split: Split, model: BodyModel, number: int) -> Example:
    """The example of a number, the same each time.

    Args:
        split: Of which half of humanity.
        model: The shipped body.
        number: Of the build.
    """
    generator = np.random.default_rng((split.value, 4, number))
    build = drawn_build(split, number)
    figure = build.sewn(model)
    dyes = [drawn_dye(split, build, number * DYES + place) for place in range(DYES)]
    scene = _scene(figure, model, torch.tensor(build.shape), generator)
    photos = [_photographed(scene, dye, generator) for dye in dyes]
    person = PersonPhoto(*photos[0], Portrait(_mistaken(scene.pose, generator), scene.camera))
    surface = photographed_surface(model, person, DressConfig())
    return _painted(scene, dyes, [photo for photo, _ in photos], surface)


def _painted(
    scene: _Scene, dyes: list[Dye], photos: list[UInt8[Tensor, "h w 3"]], surface: PhotographedSurface
) -> Example:
    rules = TextureRules(size=_TEXTURE)
    told = []
    for photo in photos:
        shown = replace(surface, photo=photo)
        told.append(evidence_of(shown, rules.completed(shown)))
    truth, seen = _truth(scene, dyes, surface, Atlas.of(surface.layout, surface.surface.faces, size=_TEXTURE))
    first = told[0]
    return Example(
        first.place.half().numpy(),
        (first.normal * 127.0).round().to(torch.int8).numpy(),
        first.kind.to(torch.uint8).numpy(),
        _bytes(torch.stack([one.confidence for one in told]).mean(0)),
        _bytes(seen),
        np.stack([_bytes(one.photo) for one in told]),
        np.stack([_bytes(one.rules) for one in told]),
        np.stack([_bytes(color) for color in truth]),
    )


def _truth(
    scene: _Scene, dyes: list[Dye], shown: PhotographedSurface, atlas: Atlas
) -> tuple[Float[Tensor, "d n 3"], Float[Tensor, "n"]]:
    """Means over true views of what is seen at the texels, in each dye, and how well they are known."""
    faces, around = shown.surface.faces, held_out(shown.model, scene.pose, _VIEWS)[0]
    total, known = torch.zeros(len(dyes), len(atlas), 3), torch.zeros(len(atlas))
    for index in range(len(around.views)):
        world = around.cameras.world_from_camera[index]
        vertices = (shown.posed - world[:3, 3]) @ world[:3, :3]
        points = atlas.at(vertices)
        normals = torch.nn.functional.normalize(atlas.at(vertex_normals(vertices, faces)), dim=-1)
        seen = scene.seen(around.cameras, index)
        pictures = [torch.from_numpy(seen.developed(scene.figure, dye.surfaces)).float() / 255.0 for dye in dyes]
        camera = Cameras(around.cameras.intrinsics[index : index + 1], scene.camera.world_from_camera, around.cameras.size)
        surface = PosedSurface(vertices, faces, points, normals)
        found = visibility(surface, pictures[0][..., 3], camera, _TRUSTED)
        straight = -(normals * torch.nn.functional.normalize(points, dim=-1)).sum(-1)
        weight = found.confidence * straight.clamp_min(0.0) ** _STRAIGHT
        known += weight
        for place, picture in enumerate(pictures):
            total[place] += weight[:, None] * bilinear(picture[..., :3], found.pixel)
    return total / known.clamp_min(1e-6)[:, None], (known / 0.5).clamp(0.0, 1.0)


def _scene(
    figure: Figure, model: BodyModel, shape: Float[Tensor, "k"], generator: np.random.Generator
) -> _Scene:
    stance = STANCES[tuple(STANCES)[int(generator.integers(len(STANCES)))]]
    rotations = stance_rotations(stance, yaw=generator.uniform(-30.0, 30.0), roll=generator.uniform(-3.0, 3.0))
    distance = generator.uniform(*_DISTANCE)
    target = torch.tensor([0.0, -0.01, distance])
    camera = Cameras.pinhole(0.48 * _PHOTO * distance, (_PHOTO, _PHOTO))
    return _Scene(figure, centered(model, rotations, shape, target), camera, drawn_light(generator))


def _photographed(
    scene: _Scene, dye: Dye, generator: np.random.Generator
) -> tuple[UInt8[Tensor, "h w 3"], Float[Tensor, "h w"]]:
    """The photo before a plain wall, and its matte."""
    picture = torch.from_numpy(scene.seen(scene.camera, 0).developed(scene.figure, dye.surfaces)).float()
    alpha = picture[..., 3:] / 255.0
    wall = torch.tensor(generator.uniform(40.0, 230.0, 3), dtype=torch.float32)
    grain = torch.from_numpy(generator.normal(0.0, 1.5, (*alpha.shape[:2], 1))).float()
    photo = picture[..., :3] * alpha + wall * (1.0 - alpha) + grain
    return photo.round().clamp(0.0, 255.0).to(torch.uint8), alpha[..., 0]


def _mistaken(pose: BodyPose, generator: np.random.Generator) -> BodyPose:
    """The body as it is found in photos: for half of the people not quite right."""
    if generator.random() < 0.5:
        return pose
    wrong = torch.from_numpy(generator.normal(0.0, _MISTAKEN, pose.rotations.shape)).float()
    return replace(pose, rotations=pose.rotations + wrong)


def _bytes(values: Float[Tensor, "..."]) -> UInt8[np.ndarray, "..."]:
    return (values.clamp(0.0, 1.0) * 255.0 + 0.5).to(torch.uint8).numpy()


def _colors(values: UInt8[np.ndarray, "n 3"]) -> Float[Tensor, "n 3"]:
    return torch.from_numpy(values).float() / 255.0
