"""Random poses: between the given cameras, rigid, little turned."""

import math

import torch

from distill.poses import PoseConfig, poses_between
from nfield.cameras import Cameras, look_at
from tests.distill.balls import cameras

STILL = PoseConfig(turn=0.0, reach=0.0)


def test_poses_are_rigid(generator: torch.Generator):
    drawn = poses_between(cameras(generator), 200, generator=generator)
    rotation = drawn.world_from_camera[:, :3, :3]
    assert torch.allclose(rotation @ rotation.transpose(1, 2), torch.eye(3).expand(200, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(rotation), torch.ones(200), atol=1e-5)


def test_cameras_on_a_ring_give_poses_on_its_chords_that_look_inwards(generator: torch.Generator):
    angle = torch.arange(24) * (2.0 * math.pi / 24)
    origins = torch.stack([angle.cos(), angle.sin(), torch.zeros(24)], -1) * 3.0
    pose = look_at(origins, torch.zeros(3), torch.tensor([0.0, 0.0, 1.0]))
    ring = Cameras(torch.eye(3).repeat(24, 1, 1), pose, (10, 10))
    drawn = poses_between(ring, 300, STILL, generator=generator)
    assert (drawn.origins[:, 2].abs() < 1e-5).all()
    radius = drawn.origins.norm(dim=-1)
    assert (radius <= 3.0 + 1e-4).all()
    assert (radius > 2.6).all()
    inward = -(drawn.origins / radius[:, None] * drawn.world_from_camera[:, :3, 2]).sum(-1)
    assert (inward > 0.99).all()


def test_turns_and_moves_stay_within_their_limits(generator: torch.Generator):
    one = cameras(generator, count=1)
    drawn = poses_between(one, 300, PoseConfig(turn=4.0, reach=0.0), generator=generator)
    assert torch.allclose(drawn.origins, one.origins.expand(300, 3), atol=1e-5)
    relative = one.world_from_camera[0, :3, :3].T @ drawn.world_from_camera[:, :3, :3]
    angle = ((torch.diagonal(relative, dim1=1, dim2=2).sum(-1) - 1.0) / 2.0).clamp(-1.0, 1.0).arccos()
    assert math.degrees(float(angle.max())) <= 4.0 * math.sqrt(3.0) + 1e-3
    assert math.degrees(float(angle.max())) > 3.0


def test_same_generator_draws_the_same_poses(generator: torch.Generator):
    given = cameras(generator)
    first, second = (poses_between(given, 5, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first.world_from_camera, second.world_from_camera)
