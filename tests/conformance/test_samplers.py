"""What every sampler must do; add a new one to SAMPLERS."""

from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import normalize

from nfield.cameras import intersect_box
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.base import Sampler, _every
from nfield.rendering.samplers.occupancy import OccupancyConfig, OccupancySampler
from nfield.rendering.samplers.uniform import UniformSampler
from nfield.types import Box, Rays
from tests.solids import Ball

BOX = Box.cube(1.0)


def occupancy(**options: float) -> OccupancySampler:
    """A grid over the box that has learned the ball."""
    config = OccupancyConfig(**{"resolution": 16, "steps": 128, "cull": 0.0, **options})  # pyright: ignore[reportArgumentType]
    sampler = OccupancySampler(BOX, config)
    sampler.rebuild(Ball(2.0, radius=0.6), generator=torch.Generator().manual_seed(0))
    return sampler


SAMPLERS: dict[str, Callable[[], Sampler]] = {
    "uniform": lambda: UniformSampler(96),
    "occupancy": occupancy,
    "occupancy with cone and cascades": lambda: occupancy(cascades=2, cone=1 / 64),
}


@pytest.fixture(params=SAMPLERS)
def sampler(request: pytest.FixtureRequest) -> Sampler:
    return SAMPLERS[request.param]()


def rays_at(count: int, generator: torch.Generator) -> Rays:
    """Rays from around the box; about a third of them miss it."""
    origins = 3.0 * normalize(torch.randn(count, 3, generator=generator), dim=-1)
    dirs = normalize(torch.randn(count, 3, generator=generator) * 1.2 - origins, dim=-1)
    return Rays(origins, dirs, *intersect_box(origins, dirs, BOX))


@pytest.mark.parametrize("jittered", [False, True])
def test_samples_are_sorted_and_between_near_and_far(sampler: Sampler, jittered: bool, generator: torch.Generator):
    rays = rays_at(200, generator)
    samples = sampler.sample(Ball(2.0, radius=0.6), rays, generator=generator if jittered else None)
    assert len(samples) > 500
    assert samples.n_rays == 200
    assert (samples.ray.diff() >= 0).all()
    assert (samples.t1 >= samples.t0).all()
    assert (samples.t0[1:] >= samples.t1[:-1] - 1e-5)[samples.ray.diff() == 0].all()
    assert (samples.t0 >= rays.near[samples.ray] - 1e-5).all()
    assert (samples.t1 <= rays.far[samples.ray] + 1e-5).all()


def test_rays_that_miss_have_no_samples(sampler: Sampler, generator: torch.Generator):
    rays = rays_at(200, generator)
    misses = rays.far <= rays.near
    assert 10 < misses.sum() < 190
    samples = sampler.sample(Ball(2.0), rays)
    assert not misses[samples.ray].any()


def test_no_rays_have_no_samples(sampler: Sampler):
    none = torch.zeros(0)
    samples = sampler.sample(Ball(2.0), Rays(torch.zeros(0, 3), torch.zeros(0, 3), none, none))
    assert (len(samples), samples.n_rays) == (0, 0)


def test_same_generator_places_the_same_samples_and_none_is_steady(sampler: Sampler, generator: torch.Generator):
    rays, field = rays_at(50, generator), Ball(2.0, radius=0.6)
    first, second, other = (sampler.sample(field, rays, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first.t0, second.t0)
    assert len(first) != len(other) or not torch.equal(first.t0, other.t0)
    assert torch.equal(sampler.sample(field, rays).t0, sampler.sample(field, rays).t0)


def test_nothing_of_the_ball_is_missed(sampler: Sampler, generator: torch.Generator):
    rays, field = rays_at(100, generator), Ball(2.0, radius=0.6)
    nearest = (rays.origins * rays.dirs).sum(-1)
    gap = (rays.origins - nearest[:, None] * rays.dirs).norm(dim=-1)
    chord = 2.0 * (0.36 - gap.square()).clamp_min(0.0).sqrt()
    with torch.no_grad():
        opacity = Renderer(sampler)(field, rays).opacity
    # The ball's wall is met within a step or so: at most 0.05 m here.
    assert torch.allclose(opacity, 1.0 - torch.exp(-2.0 * chord), atol=0.1)


@pytest.mark.parametrize("stride", [1, 2, 3, 7])
def test_every_nth_sample_of_a_ray_is_looked_at(stride: int, generator: torch.Generator):
    counts = torch.randint(0, 9, (40,), generator=generator)
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    expected = [int(offsets[ray]) + place for ray in range(40) for place in range(stride - 1, int(counts[ray]), stride)]
    assert _every(offsets, stride).tolist() == expected
    assert _every(offsets[:1], stride).tolist() == []


def test_culling_only_drops_what_is_hidden(generator: torch.Generator):
    rays, field = rays_at(100, generator), Ball(80.0, radius=0.6)
    for every, culled in (
        (UniformSampler(96), UniformSampler(96, cull=1e-3)),
        (occupancy(), occupancy(cull=1e-3)),
    ):
        assert len(culled.sample(field, rays)) < 0.95 * len(every.sample(field, rays))
        with torch.no_grad():
            difference = Renderer(every)(field, rays).opacity - Renderer(culled)(field, rays).opacity
        assert difference.abs().max() < 2e-3


def test_occupied_cells_are_those_of_the_ball():
    sampler = occupancy()
    index = torch.arange(16**3)
    corner = torch.stack([index % 16, index // 16 % 16, index // 256], -1) / 8.0 - 1.0
    corners = corner[:, None] + torch.cartesian_prod(*[torch.tensor([0.0, 0.125])] * 3)
    whole = (corners.norm(dim=-1) <= 0.6).all(1)
    nearest = torch.maximum(corner, -(corner + 0.125)).clamp_min(0.0).norm(dim=-1)
    occupied = sampler.occupied_cells()[0]
    assert occupied[whole].all()
    assert not occupied[nearest > 0.6].any()
    assert sampler.occupied_share == pytest.approx(float(occupied.float().mean()))


def test_occupancy_samples_equal_lookups_at_every_step(generator: torch.Generator):
    sampler, rays = occupancy(), rays_at(60, generator)
    samples = sampler.sample(Ball(2.0), rays)
    step, occupied, expected = sampler.rule.step, sampler.occupied_cells()[0], []
    for ray in range(60):
        base = float(rays.near[ray]) / step + 0.5
        for k in range(200):
            start = (base + k) * step
            if start >= float(rays.far[ray]) or rays.far[ray] <= rays.near[ray]:
                break
            place = rays.origins[ray] + (start + 0.5 * step) * rays.dirs[ray]
            x, y, z = ((place + 1.0) * 8.0).long().clamp(0, 15).tolist()
            if occupied[x + 16 * (y + 16 * z)]:
                expected.append((ray, k))
    steps = (samples.t0 / step - rays.near[samples.ray] / step - 0.5).round().int()
    found = set(zip(samples.ray.tolist(), steps.tolist(), strict=True))
    assert len(found ^ set(expected)) <= 2


def test_refreshes_forget_what_went_away_and_find_what_came(generator: torch.Generator):
    sampler = occupancy(decay=0.5, interval=1)
    there = Ball(2.0, radius=0.3, center=(0.5, 0.5, 0.5))
    for step in range(1, 20):
        sampler.update(there, step, generator=generator)
    index = torch.arange(16**3)
    middle = (torch.stack([index % 16, index // 16 % 16, index // 256], -1) + 0.5) / 8.0 - 1.0
    inside = (middle - 0.5).norm(dim=-1) < 0.2
    outside = (middle - 0.5).norm(dim=-1) > 0.45
    assert sampler.occupied_cells()[0][inside].all()
    assert not sampler.occupied_cells()[0][outside].any()


def test_late_refreshes_keep_what_is_there(generator: torch.Generator):
    sampler, field = occupancy(warmup=0, interval=2), Ball(2.0, radius=0.6)
    before = sampler.occupied_cells()
    for step in range(1, 9):
        sampler.update(field, step, generator=generator)
    index = torch.arange(16**3)
    middle = (torch.stack([index % 16, index // 16 % 16, index // 256], -1) + 0.5) / 8.0 - 1.0
    core = middle.norm(dim=-1) < 0.45
    assert sampler.occupied_cells()[0][core].all()
    assert (sampler.occupied_cells() & ~before).sum() < 40
