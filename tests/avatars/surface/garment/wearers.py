"""People in loose clothes whose shape is known: laid around the posed body itself, not skinned from rest."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from avatars.body import Body, BodyModel, BodyPose
from avatars.body.pose_file import named_pose
from avatars.body.skinning import axis_angle_from_rotations, rotations_from_axis_angle
from avatars.surface.garment.photographed import faces_of
from avatars.surface.garment.regions import HEAD, TRUNK, UPPER
from avatars.surface.garment.shell import grid_faces, two_layers
from avatars.surface.garment.tube import Sections, Tube, body_sections, even_azimuths, row_heights, surface_samples
from nfield.cameras import Cameras
from nfield.kernels.rasterize import Raster, rasterize

SIZE = (640, 640)
FOCAL = 940.0
_COLUMNS = 96
_SKIN, _TOP, _JEANS, _CLOTH = (220, 170, 140), (180, 40, 40), (40, 60, 120), (40, 140, 70)

Mesh = tuple[np.ndarray, np.ndarray]
"""Vertices, metres, and faces."""

Garb = Callable[[BodyModel, Body], Mesh]
"""Lays a garment around an upright body."""


@dataclass(frozen=True)
class Wearer:
    """A person in a photo, and the truth about what they wear."""

    garb: Garb | None
    pose: str
    rotations: Tensor
    translation: Tensor
    body: Body
    camera: Cameras
    photo: Tensor
    mask: Tensor


def photographed(model: BodyModel, garb: Garb | None, pose: str, yaw: float = 0.0) -> Wearer:
    rotations = named_pose(pose)
    turn = rotations_from_axis_angle(torch.tensor([math.pi, 0.0, 0.0]))
    rotations[0] = axis_angle_from_rotations(turn @ rotations_from_axis_angle(torch.tensor([0.0, yaw, 0.0])))
    translation = torch.tensor([0.0, -0.3, 3.4])
    body = model.pose(BodyPose(rotations, translation, torch.zeros(10)))
    matrix = torch.tensor([[[FOCAL, 0.0, SIZE[1] / 2], [0.0, FOCAL, SIZE[0] / 2], [0.0, 0.0, 1.0]]])
    camera = Cameras(matrix, torch.eye(4)[None], SIZE)
    vertices, faces = dressed_truth(model, garb, pose)
    root = body.joints_from_rest[0]
    raster = rasterize(vertices @ root[:, :3].T + root[:, 3], faces, matrix[0], SIZE)
    colours = torch.tensor([_colour(int(part)) for part in model.parts] + [_CLOTH] * (len(faces) - len(model.faces)))
    mask = raster.face >= 0
    photo = torch.where(mask[..., None], colours[raster.face.clamp_min(0)], 255).to(torch.uint8)
    return Wearer(garb, pose, rotations, translation, body, camera, photo, mask)


def dressed_truth(model: BodyModel, garb: Garb | None, pose: str) -> tuple[Tensor, Tensor]:
    """The upright person in any pose."""
    body = upright(model, pose)
    if garb is None:
        return body.vertices, model.faces
    points, faces = garb(model, body)
    vertices = torch.cat([body.vertices, torch.from_numpy(points).float()])
    return vertices, torch.cat([model.faces, torch.from_numpy(faces) + len(body.vertices)])


def upright(model: BodyModel, pose: str) -> Body:
    return model.pose(BodyPose(named_pose(pose), torch.zeros(3), torch.zeros(10)))


def seen_upright(vertices: Tensor, faces: Tensor, azimuth: float) -> Raster:
    """An upright person from around, degrees."""
    angle = math.radians(azimuth)
    turn = torch.tensor(
        [[math.cos(angle), 0.0, -math.sin(angle)], [0.0, 1.0, 0.0], [math.sin(angle), 0.0, math.cos(angle)]]
    )
    place = (vertices - torch.tensor([0.0, -0.3, 0.0])) @ turn.T * torch.tensor([1.0, -1.0, -1.0])
    matrix = torch.tensor([[500.0, 0.0, 160.0], [0.0, 500.0, 160.0], [0.0, 0.0, 1.0]])
    return rasterize(place + torch.tensor([0.0, 0.0, 3.2]), faces, matrix, (320, 320))


def overlap(first: Tensor, second: Tensor) -> float:
    return float((first & second).sum() / (first | second).sum())


def skirt(model: BodyModel, body: Body, *, hem: float = -0.77, flare: float = 0.14) -> Mesh:
    return _around_trunk(model, body, lambda t, _: 0.17 + flare * t, top=-0.12, hem=hem)


def long_skirt(model: BodyModel, body: Body) -> Mesh:
    return skirt(model, body, hem=-1.07, flare=0.18)


def closed_coat(model: BodyModel, body: Body) -> Mesh:
    return _around_trunk(model, body, lambda t, a: (0.19 + 0.07 * t) * _oval(a, 0.72), top=0.05, hem=-0.74)


def open_coat(model: BodyModel, body: Body) -> Mesh:
    return _around_trunk(model, body, lambda t, a: (0.19 + 0.12 * t) * _oval(a, 0.75), top=0.0, hem=-0.74, opening=0.55)


def long_hair(model: BodyModel, body: Body, *, width: float = 0.075) -> Mesh:
    """A curtain around the back and the sides of the head, down to the shoulder blades."""
    axis = (float(body.joints[15, 0]), float(body.joints[15, 2]) - 0.02)
    top = float(body.vertices[:, 1].max()) - 0.06
    head, upper = _sections(model, body, HEAD, axis), _sections(model, body, UPPER, axis)
    azimuths, heights = even_azimuths(_COLUMNS), row_heights(top, np.full(_COLUMNS, top - 0.34), 50)
    below = head.at(heights)
    radii = below[:1] + width * np.sqrt(np.linspace(0.0, 4.0, 50).clip(max=1.0))[:, None]
    radii = np.maximum(radii, np.where(heights > float(body.joints[15, 1]), below + 0.012, 0.0))
    radii[0] = below[0] - 0.004
    whole = upper.at(heights)
    radii = np.where(np.abs(azimuths) > 2.0, np.maximum(radii, whole + 0.012), radii)
    present = (np.abs(azimuths) > 1.15) & ((radii >= whole - 0.004) | (heights > float(body.joints[12, 1]) + 0.06))
    return _two_layers(Tube(axis, azimuths, heights, radii, present))


def wide_trousers(model: BodyModel, body: Body) -> Mesh:
    """A bell around each lower leg."""
    meshes: list[Mesh] = []
    for side, knee, ankle in (("left", 4, 7), ("right", 5, 8)):
        top, hem = float(body.joints[knee, 1]) + 0.05, float(body.joints[ankle, 1]) + 0.02
        axis = (float(body.joints[knee, 0]), float(body.joints[[knee, ankle], 2].mean()))
        sections = _sections(model, body, (f"{side} thigh", f"{side} leg"), axis)
        heights = row_heights(top, np.full(_COLUMNS, hem), 40)
        radii = np.maximum(sections.at(heights) + 0.01, 0.065 + 0.09 * np.linspace(0.0, 1.0, 40)[:, None])
        tube = Tube(axis, even_azimuths(_COLUMNS), heights, radii, np.ones(radii.shape, dtype=bool))
        meshes.append((tube.points().reshape(-1, 3), grid_faces(tube.present)))
    (first, one), (second, other) = meshes
    return np.concatenate([first, second]), np.concatenate([one, other + len(first)])


def _around_trunk(
    model: BodyModel,
    body: Body,
    free: Callable[[np.ndarray, np.ndarray], np.ndarray],
    *,
    top: float,
    hem: float,
    opening: float | None = None,
) -> Mesh:
    """A free shape of share of the way down and azimuth, pushed out of the posed legs."""
    axis = (float(body.joints[[1, 2], 0].mean()), 0.03)
    azimuths, heights = even_azimuths(_COLUMNS), row_heights(top, np.full(_COLUMNS, hem), 70)
    below = _sections(model, body, TRUNK, axis).at(heights)
    radii = np.maximum(below + 0.012, free(np.linspace(0.0, 1.0, 70)[:, None], azimuths[None]))
    radii[0] = below[0] - 0.005
    present = np.broadcast_to(np.abs(azimuths) > (-1.0 if opening is None else opening), radii.shape)
    tube = Tube(axis, azimuths, heights, radii, present.copy())
    return (tube.points().reshape(-1, 3), grid_faces(tube.present)) if opening is None else _two_layers(tube)


def _two_layers(tube: Tube) -> Mesh:
    points = tube.points()
    inner = points - 0.006 * tube.outward()
    both = np.concatenate([points.reshape(-1, 3), inner.reshape(-1, 3)])
    return both, two_layers(grid_faces(tube.present), len(both) // 2)


def _oval(azimuth: np.ndarray, depth: float) -> np.ndarray:
    return 1.0 / np.sqrt(np.sin(azimuth) ** 2 + (np.cos(azimuth) / depth) ** 2)


def _sections(model: BodyModel, body: Body, parts: tuple[str, ...], axis: tuple[float, float]) -> Sections:
    place, faces = body.vertices.double().numpy(), faces_of(model, parts, feet=False).numpy()
    height = place[np.unique(faces), 1]
    bottom, top = float(height.min()) + 0.01, float(height.max()) - 0.01
    samples = surface_samples(place, faces)
    return body_sections(samples, axis, even_azimuths(_COLUMNS), bottom=bottom, top=top).convex()


def _colour(part: int) -> tuple[int, int, int]:
    if part in (6, 7, 8, 9):
        return _JEANS
    return _TOP if part in (1, 2, 3) else _SKIN
