"""Which part of the world a scene's field covers: `box`, and inside it the first cascade, `inner`.

The world of a file is kept as it is: its unit is our metre, its axes are our axes. Only the boxes differ.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.cameras import Cameras
from nfield.errors import DataError
from nfield.types import Box

SYNTHETIC_HALF_EDGE = 1.5
"""NeRF-synthetic objects fit into a cube of 3 m around the origin (instant-ngp, whose scale is 0.33, takes 3.03 m)."""

INSTANT_NGP_SCALE = 0.33
INSTANT_NGP_OFFSET = (0.5, 0.5, 0.5)
_LARGEST_AABB_SCALE = 128
_ASSUMED_AABB_SCALE = 4
_CAMERA_MARGIN = 1.1
_MOST_AXES = 256
_LEAST_SINE = 0.05


def synthetic_region() -> tuple[Box, Box]:
    """`box` and `inner` of a NeRF-synthetic object: one and the same cube around the origin."""
    box = Box.cube(SYNTHETIC_HALF_EDGE)
    return box, box


def instant_ngp_region(
    aabb_scale: float, *, scale: float, offset: tuple[float, float, float], where: str
) -> tuple[Box, Box]:
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
    center = ((0.5 - offset[0]) / scale, (0.5 - offset[1]) / scale, (0.5 - offset[2]) / scale)
    half = 0.5 / scale
    return Box.cube(aabb_scale * half, center=center), Box.cube(half, center=center)


def camera_region(cameras: Cameras) -> tuple[Box, Box]:
    """`box` and `inner` where the file says nothing: worked out from the cameras.

    The first cascade is a cube around the point that the cameras look at, just large enough to hold every camera with
    a margin of a tenth; the box is four times as large (`aabb_scale` 4).
    """
    center = focus_point(cameras)
    reach = float((cameras.origins - center).abs().max())
    half = torch.tensor(_CAMERA_MARGIN * max(reach, 1e-3))
    outer = _ASSUMED_AABB_SCALE * half
    return Box(center - outer, center + outer), Box(center - half, center + half)


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
