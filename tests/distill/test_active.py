"""What was hard comes again: pools of poses and rays, and the points that make a pixel."""

from dataclasses import replace

import pytest
import torch

from distill.active import ActiveConfig, HardPoses, HardRays, telling_points
from distill.looks import Looks
from distill.poses import PoseConfig, poses_between, turned
from distill.task import DistillConfig
from nfield.training.task import Moment
from nfield.types import Latent, Rays, Samples
from tests.distill.balls import CENTERS, RADII, Balls, teacher
from tests.distill.test_task import CONFIG, student, task_of

_END = Moment(500, 9.0, 0.9)


def _rays(count: int, mark: float) -> Rays:
    """Rays whose far end says which they are."""
    return Rays(torch.zeros(count, 3), torch.ones(count, 3), torch.zeros(count), mark + torch.arange(float(count)))


def test_cameras_turn_about_their_centres_by_no_more_than_was_said(generator: torch.Generator):
    known = teacher(generator).cameras
    again = turned(known, 9.0, generator)
    torch.testing.assert_close(again.origins, known.origins)
    before, after = known.world_from_camera[:, :3, :3], again.world_from_camera[:, :3, :3]
    between = before.transpose(1, 2) @ after
    angle = torch.rad2deg(torch.arccos(((between.diagonal(dim1=1, dim2=2).sum(-1) - 1.0) / 2.0).clamp(-1.0, 1.0)))
    assert angle.max() < 9.0 * 3.0**0.5
    assert angle.max() > 3.0
    torch.testing.assert_close(after.transpose(1, 2) @ after, torch.eye(3).expand(len(known), 3, 3), atol=1e-5, rtol=0)


def test_the_worst_poses_come_again_and_no_others(generator: torch.Generator):
    known = teacher(generator)
    before = poses_between(known.cameras, 20, generator=generator)
    drawn = poses_between(known.cameras, 20, generator=generator)
    hard = HardPoses(ActiveConfig(poses=True, share=0.1))
    camera = torch.arange(20).repeat(5)
    error = torch.where((camera == 3) | (camera == 17), 2.0, 0.1)
    error[camera == 8] = torch.tensor([5.0, 0.0, 0.0, 0.0, 0.0])  # One bad ray makes no bad pose.
    hard.learn(camera, error, count=20)
    among = hard.among(drawn, before, generator)
    assert len(among) == 20
    torch.testing.assert_close(among.origins[:18], drawn.origins[2:])
    again = among.origins[18:]
    assert torch.cdist(again, before.origins[[3, 17]]).amin(1).max() < 1e-6
    assert torch.cdist(before.origins[[3, 17]], again).amin(1).max() < 1e-6
    assert hard.among(drawn, among, generator) is drawn  # Nothing is known of the new ones yet.


def test_the_worst_rays_are_kept_up_to_the_pools_size(generator: torch.Generator):
    hard = HardRays(ActiveConfig(rays=True, share=0.1, pool=25))
    assert hard.drawn(100, generator) is None
    for step in range(4):
        hard.learn(_rays(100, 1000.0 * step), torch.arange(100.0), None)
    assert len(hard) == 25
    rays, slots = hard.drawn(100, generator) or pytest.fail("the pool holds enough")
    assert len(rays) == len(slots) == 10
    assert bool((rays.far % 1000.0 >= 90.0).all())


def test_rays_that_came_again_leave_their_slots_to_the_worst_of_their_step(generator: torch.Generator):
    hard = HardRays(ActiveConfig(rays=True, share=0.1, pool=20))
    for step in range(2):
        hard.learn(_rays(100, 1000.0 * step), torch.arange(100.0), None)
    rays, slots = hard.drawn(100, generator) or pytest.fail("the pool holds enough")
    error = torch.zeros(100)
    error[:10] = 1.0
    hard.learn(_rays(100, 7000.0), error, slots)
    held = {round(float(far)) for _ in range(300) for far in _drawn(hard, generator).far}
    assert {far for far in held if far >= 7000} <= {7000 + index for index in range(10)}
    assert not held & ({round(float(far)) for far in rays.far} - {far for far in held if far >= 7000})


def _drawn(hard: HardRays, generator: torch.Generator) -> Rays:
    rays, _ = hard.drawn(100, generator) or pytest.fail("the pool holds enough")
    return rays


def test_telling_points_are_those_of_a_loop(generator: torch.Generator):
    ray = torch.randint(30, (500,), generator=generator).sort().values
    weights, opacity = torch.rand(500, generator=generator), torch.rand(30, generator=generator)
    samples = Samples(torch.arange(500.0), torch.arange(500.0) + 1.0, ray, 30)
    config = ActiveConfig(points=True)
    expected = torch.zeros(500, dtype=torch.bool)
    for index in range(30):
        own = (ray == index).nonzero()[:, 0]
        if len(own) and opacity[index] >= config.opacity:
            many = -(-3 * len(own) // 10)
            expected[own[weights[own].argsort(descending=True)[:many]]] = True
    assert torch.equal(telling_points(samples, weights, opacity, config), expected)


def test_nothing_comes_again_by_default(generator: torch.Generator):
    known = teacher(generator)
    for active in (ActiveConfig(), ActiveConfig(rays=True, poses=True)):
        looks = Looks(known, poses=8, renewal=4, pose=PoseConfig(), active=active)
        counts = []
        for step in range(12):
            look = looks.draw(step, 50, generator, torch.device("cpu"))
            looks.learn(look, torch.rand(len(look.rays), generator=generator))
            counts.append(len(look.rays))
        assert counts[0] == 50
        assert (max(counts) > 50) == active.rays


def test_a_task_looks_again_along_rays_that_were_hard(generator: torch.Generator):
    known, field = teacher(generator), student(generator)
    task = task_of(known, field, replace(CONFIG, renewal=2, active=ActiveConfig(rays=True, poses=True)))
    rays = []
    for step in range(4):
        sum(task.losses(replace(_END, step=step), generator).values()).backward()
        rays.append(len(task._looks._hard_rays))
    assert 0 < rays[0] < rays[-1]


def test_with_active_points_densities_that_nobody_sees_are_not_compared(generator: torch.Generator):
    """The student is its teacher, but for a haze that starts behind opaque balls and in their middle."""
    known = teacher(generator)
    state, found = generator.get_state(), {}
    for points in (False, True):
        generator.set_state(state)
        config = DistillConfig(samples=1 << 12, poses=32, elsewhere=0.0, active=ActiveConfig(points=points))
        task = task_of(known, _Hazy(), config)
        found[points] = float(task.losses(_END, generator)["density"].detach())
    assert found[True] < 0.3 * found[False]


class _Hazy(Balls):
    """Balls whose innermost half is thinner than it was: no ray gets there."""

    def density_head(self, feature: torch.Tensor) -> torch.Tensor:
        return super().density_head(feature) - feature[:, 4]

    def encode(self, points: torch.Tensor) -> Latent:
        latent = super().encode(points)
        inner = ((points[:, None] - CENTERS).norm(dim=-1) / RADII).amin(-1) < 0.5
        return Latent(torch.cat([latent.feature, 2.0 * inner[:, None]], -1), latent.presence)

    def color_head(self, feature: torch.Tensor, dirs: torch.Tensor) -> torch.Tensor:
        return super().color_head(feature[:, :4], dirs)
