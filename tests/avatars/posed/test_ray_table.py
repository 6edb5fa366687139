import torch
from jaxtyping import Float
from torch import Tensor

from avatars.posed.ray_table import RayTable, RayTableConfig
from nfield.cameras import Cameras
from nfield.fields.warped import Warp, Warped
from nfield.types import Box, Rays, Samples

_BOX = Box(torch.tensor([-1.0, -1.0, 1.0]), torch.tensor([1.0, 1.0, 3.0]))


class _Bent(Warp):
    """A smooth map that is present in a slab of depth 1.5 to 2.5."""

    def to_canonical(self, points: Float[Tensor, "n 3"]) -> Warped:
        inside = (points[:, 2] > 1.5) & (points[:, 2] < 2.5)
        return Warped(points + 0.1 * points.flip(-1).sin(), inside.to(points.dtype))


def _camera() -> Cameras:
    return Cameras.pinhole(8.0, (8, 8))


def _even(rays: Rays, step: float) -> Samples:
    count = 500
    t0 = rays.near[:, None] + torch.arange(count) * step
    ray = torch.arange(len(rays)).repeat_interleave(count)
    return Samples(t0.reshape(-1), t0.reshape(-1) + step, ray, len(rays))


def _table(rays: Rays, pixel: Tensor) -> RayTable:
    return RayTable(_Bent(), _camera(), rays, pixel, _even(rays, 0.004), RayTableConfig(step=0.004))


def test_points_on_tabulated_rays_move_as_by_the_warp(generator: torch.Generator):
    rays = _camera().image_rays(0, box=_BOX)
    pixel = torch.arange(64)
    table = _table(rays, pixel)
    depth = 1.6 + 0.8 * torch.rand(64, generator=generator)
    points = rays.dirs / rays.dirs[:, 2:] * depth[:, None]
    moved, presence, _ = table.to_canonical(points)
    expected, _, _ = _Bent().to_canonical(points)
    assert (presence == 1.0).all()
    assert (moved - expected).norm(dim=-1).max() < 1e-4


def test_nothing_is_present_off_the_tabulated_rays_and_beyond_their_ends():
    whole = _camera().image_rays(0, box=_BOX)
    pixel = torch.tensor([9, 27])
    table = _table(whole[pixel], pixel)
    at = whole.dirs / whole.dirs[:, 2:]
    _, other, _ = table.to_canonical(at[[8, 63]] * 2.0)
    _, before, _ = table.to_canonical(at[pixel] * 1.2)
    _, beside, _ = table.to_canonical(torch.tensor([[9.0, 0.0, 2.0], [0.0, 0.0, -2.0]]))
    assert torch.cat([other, before, beside]).eq(0.0).all()
    _, on, _ = table.to_canonical(at[pixel] * 2.0)
    assert on.eq(1.0).all()


class _Torn(Warp):
    """What lies beyond depth 2 belongs to another limb, ten metres away."""

    def to_canonical(self, points: Float[Tensor, "n 3"]) -> Warped:
        shift = torch.where(points[:, 2:] > 2.0, 10.0, 0.0)
        return Warped(points + shift, torch.ones_like(points[:, 0]))


def test_nothing_is_carried_into_the_space_between_two_limbs(generator: torch.Generator):
    rays = _camera().image_rays(0, box=_BOX)
    table = RayTable(_Torn(), _camera(), rays, torch.arange(64), _even(rays, 0.004), RayTableConfig(step=0.004))
    depth = 1.99 + 0.02 * torch.rand(64, generator=generator)
    points = rays.dirs / rays.dirs[:, 2:] * depth[:, None]
    moved, _, _ = table.to_canonical(points)
    shift = (moved - points).mean(-1)
    assert ((shift - 10.0).abs().lt(0.01) | shift.abs().lt(0.01)).all()
