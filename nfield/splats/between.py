"""Cameras between and around others, from where nobody took a picture."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.cameras import Cameras

_NEIGHBOURS = 6
_STRAY = 0.15
"""How far cameras are moved off the line between two, over the distance of these."""
_LEAST_EDGE = 16
_LEAST_FOCAL = 0.35
"""Over the longer edge: no more than 110 degrees are seen at once."""


def pinholes(cameras: Cameras, edge: int) -> Cameras:
    """Ideal pinholes that see about what cameras of any lens see, in images of one size.

    Args:
        cameras: Any.
        edge: Pixels along the longer edge of the images.
    """
    longest = max(cameras.size)
    height, width = (max(_LEAST_EDGE, round(extent * edge / longest)) for extent in cameras.size)
    each = torch.arange(len(cameras))
    scale = edge / cameras.extents(each).amax(-1)
    focal = (cameras.focal_lengths.amin(-1) * scale).clamp_min(_LEAST_FOCAL * edge)
    matrices = torch.zeros(len(cameras), 3, 3)
    matrices[:, 0, 0], matrices[:, 1, 1], matrices[:, 2, 2] = focal, focal, 1.0
    matrices[:, 0, 2], matrices[:, 1, 2] = 0.5 * width, 0.5 * height
    return Cameras(matrices, cameras.world_from_camera, (height, width))


def cameras_between(cameras: Cameras, count: int, *, generator: torch.Generator) -> Cameras:
    """Ideal pinholes that stand near the lines between neighbours, and look as these do.

    Args:
        cameras: At least one; lenses are taken from them, without distortion.
        count: How many are drawn.
        generator: Draws them.
    """
    first = torch.randint(len(cameras), (count,), generator=generator)
    neighbours = _neighbours(cameras)
    second = neighbours[first, torch.randint(neighbours.shape[1], (count,), generator=generator)]
    share = torch.rand(count, 1, generator=generator)
    start, end = cameras.world_from_camera[first], cameras.world_from_camera[second]
    apart = (end[:, :3, 3] - start[:, :3, 3]).norm(dim=-1, keepdim=True)
    stray = _STRAY * apart * torch.randn(count, 3, generator=generator)
    pose = start.clone()
    pose[:, :3, 3] = torch.lerp(start[:, :3, 3], end[:, :3, 3], share) + stray
    pose[:, :3, :3] = nearest_rotations(torch.lerp(start[:, :3, :3], end[:, :3, :3], share[..., None]))
    return Cameras(cameras.intrinsics[first], pose, cameras.size)


def nearest_rotations(matrices: Float[Tensor, "k 3 3"]) -> Float[Tensor, "k 3 3"]:
    """The rotation nearest to each matrix (Kabsch)."""
    left, _, right = torch.linalg.svd(matrices)
    turn = left @ right
    flip = torch.where(torch.linalg.det(turn) < 0.0, -1.0, 1.0).to(left)
    return left * torch.stack([torch.ones_like(flip), torch.ones_like(flip), flip], -1)[:, None] @ right


def _neighbours(cameras: Cameras) -> Int[Tensor, "k n"]:
    """Of each camera those that stand next to it; itself where there is no other."""
    count = min(_NEIGHBOURS + 1, len(cameras))
    index = torch.cdist(cameras.origins, cameras.origins).topk(count, largest=False).indices
    return index if count == 1 else index[:, 1:]
