import pytest
import torch

from nfield.kernels.points import sample_points_reference
from nfield.types import Box, Rays, Samples


def _rays(count: int) -> Rays:
    dirs = torch.nn.functional.normalize(torch.arange(3 * count).reshape(count, 3).float() + 1.0, dim=-1)
    return Rays(torch.arange(count).float()[:, None].repeat(1, 3), dirs, torch.zeros(count), torch.full((count,), 4.0))


def test_box_coordinates_there_and_back_are_the_points(generator: torch.Generator):
    box = Box(torch.tensor([-1.0, 0.5, 2.0]), torch.tensor([3.0, 0.75, 12.0]))
    points = 20.0 * torch.rand((50, 3), generator=generator) - 10.0
    torch.testing.assert_close(box.world_from_unit(box.unit_from_world(points)), points, atol=1e-5, rtol=1e-5)


def test_box_corners_are_the_unit_cubes_corners():
    box = Box.cube(2.0, center=(1.0, -1.0, 0.0))
    corners = torch.stack([box.low, box.high])
    assert corners.tolist() == [[-1.0, -3.0, -2.0], [3.0, 1.0, 2.0]]
    assert box.unit_from_world(corners).tolist() == [[0.0] * 3, [1.0] * 3]


def test_box_keeps_shape_and_type_of_points():
    box = Box.cube(1.0)
    for shape in ((0, 3), (3,), (2, 5, 3)):
        assert box.unit_from_world(torch.zeros(shape, dtype=torch.float64)).shape == shape
    assert box.world_from_unit(torch.zeros(1, 3, dtype=torch.float64)).dtype == torch.float64


def test_rays_are_indexed_together():
    rays = _rays(5)
    chosen = rays[torch.tensor([3, 1])]
    assert len(chosen) == 2
    assert torch.equal(chosen.origins, rays.origins[[3, 1]])
    assert torch.equal(chosen.dirs, rays.dirs[[3, 1]])
    assert len(rays[1:1]) == 0


def test_sample_points_lie_in_the_middle_of_their_intervals():
    rays = _rays(3)
    samples = Samples(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0]), torch.tensor([0, 2]), 3)
    expected = torch.stack([rays.origins[0] + 1.5 * rays.dirs[0], rays.origins[2] + 3.0 * rays.dirs[2]])
    torch.testing.assert_close(sample_points_reference(rays, samples)[0], expected)


@pytest.mark.parametrize(
    ("ray", "n_rays", "expected"),
    [
        ([], 0, [0]),
        ([], 3, [0, 0, 0, 0]),
        ([0, 0, 2, 2, 2], 4, [0, 2, 2, 5, 5]),
        ([1], 2, [0, 0, 1]),
    ],
)
def test_offsets_count_the_rays_that_have_no_interval(ray: list[int], n_rays: int, expected: list[int]):
    index = torch.tensor(ray, dtype=torch.int64)
    samples = Samples(torch.zeros(len(ray)), torch.ones(len(ray)), index, n_rays)
    assert samples.offsets().tolist() == expected
    for start, end, number in zip(expected, expected[1:], range(n_rays), strict=False):
        assert (index[start:end] == number).all()
