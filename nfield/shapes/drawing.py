"""Pictures of surfaces and of distances: shaded meshes, and slices with lines of equal distance."""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from trimesh import Trimesh

from nfield.cameras import Cameras, Orbit
from nfield.fields.signal import Signal
from nfield.kernels.rasterize import rasterize
from nfield.rendering.image import Image, ShouldStop, never
from nfield.shapes.task import CHUNK, distances

BACKGROUND = 1.0
FIELD_OF_VIEW = 0.7
"""From the upper to the lower edge of a picture, radians."""
DISTANCE = 3.0
"""Of the camera from the middle of the cube: all of a mesh is seen."""

_LIGHT = (0.4, -0.7, -0.6)
"""Towards the light, in the camera's frame: from above on the right, behind the camera."""
_AMBIENT = 0.25
_SURFACE = (0.86, 0.80, 0.72)
_INSIDE, _OUTSIDE = (0.25, 0.45, 0.85), (0.95, 0.65, 0.25)
_SPACING = 0.05
_LINE = 0.12
_FADE = 3.0


def orbit(size: tuple[int, int]) -> Orbit:
    """Cameras around a mesh, a little from above.

    Args:
        size: Height and width of their pictures, pixels.
    """
    focal = 0.5 * min(size) / math.tan(0.5 * FIELD_OF_VIEW)
    start = torch.nn.functional.normalize(torch.tensor([0.0, 0.25, 1.0]), dim=0) * DISTANCE
    return Orbit(torch.zeros(3), torch.tensor([0.0, 1.0, 0.0]), start, focal, size)


def front(size: tuple[int, int]) -> Cameras:
    """One camera before a mesh, on the side of +z."""
    return orbit(size).cameras(1)


def drawn(mesh: Trimesh, camera: Cameras, size: tuple[int, int]) -> Image:
    """A mesh lit from beside the camera, with the normals of its vertices, both sides alike.

    Args:
        mesh: In the camera's world.
        camera: One.
        size: Height and width, pixels.
    """
    shown = camera.resized(size)
    pose = shown.world_from_camera[0]
    vertices, faces = _floats(mesh.vertices), torch.from_numpy(np.array(mesh.faces)).long()
    raster = rasterize((vertices - pose[:3, 3]) @ pose[:3, :3], faces, shown.intrinsics[0], size)
    normals = torch.nn.functional.normalize(
        raster.interpolate(_floats(mesh.vertex_normals), faces) @ pose[:3, :3], dim=-1
    )
    light = torch.nn.functional.normalize(torch.tensor(_LIGHT), dim=0)
    facing = torch.where(normals[..., 2:] > 0.0, -normals, normals)
    shade = _AMBIENT + (1.0 - _AMBIENT) * (0.5 + 0.5 * facing @ light) ** 2
    seen = raster.face >= 0
    color = torch.where(seen[..., None], shade[..., None] * torch.tensor(_SURFACE), torch.tensor(BACKGROUND))
    return Image(color.clamp(0.0, 1.0), seen.float(), raster.depth * _per_depth(shown, size))


def slice_through(
    signal: Signal, axis: int, camera: Cameras, size: tuple[int, int], should_stop: ShouldStop = never
) -> Image | None:
    """The plane through the middle of the cube across an axis: blue inside, orange outside, lines of equal distance.

    Args:
        signal: Gives distances.
        axis: 0, 1 or 2.
        camera: One.
        size: Height and width, pixels.
        should_stop: Asked between parts; None is given where it says so.
    """
    points, away = _on_plane(camera.resized(size), axis)
    met = (away > 0.0) & (points.abs() <= 1.0).all(-1)
    color = torch.full((len(points), 3), BACKGROUND)
    for part in met.nonzero()[:, 0].split(CHUNK // 4):
        if should_stop():
            return None
        color[part] = iso_colors(distances(signal, points[part]))
    opacity = met.float()
    return Image(color.view(*size, 3), opacity.view(size), torch.where(met, away, 0.0).view(size))


def iso_colors(distance: Float[Tensor, "n"]) -> Float[Tensor, "n 3"]:
    """Colours of distances in the cube's unit: lines every 0.05, a black one at 0, paler with the distance."""
    side = torch.where(distance[:, None] < 0.0, torch.tensor(_INSIDE), torch.tensor(_OUTSIDE))
    pale = 1.0 - torch.exp(-_FADE * distance.abs())
    color = torch.lerp(side, torch.ones(3), 0.8 * pale[:, None])
    turns = distance / _SPACING
    from_line = (turns - turns.round()).abs()
    color = torch.where((from_line < 0.5 * _LINE)[:, None], 0.75 * color, color)
    return torch.where((turns.abs() < _LINE)[:, None], torch.zeros(3), color)


def _on_plane(camera: Cameras, axis: int) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n"]]:
    """Where each pixel's ray meets a plane, and how far away."""
    height, width = camera.size
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    pixels = torch.stack([columns, rows], -1).reshape(-1, 2)
    origins, dirs = camera.directions(torch.zeros(len(pixels), dtype=torch.int64), pixels)
    steep = torch.where(dirs[:, axis].abs() < 1e-9, torch.full_like(dirs[:, axis], 1e-9), dirs[:, axis])
    away = -origins[:, axis] / steep
    return origins + away[:, None] * dirs, away


def _per_depth(camera: Cameras, size: tuple[int, int]) -> Float[Tensor, "h w"]:
    """Distance along each pixel's ray over the depth along the optical axis."""
    height, width = size
    focal, middle = camera.intrinsics[0, [0, 1], [0, 1]], camera.intrinsics[0, :2, 2]
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    plane = (torch.stack([columns, rows], -1) - middle) / focal
    return (1.0 + plane.square().sum(-1)).sqrt()


def _floats(values: np.ndarray) -> Float[Tensor, "n 3"]:
    return torch.from_numpy(np.array(values)).float()
