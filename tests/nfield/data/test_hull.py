"""Boxes found from silhouettes of spheres and boxes whose places are known, at any scale and offset."""

import pytest
import torch

from nfield.cameras import Cameras, look_at
from nfield.data.analytic import analytic_scene
from nfield.data.hull import silhouette_region

_UP = torch.tensor([0.0, 0.0, 1.0])


def around(center: torch.Tensor, distance: float, *, count: int = 24, focal: float = 60.0) -> Cameras:
    generator = torch.Generator().manual_seed(1)
    offsets = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)
    return Cameras.pinhole(focal, (64, 80), world_from_camera=look_at(center + distance * offsets, center, _UP))


def silhouettes(cameras: Cameras, center: torch.Tensor, radius: float) -> list[torch.Tensor]:
    """Where rays through pixel centres pass a sphere nearer than its radius."""
    rows, columns = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(80) + 0.5, indexing="ij")
    pixels = torch.stack([columns, rows], -1).reshape(-1, 2)
    found = []
    for index in range(len(cameras)):
        origins, dirs = cameras.directions(torch.full((len(pixels),), index), pixels)
        offset = center - origins
        miss = (offset - (offset * dirs).sum(-1, keepdim=True) * dirs).norm(dim=-1)
        found.append((miss < radius).view(64, 80))
    return found


@pytest.mark.parametrize("scale", [0.01, 1.0, 40.0])
@pytest.mark.parametrize("place", [(0.0, 0.0, 0.0), (4.0, -3.0, 2.0)])
def test_a_sphere_is_boxed_at_any_scale_and_place(scale: float, place: tuple[float, float, float]):
    center = scale * torch.tensor(place)
    cameras = around(center, 4.0 * scale)
    region = silhouette_region(cameras, silhouettes(cameras, center, scale))
    assert region is not None
    assert torch.equal(region.box.low, region.inner.low)
    torch.testing.assert_close(region.center / scale, center / scale, atol=0.1, rtol=0)
    half = 0.5 * float(region.box.size.max()) / scale
    assert 1.0 <= half < 1.25


def test_a_sphere_off_the_cameras_focus_is_held():
    cameras = around(torch.zeros(3), 4.0, focal=40.0)
    center = torch.tensor([0.6, -0.4, 0.3])
    region = silhouette_region(cameras, silhouettes(cameras, center, 0.7))
    assert region is not None
    assert (region.box.low < center - 0.7).all()
    assert (region.box.high > center + 0.7).all()
    torch.testing.assert_close(region.center, center, atol=0.15, rtol=0)


def test_pictures_that_show_parts_only_still_give_a_box_of_the_whole():
    cameras = around(torch.zeros(3), 4.0, focal=160.0, count=40)  # the sphere overfills each picture
    region = silhouette_region(cameras, silhouettes(cameras, torch.zeros(3), 1.0))
    assert region is not None
    assert (region.box.low <= -0.9).all()


def test_the_analytic_scene_is_held_and_little_else():
    images = analytic_scene(30, (48, 48), torch.Generator().manual_seed(0))
    region = silhouette_region(images.cameras, [images.solid(index) for index in range(30)])
    assert region is not None
    assert (region.box.low <= torch.tensor([-0.85, -0.8, -0.5])).all()
    assert (region.box.high >= torch.tensor([0.85, 0.75, 0.6])).all()
    assert float(region.box.size.max()) < 2.4


def test_outlines_that_no_solid_explains_give_nothing():
    cameras = around(torch.zeros(3), 4.0)
    strewn = [torch.zeros(64, 80, dtype=torch.bool) for _ in range(24)]
    for index, one in enumerate(strewn):
        one[(7 * index) % 60 : (7 * index) % 60 + 4, (11 * index) % 70 : (11 * index) % 70 + 6] = True
    assert silhouette_region(cameras, strewn) is None
    assert silhouette_region(cameras, [torch.zeros(64, 80, dtype=torch.bool)] * 24) is None
