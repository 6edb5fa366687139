import math

import pytest
import torch

from nfield.cameras import Cameras, Orbit, look_at
from nfield.data.region import (
    Region,
    camera_region,
    focus_point,
    instant_ngp_region,
    is_seen,
    moved_to_cameras,
    synthetic_region,
)
from nfield.data.world import World
from nfield.errors import DataError

_HALF = (0.5, 0.5, 0.5)


def _cameras(poses: torch.Tensor) -> Cameras:
    return Cameras(torch.eye(3).repeat(len(poses), 1, 1), poses, (10, 10))


def test_synthetic_objects_have_no_background():
    box, inner = synthetic_region()
    assert box.low.tolist() == inner.low.tolist() == [-1.5] * 3


def test_instant_ngps_unit_cube_is_the_first_cascade():
    box, inner = instant_ngp_region(4.0, scale=0.33, offset=_HALF, where="f")
    torch.testing.assert_close(inner.high, torch.full((3,), 0.5 / 0.33).double())
    torch.testing.assert_close(box.low, torch.full((3,), -2.0 / 0.33).double())


def test_corners_of_the_box_are_the_corners_of_instant_ngps_box():
    scale, offset = 0.5, (0.7, 0.5, -0.2)
    box, inner = instant_ngp_region(8.0, scale=scale, offset=offset, where="f")
    in_ngp = torch.stack([box.low, box.high, inner.low, inner.high]) * scale + torch.tensor(offset)
    expected = torch.tensor([0.5 - 4.0, 0.5 + 4.0, 0.0, 1.0])[:, None].expand(4, 3).double()
    torch.testing.assert_close(in_ngp, expected)


@pytest.mark.parametrize("aabb_scale", [3.0, 0.0, -4.0, 256.0])
def test_an_aabb_scale_that_is_no_power_of_two_is_named(aabb_scale: float):
    with pytest.raises(DataError, match=r"^f: aabb_scale is .*expected a power of two from 1 to 128; take"):
        instant_ngp_region(aabb_scale, scale=0.33, offset=_HALF, where="f")


def test_a_scale_of_zero_is_named():
    with pytest.raises(DataError, match=r"^f: scale is 0, expected a positive number; remove it"):
        instant_ngp_region(1.0, scale=0.0, offset=_HALF, where="f")


def test_cameras_around_a_point_focus_on_it():
    target = torch.tensor([0.4, -3.0, 1.2])
    orbit = Orbit(target, torch.tensor([0.0, 0.0, 1.0]), torch.tensor([2.0, 0.0, 0.5]), 10.0, (10, 10))
    torch.testing.assert_close(focus_point(orbit.cameras(9)), target, atol=1e-4, rtol=0)


def test_focus_survives_cameras_that_look_elsewhere(generator: torch.Generator):
    origins = torch.nn.functional.normalize(torch.randn((30, 3), generator=generator), dim=-1) * 4.0
    poses = look_at(origins, torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0]))
    astray = look_at(origins[:6], torch.tensor([-9.0, 7.0, 5.0]), torch.tensor([0.0, 0.0, 1.0]))
    point = focus_point(_cameras(torch.cat([astray, poses[6:]])))
    torch.testing.assert_close(point, torch.tensor([1.0, 0.0, 0.0]), atol=0.1, rtol=0)


def test_focus_of_many_cameras_is_that_of_a_few():
    target = torch.tensor([0.4, -3.0, 1.2])
    orbit = Orbit(target, torch.tensor([0.0, 0.0, 1.0]), torch.tensor([2.0, 0.0, 0.5]), 10.0, (10, 10))
    torch.testing.assert_close(focus_point(orbit.cameras(1000)), target, atol=1e-3, rtol=0)


def test_parallel_cameras_focus_before_themselves():
    poses = torch.eye(4).repeat(5, 1, 1)
    poses[:, 0, 3] = torch.linspace(-1.0, 1.0, 5)
    torch.testing.assert_close(focus_point(_cameras(poses)), torch.tensor([0.0, 0.0, 1.0]))


def test_the_box_holds_every_camera(generator: torch.Generator):
    origins = 3.0 * torch.randn((20, 3), generator=generator) + torch.tensor([10.0, 0.0, 0.0])
    cameras = _cameras(look_at(origins, torch.tensor([10.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])))
    box, inner = camera_region(cameras)
    unit = box.unit_from_world(origins)
    assert ((unit > 0.0) & (unit < 1.0)).all()
    ratio = float((box.size / inner.size).max())
    assert ratio == pytest.approx(2.0 ** round(math.log2(ratio)))
    torch.testing.assert_close(0.5 * (box.low + box.high), torch.tensor([10.0, 0.0, 0.0]), atol=1e-3, rtol=0)


def _ring(target: torch.Tensor, distance: float) -> Cameras:
    start = torch.tensor([distance, 0.0, 0.0])
    return Orbit(target, torch.tensor([0.0, 0.0, 1.0]), start, 10.0, (10, 10)).cameras(12)


def test_the_first_cascade_reaches_half_way_to_the_cameras():
    target = torch.tensor([1.0, 2.0, 3.0])
    region = camera_region(_ring(target, 5.0))
    torch.testing.assert_close(region.center, target, atol=1e-3, rtol=0)
    torch.testing.assert_close(region.inner.size, torch.full((3,), 5.0), atol=1e-3, rtol=0)
    torch.testing.assert_close(region.box.size, 4.0 * region.inner.size)


@pytest.mark.parametrize(("distance", "expected"), [(4.0, 4.0), (15.0, 8.0), (1000.0, 16.0)])
def test_points_say_how_much_larger_the_box_is(distance: float, expected: float, generator: torch.Generator):
    points = distance * torch.nn.functional.normalize(torch.randn(300, 3, generator=generator), dim=-1)
    points[:6] *= 1e4  # a few are wrong, as always
    region = camera_region(_ring(torch.zeros(3), 5.0), points)
    assert float((region.box.size / region.inner.size).max()) == pytest.approx(expected)
    few = camera_region(_ring(torch.zeros(3), 5.0), points[:10])
    assert float((few.box.size / few.inner.size).max()) == pytest.approx(4.0)


def test_a_box_is_seen_that_holds_what_is_looked_at_or_the_cameras():
    cameras = _ring(torch.zeros(3), 5.0)
    assert is_seen(Region.cubes(torch.zeros(3), 1.0), cameras)
    assert not is_seen(Region.cubes(torch.zeros(3), 1.0), cameras, inside=True)
    assert is_seen(Region.cubes(torch.tensor([0.0, 0.0, 0.5]), 6.0), cameras, inside=True)
    far = Region.cubes(torch.tensor([100.0, 0.0, 0.0]), 2.0, ratio=4.0)
    assert not is_seen(far, cameras)
    moved = moved_to_cameras(far, cameras)
    torch.testing.assert_close(moved.center, torch.zeros(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(moved.box.size, far.box.size)
    torch.testing.assert_close(moved.inner.size, far.inner.size)


def test_a_region_moves_with_its_world():
    region = Region.cubes(torch.tensor([500_003.0, 5_400_000.0, 0.0], dtype=torch.float64), 1.5, ratio=2.0)
    moved = region.moved(World((500_000.0, 5_400_000.0, 0.0), 2.0))
    assert moved.box.low.dtype == torch.float64
    assert moved.single.box.low.dtype == torch.float32
    assert moved.inner.low.tolist() == [3.0, -3.0, -3.0]
    assert moved.box.high.tolist() == [12.0, 6.0, 6.0]
