"""Cameras between others, and pinholes in the place of any lens."""

import math

import pytest
import torch

from nfield.cameras import Cameras, look_at
from nfield.splats.between import cameras_between, nearest_rotations, pinholes


def ring(count: int) -> Cameras:
    angle = torch.arange(count) * (2.0 * math.pi / count)
    places = torch.stack([3.0 * angle.cos(), 3.0 * angle.sin(), torch.ones(count)], -1)
    pose = look_at(places, torch.zeros(3), torch.tensor([0.0, 0.0, 1.0]))
    return Cameras.pinhole(50.0, (40, 60), world_from_camera=pose)


def test_cameras_between_stand_near_the_ring_and_look_into_it(generator: torch.Generator):
    between = cameras_between(ring(24), 200, generator=generator)
    assert len(between) == 200
    assert between.size == (40, 60)
    distance = between.origins[:, :2].norm(dim=-1)
    assert 1.5 < float(distance.min()) < float(distance.max()) < 4.5
    forward = between.world_from_camera[:, :3, 2]
    inwards = torch.nn.functional.normalize(-between.origins, dim=-1)
    assert float((forward * inwards).sum(-1).min()) > 0.7
    spread = torch.cdist(between.origins, ring(24).origins).amin(1)
    assert float(spread.max()) > 0.2  # they are not the ring's own


def test_poses_are_rigid(generator: torch.Generator):
    turn = cameras_between(ring(9), 50, generator=generator).world_from_camera[:, :3, :3]
    torch.testing.assert_close(turn @ turn.mT, torch.eye(3).expand(50, 3, 3), atol=1e-5, rtol=0.0)
    torch.testing.assert_close(torch.linalg.det(turn), torch.ones(50))


def test_one_camera_stays_where_it_is(generator: torch.Generator):
    one = ring(1)
    between = cameras_between(one, 5, generator=generator)
    torch.testing.assert_close(between.world_from_camera, one.world_from_camera.expand(5, 4, 4))


def test_the_nearest_rotation_of_a_mirror_is_a_rotation():
    turn = nearest_rotations(torch.diag(torch.tensor([1.0, 1.0, -1.0]))[None])
    assert float(torch.linalg.det(turn)) == pytest.approx(1.0)


def test_pinholes_see_the_same_angles_in_images_of_another_size():
    found = pinholes(ring(4), 120)
    assert found.size == (80, 120)
    torch.testing.assert_close(found.intrinsics[0], torch.tensor([[100.0, 0, 60], [0, 100.0, 40], [0, 0, 1]]))


def test_pictures_of_several_sizes_and_very_wide_lenses_get_one_size():
    cameras = ring(2)
    wide = cameras.intrinsics.clone()
    wide[1, 0, 0] = wide[1, 1, 1] = 5.0
    sizes = torch.tensor([[40, 60], [30, 20]])
    mixed = Cameras(wide, cameras.world_from_camera, (40, 60), sizes=sizes)
    found = pinholes(mixed, 60)
    assert found.sizes is None
    assert found.focal_lengths[0].tolist() == [50.0, 50.0]
    assert found.focal_lengths[1].tolist() == [21.0, 21.0]  # 110 degrees, no more
