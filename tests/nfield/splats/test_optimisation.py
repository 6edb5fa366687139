"""Splats that learn: from points of a known ball to its views, within a time that the test tells."""

import itertools
import math
from collections.abc import Callable

import torch

from nfield.cameras import Cameras, look_at
from nfield.kernels.gaussians import Splats, rotation_matrices, splat
from nfield.metrics import psnr
from nfield.rendering.image import Image
from nfield.splats import Goal, Progress, SplatConfig, SurfacePoints, Views, interleaved, optimise, surface_splats
from nfield.splats.surface import turned_to

BACKGROUND = torch.tensor([0.2, 0.9, 0.4])
SIZE = (48, 48)


def cameras(count: int, *, seed: int) -> Cameras:
    generator = torch.Generator().manual_seed(seed)
    places = 3.0 * torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)
    pose = look_at(places, torch.zeros(3), torch.tensor([0.0, 0.0, 1.0]))
    return Cameras.pinhole(60.0, SIZE, world_from_camera=pose)


def ball(seen: Cameras, index: int) -> Image:
    """A ball of radius 0.8 in the colours of its normals, over `BACKGROUND`, by the formula of a sphere."""
    height, width = seen.size
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    pixels = torch.stack([columns, rows], -1).reshape(-1, 2)
    origins, dirs = seen.directions(torch.full((len(pixels),), index), pixels)
    along = -(origins * dirs).sum(-1)
    inside = along.square() - origins.square().sum(-1) + 0.8**2
    place = origins + (along - inside.clamp_min(0.0).sqrt())[:, None] * dirs
    opacity = (inside > 0.0).float()
    color = torch.where(inside[:, None] > 0.0, 0.5 + 0.4 * place / 0.8, BACKGROUND)
    return Image(color.view(*SIZE, 3), opacity.view(SIZE), torch.zeros(SIZE))


def surface(count: int) -> SurfacePoints:
    normals = torch.nn.functional.normalize(torch.randn(count, 3, generator=torch.Generator().manual_seed(1)), dim=-1)
    return SurfacePoints(0.8 * normals, normals, torch.full((count, 3), 0.5))


def ticking(step: float) -> Callable[[], float]:
    """A clock that goes on by a step whenever it is asked."""
    ticks = itertools.count()
    return lambda: step * next(ticks)


def _quality(splats: Splats) -> float:
    unseen = cameras(4, seed=9)
    with torch.no_grad():
        return min(psnr(splat(splats, unseen, i).over(BACKGROUND), ball(unseen, i).color) for i in range(4))


def test_splats_learn_views_that_they_were_not_shown():
    begun = surface_splats(surface(1500), degree=1)
    views = Views(ball, BACKGROUND, cameras(24, seed=2))
    heard: list[Progress] = []
    config = SplatConfig(seconds=60.0, speed=20.0)
    learned = optimise(begun, views, config, extent=3.0, watch=heard.append, clock=ticking(0.25))
    assert _quality(learned) > _quality(begun) + 4.0
    assert heard[-1].views == len(views.goals) > 8
    assert heard[-1].step == len(heard) > 50
    assert [event.share for event in heard] == sorted(event.share for event in heard)


def test_the_same_seed_gives_the_same_splats():
    results = [
        optimise(
            surface_splats(surface(200), degree=0),
            Views(ball, BACKGROUND, cameras(4, seed=2)),
            SplatConfig(seconds=4.0, relocate_every=2, least_opacity=0.79, seed=seed),
            extent=3.0,
            clock=ticking(0.25),
        )
        for seed in (0, 0, 1)
    ]
    for first, second in zip(results[0].parts, results[1].parts, strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(results[0].means, results[2].means)


def test_a_goal_is_what_the_teacher_saw_without_its_background():
    image = ball(cameras(1, seed=3), 0)
    goal = Goal.of(image, BACKGROUND)
    assert float((goal.color * (1.0 - goal.alpha)[..., None]).abs().max()) < 1e-6
    torch.testing.assert_close(goal.over(BACKGROUND).image.permute(1, 2, 0), image.color)


def test_views_of_two_sets_come_in_turns():
    first, second = cameras(5, seed=4), cameras(3, seed=5)
    both = interleaved(first, second, generator=torch.Generator().manual_seed(0))
    known = torch.cat([first.origins, second.origins])
    nearest = torch.cdist(both.origins, known).argmin(1)
    assert sorted(nearest.tolist()) == list(range(8))
    assert [index < 5 for index in nearest.tolist()] == [True, False, True, False, True, False, True, True]


def test_no_more_views_are_rendered_than_there_are():
    views = Views(ball, BACKGROUND, cameras(2, seed=4))
    for _ in range(3):
        views.render_next()
    assert len(views.goals) == 2


def test_discs_lie_on_the_surface_as_wide_as_their_neighbours_are_away():
    edge = 0.1
    place = torch.stack(torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij"), -1).reshape(-1, 2) * edge
    flat = torch.cat([place, torch.zeros(81, 1)], 1)
    normals = torch.tensor([[0.0, 0.0, -1.0]]).repeat(81, 1)
    splats = surface_splats(SurfacePoints(flat, normals, torch.full((81, 3), 0.25)), degree=2)
    inner = splats.log_scales.view(9, 9, 3)[1:-1, 1:-1]
    torch.testing.assert_close(inner[..., 0], torch.full((7, 7), math.log(0.75 * edge)))
    assert float((inner[..., 2] - inner[..., 0]).max()) < -1.0
    assert splats.harmonics.shape == (81, 9, 3)
    gray = splat(splats, Cameras.pinhole(40.0, (3, 3), world_from_camera=_above()), 0)
    torch.testing.assert_close(gray.color[1, 1] / gray.alpha[1, 1], torch.full((3,), 0.25))


def _above() -> torch.Tensor:
    return look_at(torch.tensor([[0.4, 0.4, -1.0]]), torch.tensor([0.4, 0.4, 0.0]), torch.tensor([0.0, 1.0, 0.0]))


def test_quaternions_turn_z_to_the_normal(generator: torch.Generator):
    normals = torch.nn.functional.normalize(torch.randn(50, 3, generator=generator), dim=-1)
    normals = torch.cat([normals, torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])])
    torch.testing.assert_close(rotation_matrices(turned_to(normals))[:, :, 2], normals, atol=1e-5, rtol=0.0)
