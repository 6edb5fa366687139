import pytest
import torch

from nfield.cameras import Cameras, Orbit, look_at
from nfield.data.region import camera_region, focus_point, instant_ngp_region, synthetic_region
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


def test_first_cascade_holds_every_camera(generator: torch.Generator):
    origins = 3.0 * torch.randn((20, 3), generator=generator) + torch.tensor([10.0, 0.0, 0.0])
    cameras = _cameras(look_at(origins, torch.tensor([10.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])))
    box, inner = camera_region(cameras)
    unit = inner.unit_from_world(origins)
    assert ((unit > 0.0) & (unit < 1.0)).all()
    torch.testing.assert_close(box.size, 4.0 * inner.size)
    torch.testing.assert_close(0.5 * (box.low + box.high), torch.tensor([10.0, 0.0, 0.0]), atol=1e-3, rtol=0)
