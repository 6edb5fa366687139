"""Cameras with any lens of `nfield.lenses`, pixels to rays, and orbits.

Camera frame: +x right, +y down, +z forward (OpenCV). Pixel centres lie at +0.5.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.lenses import Projection, directions_of, distort, in_reach, plane_of, undistort
from nfield.types import Box, Rays

_FAR_AWAY = 1e6


@dataclass(frozen=True)
class Cameras:
    """k cameras; mostly they share one image size and one kind of lens.

    Attributes:
        intrinsics: 3x3 matrices in pixels of each camera's image.
        world_from_camera: Rigid 4x4 transforms.
        size: Image height and width in pixels; where `sizes` says that they differ, those of the largest.
        distortion: Of each camera, the first d of `nfield.lenses.COEFFICIENTS` (k1, k2, p1, p2 come first); None for
            ideal lenses.
        projection: The `Projection` of each camera; None where all are in perspective.
        sizes: Image height and width of each camera; None where all have `size`.
    """

    intrinsics: Float[Tensor, "k 3 3"]
    world_from_camera: Float[Tensor, "k 4 4"]
    size: tuple[int, int]
    distortion: Float[Tensor, "k d"] | None = None
    projection: Int[Tensor, "k"] | None = None
    sizes: Int[Tensor, "k 2"] | None = None

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
        distortion, projection, sizes = (
            None if part is None else part[index] for part in (self.distortion, self.projection, self.sizes)
        )
        return Cameras(self.intrinsics[index], self.world_from_camera[index], self.size, distortion, projection, sizes)

    def size_of(self, index: int) -> tuple[int, int]:
        """Image height and width of one camera, pixels."""
        if self.sizes is None:
            return self.size
        height, width = self.sizes[index].tolist()
        return height, width

    def extents(self, camera: Int[Tensor, "r"]) -> Float[Tensor, "r 2"]:
        """Width and height, pixels, of the images of some cameras."""
        if self.sizes is not None:
            return self.sizes[camera].flip(-1).to(self.intrinsics)
        return self.intrinsics.new_tensor([self.size[1], self.size[0]]).expand(len(camera), 2)

    @property
    def origins(self) -> Float[Tensor, "k 3"]:
        """Optical centres in the world frame, metres."""
        return self.world_from_camera[:, :3, 3]

    @property
    def focal_lengths(self) -> Float[Tensor, "k 2"]:
        """Horizontal and vertical focal length of each camera, pixels."""
        return torch.stack([self.intrinsics[:, 0, 0], self.intrinsics[:, 1, 1]], -1)

    def resized(self, size: tuple[int, int]) -> "Cameras":
        """The same cameras, whose images have one size, with images of another (height, width)."""
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
        in_camera = directions_of(plane, None if self.projection is None else self.projection[camera])
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
        height, width = self.size_of(index)
        device = self.intrinsics.device
        rows, columns = torch.meshgrid(
            torch.arange(height, device=device) + 0.5, torch.arange(width, device=device) + 0.5, indexing="ij"
        )
        pixels = torch.stack([columns, rows], -1).reshape(-1, 2)
        camera = torch.full((height * width,), index, device=device)
        return self.rays(camera, pixels, box=box, near=near)

    def project(self, points: Float[Tensor, "n 3"], index: int) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n"]]:
        """Image points (column, row) and distances, metres, of world points in one camera.

        Distances are along the optical axis in perspective, from the optical centre otherwise. Points that distortion
        would fold back into the image are at infinity.
        """
        pose = self.world_from_camera[index]
        in_camera = (points - pose[:3, 3]) @ pose[:3, :3]
        plane, depth = plane_of(in_camera, self.projection_of(index))
        if self.distortion is not None:
            shown = in_reach(plane, self.distortion[index])
            plane = distort(plane, self.distortion[index].expand(len(plane), -1))
            plane = torch.where(shown[:, None], plane, torch.full_like(plane, torch.inf))
        return plane * self.focal_lengths[index] + self.intrinsics[index, :2, 2], depth

    def projection_of(self, index: int) -> Projection:
        """What kind of lens one camera has."""
        return Projection.PERSPECTIVE if self.projection is None else Projection(int(self.projection[index]))


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
