"""Pinhole cameras with OpenCV distortion, pixels to rays, and orbits.

Camera frame: +x right, +y down, +z forward (OpenCV). Pixel centres lie at +0.5.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.types import Box, Rays

_UNDISTORT_STEPS = 12
_FAR_AWAY = 1e6


@dataclass(frozen=True)
class Cameras:
    """k cameras that share one image size.

    Attributes:
        intrinsics: 3x3 matrices in pixels of `size`.
        world_from_camera: Rigid 4x4 transforms.
        size: Image height and width in pixels.
        distortion: OpenCV k1, k2, p1, p2 of each camera; None for ideal pinholes.
    """

    intrinsics: Float[Tensor, "k 3 3"]
    world_from_camera: Float[Tensor, "k 4 4"]
    size: tuple[int, int]
    distortion: Float[Tensor, "k 4"] | None = None

    @staticmethod
    def pinhole(
        focal: float,
        size: tuple[int, int],
        *,
        world_from_camera: Float[Tensor, "k 4 4"] | None = None,
        center: tuple[float, float] | None = None,
    ) -> "Cameras":
        """Ideal pinholes with square pixels: one at the origin of its own frame, or one for each given transform.

        Args:
            focal: Focal length, pixels.
            size: Image height and width, pixels.
            world_from_camera: Where the cameras stand; None for one whose frame is the world's.
            center: Column and row of the principal point; None for the middle of the image.

        >>> Cameras.pinhole(50.0, (48, 64)).intrinsics[0].tolist()
        [[50.0, 0.0, 32.0], [0.0, 50.0, 24.0], [0.0, 0.0, 1.0]]
        """
        pose = torch.eye(4)[None] if world_from_camera is None else world_from_camera
        column, row = (size[1] / 2, size[0] / 2) if center is None else center
        matrix = pose.new_tensor([[focal, 0.0, column], [0.0, focal, row], [0.0, 0.0, 1.0]])
        return Cameras(matrix.repeat(len(pose), 1, 1), pose, size)

    def __len__(self) -> int:
        return self.intrinsics.shape[0]

    def __getitem__(self, index: slice | Tensor) -> "Cameras":
        distortion = None if self.distortion is None else self.distortion[index]
        return Cameras(self.intrinsics[index], self.world_from_camera[index], self.size, distortion)

    @property
    def origins(self) -> Float[Tensor, "k 3"]:
        """Optical centres in the world frame, metres."""
        return self.world_from_camera[:, :3, 3]

    @property
    def focal_lengths(self) -> Float[Tensor, "k 2"]:
        """Horizontal and vertical focal length of each camera, pixels."""
        return torch.stack([self.intrinsics[:, 0, 0], self.intrinsics[:, 1, 1]], -1)

    def resized(self, size: tuple[int, int]) -> "Cameras":
        """The same cameras with images of another (height, width)."""
        scale = self.intrinsics.new_tensor([size[1] / self.size[1], size[0] / self.size[0], 1.0])
        return replace(self, intrinsics=self.intrinsics * scale[:, None], size=size)

    def columns(self, first: int, last: int) -> "Cameras":
        """The same cameras with the columns from `first` up to, but without, `last` of their images only."""
        shift = self.intrinsics.new_tensor([[0.0, 0.0, float(first)], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        return replace(self, intrinsics=self.intrinsics - shift, size=(self.size[0], last - first))

    def directions(
        self, camera: Int[Tensor, "r"], pixels: Float[Tensor, "r 2"]
    ) -> tuple[Float[Tensor, "r 3"], Float[Tensor, "r 3"]]:
        """Origins and unit directions, in the world frame, through image points.

        Args:
            camera: Which camera each ray belongs to.
            pixels: Column and row of each image point; the centre of the first pixel is (0.5, 0.5).
        """
        plane = (pixels - self.intrinsics[camera, :2, 2]) / self.focal_lengths[camera]
        if self.distortion is not None:
            plane = undistort(plane, self.distortion[camera])
        in_camera = torch.cat([plane, torch.ones_like(plane[:, :1])], -1)
        pose = self.world_from_camera[camera]
        dirs = (pose[:, :3, :3] @ in_camera[:, :, None])[:, :, 0]
        return pose[:, :3, 3].contiguous(), torch.nn.functional.normalize(dirs, dim=-1)

    def rays(self, camera: Int[Tensor, "r"], pixels: Float[Tensor, "r 2"], *, box: Box, near: float = 0.0) -> Rays:
        """Rays through image points, clipped to `box` and to distances of at least `near` metres."""
        origins, dirs = self.directions(camera, pixels)
        start, end = intersect_box(origins, dirs, box)
        start = start.clamp_min(near)
        return Rays(origins, dirs, start, torch.maximum(end, start))

    def image_rays(self, index: int, *, box: Box, near: float = 0.0) -> Rays:
        """Rays of every pixel of one camera, row by row."""
        height, width = self.size
        device = self.intrinsics.device
        rows, columns = torch.meshgrid(
            torch.arange(height, device=device) + 0.5, torch.arange(width, device=device) + 0.5, indexing="ij"
        )
        pixels = torch.stack([columns, rows], -1).reshape(-1, 2)
        camera = torch.full((height * width,), index, device=device)
        return self.rays(camera, pixels, box=box, near=near)

    def project(self, points: Float[Tensor, "n 3"], index: int) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n"]]:
        """Image points (column, row) and depth along the optical axis, metres, of world points in one camera."""
        pose = self.world_from_camera[index]
        in_camera = (points - pose[:3, 3]) @ pose[:3, :3]
        depth = in_camera[:, 2]
        plane = in_camera[:, :2] / depth.clamp_min(1e-9)[:, None]
        if self.distortion is not None:
            plane = distort(plane, self.distortion[index].expand(len(plane), 4))
        return plane * self.focal_lengths[index] + self.intrinsics[index, :2, 2], depth


def distort(plane: Float[Tensor, "n 2"], coefficients: Float[Tensor, "n 4"]) -> Float[Tensor, "n 2"]:
    """OpenCV's radial and tangential distortion of points on the plane z = 1 (k1, k2, p1, p2)."""
    k1, k2, p1, p2 = coefficients.unbind(-1)
    x, y = plane.unbind(-1)
    square = x * x + y * y
    radial = 1.0 + square * (k1 + square * k2)
    return torch.stack(
        [
            x * radial + 2.0 * p1 * x * y + p2 * (square + 2.0 * x * x),
            y * radial + p1 * (square + 2.0 * y * y) + 2.0 * p2 * x * y,
        ],
        -1,
    )


def undistort(plane: Float[Tensor, "n 2"], coefficients: Float[Tensor, "n 4"]) -> Float[Tensor, "n 2"]:
    """The inverse of `distort` by fixed-point iteration (as in OpenCV's undistortPoints)."""
    ideal = plane
    for _ in range(_UNDISTORT_STEPS):
        ideal = ideal - (distort(ideal, coefficients) - plane)
    return ideal


def intersect_box(
    origins: Float[Tensor, "r 3"], dirs: Float[Tensor, "r 3"], box: Box
) -> tuple[Float[Tensor, "r"], Float[Tensor, "r"]]:
    """Distances, metres, at which rays enter and leave a box; equal where a ray misses it (slab method)."""
    safe = torch.where(dirs.abs() < 1e-12, torch.full_like(dirs, 1e-12), dirs)
    first = (box.low.to(origins) - origins) / safe
    second = (box.high.to(origins) - origins) / safe
    start = torch.minimum(first, second).amax(-1).clamp_min(0.0)
    end = torch.maximum(first, second).amin(-1).clamp_max(_FAR_AWAY)
    return start, torch.maximum(start, end)


def look_at(
    origins: Float[Tensor, "k 3"], target: Float[Tensor, "3"], up: Float[Tensor, "3"]
) -> Float[Tensor, "k 4 4"]:
    """world_from_camera transforms of cameras that look from `origins` at `target` with `up` upwards in the image."""
    forward = torch.nn.functional.normalize(target - origins, dim=-1)
    right = torch.nn.functional.normalize(torch.linalg.cross(forward, up.expand_as(forward)), dim=-1)
    down = torch.linalg.cross(forward, right)
    pose = torch.eye(4, dtype=origins.dtype, device=origins.device).repeat(len(origins), 1, 1)
    pose[:, :3, :3] = torch.stack([right, down, forward], -1)
    pose[:, :3, 3] = origins
    return pose


@dataclass(frozen=True)
class Orbit:
    """A horizontal circle of cameras around a point, or a part of it.

    Attributes:
        target: The point that every camera looks at, metres.
        up: Unit vector of the circle's axis.
        start: Vector from the target to the first camera, metres; its length is the distance.
        focal: Focal length in pixels.
        size: Image height and width in pixels.
        arc: Angle that the cameras cover, radians. Less than a full turn is swung through to both sides of `start`.
    """

    target: Float[Tensor, "3"]
    up: Float[Tensor, "3"]
    start: Float[Tensor, "3"]
    focal: float
    size: tuple[int, int]
    arc: float = 2.0 * math.pi

    def cameras(self, count: int) -> Cameras:
        """`count` cameras at equal angles, turning counter-clockwise as seen from above; or one swing to and fro."""
        turn = torch.arange(count, dtype=torch.float32) * (2.0 * math.pi / count)
        angles = turn if self.arc >= 2.0 * math.pi else 0.5 * self.arc * turn.sin()
        along = (self.start @ self.up) * self.up
        across = self.start - along
        side = torch.linalg.cross(self.up, across)
        offsets = along + angles.cos()[:, None] * across + angles.sin()[:, None] * side
        poses = look_at(self.target + offsets, self.target, self.up)
        return Cameras.pinhole(self.focal, self.size, world_from_camera=poses)
