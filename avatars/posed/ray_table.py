"""A warp tabulated along the rays of one camera, because a fit sends the same rays through it again and again."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.cameras import Cameras
from nfield.fields.warped import Warp, Warped
from nfield.types import Rays, Samples

_CHUNK = 1 << 19
_SAME_LIMB = 0.02  # metres at rest between two neighbouring steps


@dataclass(frozen=True)
class RayTableConfig:
    """How finely a warp is tabulated."""

    step: float = 0.004
    """Distance between two entries along a ray, metres."""


class RayTable(Warp):
    """Canonical points along the rays through the centres of a camera's pixels, interpolated between steps.

    Args:
        warp: What is tabulated.
        camera: Whose rays; one camera, whose world is its own frame.
        rays: Rays through the centres of some pixels.
        pixel: The pixel of each ray, counted row by row; no other pixel's points are present.
        steps: Even steps along the rays at which the warp is worth evaluating.
        config: Options.
    """

    def __init__(
        self,
        warp: Warp,
        camera: Cameras,
        rays: Rays,
        pixel: Int[Tensor, "r"],
        steps: Samples,
        config: RayTableConfig,
    ) -> None:
        super().__init__()
        self.config, self._size = config, camera.size
        self._matrix = camera.intrinsics[0]
        ray, index, count, first = _steps_of(rays, steps, config.step)
        height, width = camera.size
        # One row more, which holds nothing: that of pixels without a ray.
        self._row = torch.full((height * width,), len(rays), device=pixel.device)
        self._row[pixel] = torch.arange(len(rays), device=pixel.device)
        self._near = torch.cat([rays.near + first * config.step, rays.near.new_zeros(1)])
        self._count = torch.cat([count, count.new_zeros(1)])
        self._start = self._count.cumsum(0) - self._count
        # Place at rest, presence, core.
        self._entries = rays.near.new_zeros(int(self._count.sum()) + 1, 5)
        self._has_core = False
        entry = self._start[ray] + index - first[ray]
        needed = torch.zeros(len(self._entries), dtype=torch.bool, device=pixel.device)
        # The step after each found one closes its interval.
        needed[entry], needed[entry + 1] = True, True
        self._fill(warp, rays, needed.nonzero()[:, 0])

    @torch.no_grad()
    def to_canonical(self, points: Float[Tensor, "n 3"]) -> Warped:
        """Points at rest, metres, of points on the tabulated rays. Not differentiable."""
        height, width = self._size
        matrix, depth = self._matrix, points[:, 2].clamp_min(1e-6)
        column = (points[:, 0] / depth * matrix[0, 0] + matrix[0, 2]).long()
        row = (points[:, 1] / depth * matrix[1, 1] + matrix[1, 2]).long()
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        ray = self._row[torch.where(inside, row * width + column, 0)]
        ray = torch.where(inside, ray, len(self._count) - 1)
        step = (points.norm(dim=-1) - self._near[ray]) / self.config.step
        whole = step.floor()
        known = (step >= 0.0) & (whole < self._count[ray] - 1)
        index = torch.where(known, self._start[ray] + whole.long(), len(self._entries) - 1)
        lower = self._entries[index]
        upper = self._entries[torch.where(known, index + 1, index)]
        moved, presence, core = _between(lower, upper, (step - whole)[:, None]).split([3, 1, 1], -1)
        return Warped(moved, presence[:, 0], core[:, 0] if self._has_core else None)

    def _fill(self, warp: Warp, rays: Rays, entries: Int[Tensor, "m"]) -> None:
        """Evaluates the warp at some entries."""
        owner = torch.repeat_interleave(torch.arange(len(self._count), device=entries.device), self._count)
        for part in entries.split(_CHUNK):
            ray = owner[part]
            distance = self._near[ray] + (part - self._start[ray]) * self.config.step
            warped = warp.to_canonical(rays.origins[ray] + rays.dirs[ray] * distance[:, None])
            self._entries[part, :3], self._entries[part, 3] = warped.points, warped.presence
            if warped.core is not None:
                self._entries[part, 4], self._has_core = warped.core, True


def _steps_of(
    rays: Rays, found: Samples, step: float
) -> tuple[Int[Tensor, "m"], Int[Tensor, "m"], Int[Tensor, "r"], Int[Tensor, "r"]]:
    """Ray and step of the occupied steps; of each ray how many steps there are, and from which one on."""
    index = ((found.t0 - rays.near[found.ray]) / step).round().long()
    first = index.new_full((len(rays),), torch.iinfo(torch.int64).max).scatter_reduce(0, found.ray, index, "amin")
    last = index.new_full((len(rays),), -1).scatter_reduce(0, found.ray, index, "amax")
    hit = last >= 0
    first = torch.where(hit, first, 0)
    return found.ray, index, torch.where(hit, last - first + 2, 0), first


def _between(
    lower: Float[Tensor, "n 5"], upper: Float[Tensor, "n 5"], share: Float[Tensor, "n 1"]
) -> Float[Tensor, "n 5"]:
    """Linear interpolation; where one end is absent or on another limb, the place of the nearer end that is present."""
    known = torch.lerp(lower[:, 3:], upper[:, 3:], share)
    apart = (upper[:, :3] - lower[:, :3]).square().sum(-1, keepdim=True) > _SAME_LIMB**2
    share = torch.where(apart, share.round(), share)
    share = torch.where(upper[:, 3:4] > 0.0, share, 0.0)
    share = torch.where(lower[:, 3:4] > 0.0, share, 1.0)
    return torch.cat([torch.lerp(lower[:, :3], upper[:, :3], share), known], -1)
