"""Points of samples and coordinates of boxes, native against twin."""

import pytest
import torch
from torch.library import opcheck

from nfield.kernels import points as module
from nfield.kernels.points import (
    place_in_box,
    place_in_box_reference,
    sample_points,
    sample_points_reference,
)
from nfield.types import Box, Rays, Samples

Leaves = tuple[torch.Tensor, torch.Tensor, Samples]


def _rays(count: int, generator: torch.Generator) -> Rays:
    dirs = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)
    return Rays(torch.randn(count, 3, generator=generator), dirs, torch.zeros(count), torch.ones(count))


def test_native_sample_points_equal_the_twin(generator: torch.Generator):
    rays = _rays(7, generator)
    t0 = torch.rand(100, generator=generator)
    samples = Samples(t0, t0 + 0.1, torch.randint(7, (100,), generator=generator).sort().values, 7)
    for found, expected in zip(sample_points(rays, samples), sample_points_reference(rays, samples), strict=True):
        torch.testing.assert_close(found, expected)


def _packed(counts: list[int], generator: torch.Generator) -> Leaves:
    """Origins and directions of some rays, and samples on them."""
    rays = _rays(len(counts), generator)
    ray = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts, dtype=torch.int64))
    t0 = torch.rand(len(ray), generator=generator)
    return rays.origins, rays.dirs, Samples(t0, t0 + 0.1, ray, len(counts))


@pytest.mark.parametrize("counts", [[], [0], [1], [0, 5, 0, 127, 1, 300, 0]], ids=len)
def test_gradients_of_rays_are_the_sums_over_their_samples(build: str, counts: list[int], generator: torch.Generator):
    origins, dirs, samples = _packed(counts, generator)
    slopes = torch.randn(2, len(samples), 3, generator=generator)
    origins, dirs = origins.requires_grad_(), dirs.requires_grad_()
    rays = Rays(origins, dirs, torch.zeros(len(counts)), torch.ones(len(counts)))
    points, directions = sample_points(rays, samples)
    found = torch.autograd.grad((points * slopes[0] + directions * slopes[1]).sum(), (origins, dirs))
    expected = torch.zeros(2, len(counts), 3)
    for index, ray in enumerate(samples.ray.tolist()):
        middle = 0.5 * (samples.t0[index] + samples.t1[index])
        expected[0, ray] += slopes[0, index]
        expected[1, ray] += middle * slopes[0, index] + slopes[1, index]
    torch.testing.assert_close(torch.stack(found), expected, atol=1e-4, rtol=1e-4)


def test_twin_carries_gradients_to_the_rays(generator: torch.Generator):
    origins, dirs, samples = _packed([2, 0, 3], generator)
    exact = Samples(samples.t0.double(), samples.t1.double(), samples.ray, samples.n_rays)

    def answer(origins: torch.Tensor, dirs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return sample_points_reference(Rays(origins, dirs, torch.zeros(3), torch.ones(3)), exact)

    assert torch.autograd.gradcheck(answer, (origins.double().requires_grad_(), dirs.double().requires_grad_()))


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # opcheck looks at it itself
def test_op_is_registered_as_torch_wants_it(native: None, generator: torch.Generator):
    origins, dirs, samples = _packed([3, 0, 4], generator)
    arguments = (samples.t0, samples.t1, samples.ray)
    opcheck(module._native_sample_points, (origins.requires_grad_(), dirs.requires_grad_(), *arguments))
    opcheck(module._native_sample_points_backward, (*arguments, torch.randn(7, 3), torch.randn(7, 3), 3))


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
