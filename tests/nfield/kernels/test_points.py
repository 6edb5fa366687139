"""Points of samples and coordinates of boxes, native against twin."""

import torch

from nfield.kernels.points import (
    place_in_box,
    place_in_box_reference,
    sample_points,
    sample_points_reference,
)
from nfield.types import Box, Rays, Samples


def _rays(count: int, generator: torch.Generator) -> Rays:
    dirs = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)
    return Rays(torch.randn(count, 3, generator=generator), dirs, torch.zeros(count), torch.ones(count))


def test_native_sample_points_equal_the_twin(generator: torch.Generator):
    rays = _rays(7, generator)
    t0 = torch.rand(100, generator=generator)
    samples = Samples(t0, t0 + 0.1, torch.randint(7, (100,), generator=generator).sort().values, 7)
    for found, expected in zip(sample_points(rays, samples), sample_points_reference(rays, samples), strict=True):
        torch.testing.assert_close(found, expected)


def test_sample_points_carry_gradients_to_the_rays(generator: torch.Generator):
    rays = _rays(2, generator)
    origins = rays.origins.clone().requires_grad_()
    samples = Samples(torch.zeros(3), torch.ones(3), torch.tensor([0, 0, 1]), 2)
    points, _ = sample_points(Rays(origins, rays.dirs, rays.near, rays.far), samples)
    points.sum().backward()
    assert torch.equal(origins.grad, torch.tensor([[2.0] * 3, [1.0] * 3]))


def test_native_box_placement_equals_the_twin(generator: torch.Generator):
    box = Box(torch.tensor([-1.0, 0.0, 2.0]), torch.tensor([1.0, 3.0, 2.5]))
    points = torch.randn(500, 3, generator=generator) * 2.0
    points[0] = torch.tensor([0.0, 1.0, 2.25])
    points[1] = torch.nan
    unit, presence = place_in_box(box, points)
    expected_unit, expected_presence = place_in_box_reference(box, points)
    torch.testing.assert_close(unit, expected_unit, equal_nan=True)
    assert torch.equal(presence, expected_presence)
    assert presence[0] == 1.0
    assert presence[1] == 0.0
