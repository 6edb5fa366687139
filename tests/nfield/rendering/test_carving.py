"""Carving the occupancy grid by silhouettes: nothing that is seen is lost, most of what is empty goes."""

import torch

from nfield.data.analytic import analytic_scene
from nfield.rendering.samplers.occupancy import OccupancyConfig, OccupancySampler
from tests.solids import Ball


def carved(views: int, generator: torch.Generator) -> OccupancySampler:
    images = analytic_scene(views, (128, 128), generator)
    sampler = OccupancySampler(images.inner, OccupancyConfig(resolution=64))
    sampler.carve(images.cameras, list(images.images[..., 3] > 0))
    return sampler


def test_rays_of_all_pixels_that_show_something_still_meet_cells(generator: torch.Generator):
    sampler = carved(12, generator)
    fresh = analytic_scene(3, (48, 48), torch.Generator().manual_seed(9))
    for view in range(3):
        rays = fresh.cameras.image_rays(view, box=fresh.box)
        samples = sampler.sample(Ball(1.0, radius=0.1), rays)
        met = torch.bincount(samples.ray, minlength=samples.n_rays) > 0
        assert met[fresh.images[view, ..., 3].flatten() > 0].all()


def test_more_views_leave_fewer_cells(generator: torch.Generator):
    shares = [carved(views, torch.Generator().manual_seed(0)).occupied_share for views in (1, 4, 12)]
    assert shares[0] > shares[1] > shares[2] > 0.0


def test_carved_cells_stay_empty_when_the_field_is_dense_there(generator: torch.Generator):
    sampler = carved(12, generator)
    before = sampler.occupied_share
    sampler.rebuild(Ball(100.0, radius=100.0), generator=generator)
    assert sampler.occupied_share == before


def test_photos_without_transparent_pixels_carve_nothing(generator: torch.Generator):
    images = analytic_scene(4, (16, 16), generator)
    sampler = OccupancySampler(images.inner, OccupancyConfig(resolution=16))
    sampler.carve(images.cameras, [torch.ones(16, 16, dtype=torch.bool)] * 4)
    assert sampler.occupied_share == 1.0
