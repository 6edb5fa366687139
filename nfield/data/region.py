"""Which part of the world a scene's field covers: `box`, and inside it the first cascade, `inner`.

Files may state it; otherwise it follows from the cameras, from points on surfaces, and from silhouettes
(`nfield.data.hull`). The axes of a file are our axes.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.cameras import Cameras
from nfield.data.world import World
from nfield.errors import DataError
from nfield.types import Box

SYNTHETIC_HALF_EDGE = 1.5
"""NeRF-synthetic objects fit into a cube of 3 m around the origin (instant-ngp, whose scale is 0.33, takes 3.03 m)."""

INSTANT_NGP_SCALE = 0.33
INSTANT_NGP_OFFSET = (0.5, 0.5, 0.5)
_LARGEST_AABB_SCALE = 128
_ASSUMED_AABB_SCALE = 4.0
_CAMERA_MARGIN = 1.05
_INNER_SHARE = 0.5
_MOST_AXES = 256
_FEWEST_POINTS = 50
_MOST_POINTS = 100_000
_NEARLY_ALL = 0.95
_LEAST_RATIO, _MOST_RATIO = 2.0, 16.0
_LEAST_SINE = 0.05


class Region(NamedTuple):
    """Two concentric boxes: all that a field covers, and the subject."""

    box: Box
    inner: Box

    @property
    def center(self) -> Float[Tensor, "3"]:
        """The middle of both."""
        return 0.5 * (self.inner.low + self.inner.high)

    @staticmethod
    def cubes(center: Float[Tensor, "3"], half: float, *, ratio: float = 1.0) -> "Region":
        """Cubes around a point: the inner one of half edge `half`, the outer one `ratio` times as large."""
        return Region(
            Box(center - ratio * half, center + ratio * half),
            Box(center - half, center + half),
        )

    def moved(self, world: World) -> "Region":
        """The region of the user's world in the scene's, double precision."""
        return Region(_moved(self.box, world), _moved(self.inner, world))

    @property
    def single(self) -> "Region":
        """The region in single precision."""
        return Region(*(Box(box.low.to(torch.float32), box.high.to(torch.float32)) for box in self))


def _moved(box: Box, world: World) -> Box:
    low, high = (torch.from_numpy(world.scene_from_user(corner.double().numpy())) for corner in (box.low, box.high))
    return Box(low, high)


def synthetic_region() -> Region:
    """`box` and `inner` of a NeRF-synthetic object: one and the same cube around the origin."""
    box = Box.cube(SYNTHETIC_HALF_EDGE)
    return Region(box, box)


def instant_ngp_region(aabb_scale: float, *, scale: float, offset: tuple[float, float, float], where: str) -> Region:
    """`box` and `inner` of a file written for instant-ngp.

    Its own coordinates are `file * scale + offset`, its first cascade is [0, 1]^3 there and its box
    [0.5 - aabb_scale / 2, 0.5 + aabb_scale / 2]^3 (instant-ngp, docs/nerf_dataset_tips.md). In file units, our
    metres, that is a cube of half edge 0.5 * aabb_scale / scale around (0.5 - offset) / scale: around the origin
    with the defaults.

    Args:
        aabb_scale: Edge of the box in units of the first cascade, a power of two.
        scale: instant-ngp units per file unit.
        offset: Where the file's origin lies in instant-ngp's coordinates.
        where: The file, for messages.
    """
    if aabb_scale not in {2**n for n in range(_LARGEST_AABB_SCALE.bit_length())}:
        raise DataError(
            f"{where}: aabb_scale is {aabb_scale:g}, expected a power of two from 1 to {_LARGEST_AABB_SCALE}; "
            "take the smallest one whose box holds everything that the cameras see"
        )
    if scale <= 0.0:
        raise DataError(f"{where}: scale is {scale:g}, expected a positive number; remove it to take the default, 0.33")
    center = (0.5 - torch.tensor(offset, dtype=torch.float64)) / scale
    return Region.cubes(center, 0.5 / scale, ratio=aabb_scale)


def camera_region(cameras: Cameras, points: Float[Tensor, "n 3"] | None = None) -> Region:
    """`box` and `inner` of photographs: worked out from the cameras, and from points on surfaces where some are known.

    The first cascade is a cube around the point that the cameras look at, which reaches half way to most of them. The
    box is four times as large (`aabb_scale` 4), or as many times, a power of two, as nearly all points ask for; it
    holds every camera. A larger one would cost a field its detail.
    """
    center = focus_point(cameras)
    offsets = cameras.origins - center
    half = _INNER_SHARE * max(float(offsets.norm(dim=-1).median()), 1e-3)
    ratio = _ASSUMED_AABB_SCALE if points is None else _ratio(points, center, half)
    needed = _CAMERA_MARGIN * float(offsets.abs().max()) / half
    return Region.cubes(center, half, ratio=max(ratio, _power_of_two(needed)))


def _ratio(points: Float[Tensor, "n 3"], center: Float[Tensor, "3"], half: float) -> float:
    """The power of two by which the inner cube must grow to hold nearly all points."""
    if len(points) < _FEWEST_POINTS:
        return _ASSUMED_AABB_SCALE
    outer = float(torch.quantile((points[:: -(-len(points) // _MOST_POINTS)] - center).abs().amax(-1), _NEARLY_ALL))
    return min(max(_power_of_two(outer / half), _LEAST_RATIO), _MOST_RATIO)


def _power_of_two(least: float) -> float:
    return 2.0 ** max(math.ceil(math.log2(max(least, 1.0))), 0)


def moved_to_cameras(region: Region, cameras: Cameras) -> Region:
    """A stated region around the point that the cameras look at, instead of where it was stated."""
    half, ratio = 0.5 * float(region.inner.size.max()), float((region.box.size / region.inner.size).max())
    return Region.cubes(focus_point(cameras), half, ratio=ratio)


def is_seen(region: Region, cameras: Cameras, *, inside: bool = False) -> bool:
    """Whether a box holds the point that cameras look at, or half of the cameras; these only, with `inside`."""
    points = torch.cat([focus_point(cameras)[None], cameras.origins])
    unit = region.box.unit_from_world(points)
    held = ((unit >= 0.0) & (unit <= 1.0)).all(-1)
    return bool(held[0] and not inside) or bool(held[1:].float().mean() >= 0.5)


def focus_point(cameras: Cameras) -> Float[Tensor, "3"]:
    """The point that the cameras look at, metres.

    For each pair of optical axes take the middle between their closest points; the median of those that lie before
    both cameras. Nearly parallel pairs say nothing; where all are, the point lies one baseline before the mean camera.
    """
    step = max(1, -(-len(cameras) // _MOST_AXES))
    origins = cameras.origins[::step].to(torch.float64)
    axes = torch.nn.functional.normalize(cameras.world_from_camera[::step, :3, 2].to(torch.float64), dim=-1)
    first, second = torch.triu_indices(len(origins), len(origins), offset=1)
    between = origins[second] - origins[first]
    cosine = (axes[first] * axes[second]).sum(-1)
    along_first, along_second = (between * axes[first]).sum(-1), (between * axes[second]).sum(-1)
    square_sine = (1.0 - cosine * cosine).clamp_min(1e-12)
    depth_first = (along_first - cosine * along_second) / square_sine
    depth_second = (cosine * along_first - along_second) / square_sine
    middle = 0.5 * (
        origins[first] + depth_first[:, None] * axes[first] + origins[second] + depth_second[:, None] * axes[second]
    )
    valid = (square_sine > _LEAST_SINE**2) & (depth_first > 0.0) & (depth_second > 0.0)
    if not valid.any():
        mean = origins.mean(0)
        baseline = (origins - mean).norm(dim=-1).max()
        return (mean + baseline * axes.mean(0)).to(torch.float32)
    return middle[valid].median(0).values.to(torch.float32)
