"""Square cut-outs of a photo, possibly turned, as the pose nets expect them.

Inside this package image points are (column, row) with the centre of the first pixel at (0, 0), and cut-outs are
plain bilinear samples whose pixel (u, v) lies at the image of (u, v): MediaPipe's convention, under which the nets
were trained (smoothed or half-pixel cut-outs cost accuracy). `Person` converts points to the project's +0.5.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_PERSON_SCALE = 1.25
_TILE_STEP = 0.5


@dataclass(frozen=True)
class Crop:
    """A square of a photo.

    Attributes:
        center: Its middle (column, row), pixels.
        size: Length of its edge, pixels of the photo.
        angle: How far it is turned, radians; positive turns the crop's columns from right towards down.
        resolution: Pixels along its edge once it is cut out.
    """

    center: tuple[float, float]
    size: float
    angle: float
    resolution: int

    @property
    def rotation(self) -> Float[Tensor, "2 2"]:
        """Turns directions of the crop into directions of the photo."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)

    def image_from_crop(self, points: Float[Tensor, "n 2"]) -> Float[Tensor, "n 2"]:
        """Points of the cut-out, in its pixels, as points of the photo."""
        middle = torch.tensor(self.center, dtype=torch.float64)
        offsets = (points.double() - self.resolution / 2) * (self.size / self.resolution)
        return (middle + offsets @ self.rotation.T).to(points)

    def crop_from_image(self, points: Float[Tensor, "n 2"]) -> Float[Tensor, "n 2"]:
        """The inverse of `image_from_crop`."""
        offsets = points.double() - torch.tensor(self.center, dtype=torch.float64)
        return (offsets @ self.rotation * (self.resolution / self.size) + self.resolution / 2).to(points)

    def cut(self, image: Float[Tensor, "1 c h w"], *, outside: str) -> Float[Tensor, "1 c r r"]:
        """The cut-out; `outside` the photo lie "zeros" or the "border" colour."""
        points = self.image_from_crop(_pixels(self.resolution, self.resolution))
        return _sample(image, points, (self.resolution, self.resolution), outside)

    def paste(self, plane: Float[Tensor, "r r"], size: tuple[int, int]) -> Float[Tensor, "h w"]:
        """A result over the cut-out, put back into a photo of (height, width) `size`; 0 around it."""
        points = self.crop_from_image(_pixels(*size))
        return _sample(plane[None, None], points, size, "zeros")[0, 0]


def person_crop(hips: Float[Tensor, "2"], rim: Float[Tensor, "2"], resolution: int) -> Crop:
    """The square around a person, turned upright.

    Args:
        hips: Middle of the hips, (column, row).
        rim: A point above the head on the circle around the hips that holds the person.
        resolution: Pixels along the edge of the cut-out.
    """
    right, down = (rim - hips).double().tolist()
    turn = math.pi / 2 - math.atan2(-down, right)
    angle = turn - 2 * math.pi * math.floor((turn + math.pi) / (2 * math.pi))
    size = 2 * _PERSON_SCALE * math.hypot(right, down)
    return Crop((float(hips[0]), float(hips[1])), size, angle, resolution)


def tiles(size: tuple[int, int], fraction: float, resolution: int) -> list[Crop]:
    """Half-overlapping squares over a photo, each `fraction` of its long side; one square where that is enough.

    >>> [tile.center for tile in tiles((100, 200), 1.0, 224)]
    [(100.0, 50.0)]
    """
    edge = max(size) * fraction
    return [
        Crop((column, row), edge, 0.0, resolution)
        for row in _centers(size[0], edge)
        for column in _centers(size[1], edge)
    ]


def _centers(length: int, edge: float) -> list[float]:
    if length <= edge:
        return [length / 2]
    count = math.ceil((length - edge) / (edge * _TILE_STEP)) + 1
    return torch.linspace(edge / 2, length - edge / 2, count, dtype=torch.float64).tolist()


def _pixels(height: int, width: int) -> Float[Tensor, "n 2"]:
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([columns, rows], -1).reshape(-1, 2).float()


def _sample(
    planes: Float[Tensor, "1 c h w"], points: Float[Tensor, "n 2"], size: tuple[int, int], outside: str
) -> Float[Tensor, "1 c oh ow"]:
    height, width = planes.shape[2:]
    unit = points * points.new_tensor([2 / (width - 1), 2 / (height - 1)]) - 1
    return F.grid_sample(planes, unit.reshape(1, *size, 2), mode="bilinear", padding_mode=outside, align_corners=True)
