"""Which triangles of a mesh can be seen from outside: the mouth's cavity and the eyes' sockets cannot."""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nfield.cameras import Cameras, look_at
from nfield.kernels.rasterize import rasterize

_DIRECTIONS = 48
_PIXELS = 300
_FAR = 16.0
"""Distance of the cameras in radii of what they look at."""
_GOLDEN_ANGLE = math.pi * (1.0 + math.sqrt(5.0))


def visible_faces(
    vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"], asked: Bool[Tensor, "t"]
) -> Bool[Tensor, "t"]:
    """Which of the triangles asked for a camera sees from any of many directions; all others count as visible.

    Args:
        vertices: Metres.
        faces: Corners of each triangle.
        asked: Triangles that may be hidden. What is only hidden in some poses, such as armpits, is not to be asked.
    """
    if not bool(asked.any()):
        return torch.ones_like(asked)
    points = vertices[faces[asked]].reshape(-1, 3)
    middle = 0.5 * (points.amin(0) + points.amax(0))
    radius = float((points - middle).norm(dim=-1).max())
    focal = 0.48 * _PIXELS * _FAR
    visible = ~asked
    for direction in _directions():
        pose = look_at((middle + direction * radius * _FAR)[None], middle, torch.tensor([0.0, 0.8, 0.6]))[0]
        camera = Cameras.pinhole(focal, (_PIXELS, _PIXELS))
        in_camera = (vertices - pose[:3, 3]) @ pose[:3, :3]
        face = rasterize(in_camera, faces, camera.intrinsics[0], camera.size).face
        visible[face[face >= 0]] = True
    return visible


def _directions() -> Float[Tensor, "k 3"]:
    """Unit vectors spread evenly over the sphere (Fibonacci lattice)."""
    number = torch.arange(_DIRECTIONS) + 0.5
    height = 1.0 - 2.0 * number / _DIRECTIONS
    flat, turn = (1.0 - height * height).sqrt(), number * _GOLDEN_ANGLE
    return torch.stack([turn.cos() * flat, height, turn.sin() * flat], -1)
