import math
from pathlib import Path

import pytest
import torch

from nfield.cameras import Cameras, Orbit, intersect_box, look_at
from nfield.lenses import distort, undistort
from nfield.types import Box

_UP = torch.tensor([0.0, 0.0, 1.0])
_FOX_DISTORTION = (0.0578421, -0.0805099, -0.000980296, 0.00015575)


def _cameras(distortion: tuple[float, float, float, float] | None = None) -> Cameras:
    matrix = torch.tensor([[50.0, 0.0, 31.0], [0.0, 55.0, 22.5], [0.0, 0.0, 1.0]])
    origins = torch.tensor([[3.0, 0.5, 1.0], [-1.0, 2.5, -0.7]])
    coefficients = None if distortion is None else torch.tensor([distortion] * 2)
    return Cameras(matrix.repeat(2, 1, 1), look_at(origins, torch.zeros(3), _UP), (48, 64), coefficients)


@pytest.mark.parametrize("distortion", [None, _FOX_DISTORTION, (-0.12, 0.02, 0.001, -0.002)])
def test_a_point_on_a_pixels_ray_projects_to_that_pixel(
    distortion: tuple[float, float, float, float] | None, generator: torch.Generator
):
    cameras = _cameras(distortion)
    pixels = torch.rand((40, 2), generator=generator) * torch.tensor([64.0, 48.0])
    for index in range(2):
        origins, dirs = cameras.directions(torch.full((40,), index), pixels)
        torch.testing.assert_close(dirs.norm(dim=-1), torch.ones(40))
        projected, depth = cameras.project(origins + 2.5 * dirs, index)
        torch.testing.assert_close(projected, pixels, atol=2e-4, rtol=0)
        forward = cameras.world_from_camera[index, :3, 2]
        torch.testing.assert_close(depth, 2.5 * dirs @ forward, atol=1e-5, rtol=1e-5)


def test_a_pinhole_sees_straight_ahead_in_the_middle_of_the_image():
    camera = Cameras.pinhole(40.0, (48, 64))
    assert (len(camera), camera.size) == (1, (48, 64))
    points = torch.tensor([[0.0, 0.0, 3.0], [1.0, -0.5, 2.0]])
    pixels, depth = camera.project(points, 0)
    torch.testing.assert_close(pixels, torch.tensor([[32.0, 24.0], [32.0 + 40.0 * 0.5, 24.0 - 40.0 * 0.25]]))
    torch.testing.assert_close(depth, points[:, 2])


def test_pinholes_stand_where_they_are_told_and_look_through_their_own_centre():
    poses = look_at(torch.tensor([[3.0, 0.5, 1.0], [-1.0, 2.5, -0.7]]), torch.zeros(3), _UP)
    cameras = Cameras.pinhole(40.0, (48, 64), world_from_camera=poses, center=(10.0, 20.0))
    assert len(cameras) == 2
    for index in range(2):
        pixels, _ = cameras.project(torch.zeros(1, 3), index)
        torch.testing.assert_close(pixels, torch.tensor([[10.0, 20.0]]), atol=1e-4, rtol=0)
    torch.testing.assert_close(cameras.focal_lengths, torch.full((2, 2), 40.0))


def test_some_columns_are_a_part_of_the_image():
    cameras = _cameras()
    part, box = cameras.columns(10, 30), Box.cube(1.0)
    assert part.size == (48, 20)
    whole = cameras.image_rays(1, box=box).dirs.reshape(48, 64, 3)
    torch.testing.assert_close(part.image_rays(1, box=box).dirs.reshape(48, 20, 3), whole[:, 10:30])


def test_image_rays_run_row_by_row_through_pixel_centres():
    cameras = _cameras()
    rays = cameras.image_rays(1, box=Box.cube(1.0))
    assert len(rays) == 48 * 64
    pixels, _ = cameras.project(rays.origins + rays.dirs, 1)
    for row, column in ((0, 0), (0, 63), (1, 0), (47, 63), (20, 5)):
        expected = torch.tensor([column + 0.5, row + 0.5])
        torch.testing.assert_close(pixels[row * 64 + column], expected, atol=1e-3, rtol=0)


def test_rays_are_cut_by_the_box_and_by_near():
    cameras = _cameras()
    camera = torch.tensor([0, 0])
    center = torch.tensor([[31.0, 22.5], [-4000.0, 22.5]])
    distance = math.sqrt(9.0 + 0.25 + 1.0)
    rays = cameras.rays(camera, center, box=Box.cube(0.1))
    assert rays.near[0] < distance < rays.far[0]
    assert rays.near[1] == rays.far[1]
    late = cameras.rays(camera, center, box=Box.cube(0.1), near=100.0)
    assert torch.equal(late.near, late.far)
    assert (late.near >= 100.0).all()


def test_intersection_with_a_box_is_its_closed_form():
    box = Box(torch.tensor([1.0, -1.0, -1.0]), torch.tensor([3.0, 1.0, 1.0]))
    diagonal = math.sqrt(0.5)
    origins = torch.tensor([[0.0, 0, 0], [2.0, 0, 0], [0.0, 0, 0], [0.0, 0, 0], [0.0, 2, 0], [4.0, 0, 0]])
    dirs = torch.tensor(
        [[1.0, 0, 0], [0.0, 1, 0], [-1.0, 0, 0], [diagonal, diagonal, 0], [1.0, 0, 0], [-diagonal, 0, diagonal]]
    )
    start, end = intersect_box(origins, dirs, box)
    root = math.sqrt(2.0)
    expected_start = torch.tensor([1.0, 0.0, 0.0, root, 0.0, root])
    hit = torch.tensor([True, True, False, False, False, False])
    torch.testing.assert_close(start[hit], expected_start[hit])
    torch.testing.assert_close(end[hit], torch.tensor([3.0, 1.0]))
    # Behind the ray, through an edge, beside the box: equal distances, an empty interval.
    torch.testing.assert_close(end[~hit], start[~hit], atol=1e-6, rtol=0)
    assert (start >= 0.0).all()


def test_intersection_of_no_rays_is_empty():
    start, end = intersect_box(torch.zeros(0, 3), torch.zeros(0, 3), Box.cube(1.0))
    assert start.shape == end.shape == (0,)


def test_points_between_the_two_distances_lie_in_the_box(generator: torch.Generator):
    box = Box.cube(1.0, center=(0.2, 0.0, -0.3))
    origins = 3.0 * torch.randn((300, 3), generator=generator)
    dirs = torch.nn.functional.normalize(torch.randn((300, 3), generator=generator) - 0.8 * origins, dim=-1)
    start, end = intersect_box(origins, dirs, box)
    distances = torch.linspace(0.0, 20.0, 2001)
    unit = box.unit_from_world(origins[:, None] + distances[:, None] * dirs[:, None])
    inside = ((unit >= 0.0) & (unit <= 1.0)).all(-1)
    claimed = (distances > start[:, None]) & (distances < end[:, None])
    unclear = (distances - start[:, None]).abs().minimum((distances - end[:, None]).abs()) < 1e-4
    assert inside.any(-1).sum() > 50
    assert torch.equal(inside | unclear, claimed | unclear)


def test_look_at_has_opencv_axes():
    pose = look_at(torch.tensor([[0.0, -2.0, 0.0]]), torch.zeros(3), _UP)[0]
    torch.testing.assert_close(pose[:3, 0], torch.tensor([1.0, 0.0, 0.0]))  # to the right
    torch.testing.assert_close(pose[:3, 1], torch.tensor([0.0, 0.0, -1.0]))  # down
    torch.testing.assert_close(pose[:3, 2], torch.tensor([0.0, 1.0, 0.0]))  # forward
    torch.testing.assert_close(pose[:, 3], torch.tensor([0.0, -2.0, 0.0, 1.0]))
    assert torch.linalg.det(pose[:3, :3]).item() == pytest.approx(1.0)


def test_orbit_is_a_closed_circle_around_the_target():
    target = torch.tensor([0.3, -0.2, 0.5])
    start = torch.tensor([2.0, 1.0, 0.4])
    orbit = Orbit(target, _UP, start, 60.0, (30, 40))
    cameras = orbit.cameras(8)
    torch.testing.assert_close(cameras.origins[0], target + start)
    torch.testing.assert_close((cameras.origins - target).norm(dim=-1), start.norm().expand(8))
    torch.testing.assert_close(cameras.origins[:, 2], (target + start)[2].expand(8))
    steps = (cameras.origins - cameras.origins.roll(1, 0)).norm(dim=-1)
    torch.testing.assert_close(steps, steps[:1].expand(8))
    turn = torch.linalg.cross(cameras.origins[0] - target, cameras.origins[1] - target)
    assert turn[2] > 0.0
    for index in range(8):
        pixels, depth = cameras.project(target[None], index)
        torch.testing.assert_close(pixels, torch.tensor([[20.0, 15.0]]), atol=1e-4, rtol=0)
        assert depth.item() == pytest.approx(start.norm().item(), rel=1e-5)


@pytest.mark.parametrize("distortion", [None, _FOX_DISTORTION])
def test_resized_cameras_see_the_same(distortion: tuple[float, float, float, float] | None, generator: torch.Generator):
    cameras = _cameras(distortion)
    small = cameras.resized((12, 32))
    assert small.size == (12, 32)
    points = 0.5 * torch.randn((20, 3), generator=generator)
    full, depth = cameras.project(points, 0)
    reduced, depth_reduced = small.project(points, 0)
    torch.testing.assert_close(reduced, full * torch.tensor([0.5, 0.25]), atol=1e-4, rtol=0)
    torch.testing.assert_close(depth_reduced, depth)


def test_cameras_are_indexed_with_their_distortion():
    cameras = _cameras(_FOX_DISTORTION)
    second = cameras[torch.tensor([1])]
    assert len(second) == 1
    assert second.distortion is not None
    torch.testing.assert_close(second.origins, cameras.origins[1:])
    assert len(cameras[:0]) == 0


def test_distortion_of_a_point_is_opencvs_formula():
    x, y, k1, k2, p1, p2 = 0.3, -0.2, 0.1, -0.05, 0.002, -0.003
    square = x * x + y * y
    radial = 1 + k1 * square + k2 * square**2
    expected = [x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x), 0.0]
    expected[1] = y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y
    result = distort(torch.tensor([[x, y]]), torch.tensor([[k1, k2, p1, p2]]))
    torch.testing.assert_close(result, torch.tensor([expected]))


def test_undistort_is_the_inverse_of_distort_over_a_whole_photo():
    columns, rows = torch.meshgrid(torch.linspace(-0.41, 0.41, 30), torch.linspace(-0.71, 0.71, 40), indexing="ij")
    plane = torch.stack([columns, rows], -1).reshape(-1, 2)
    coefficients = torch.tensor(_FOX_DISTORTION).expand(len(plane), 4)
    assert (undistort(distort(plane, coefficients), coefficients) - plane).abs().max() < 1e-5
    assert (distort(undistort(plane, coefficients), coefficients) - plane).abs().max() < 1e-5


def test_undistort_of_a_real_capture_is_the_inverse_of_distort(shared_data: Path):
    from nfield.data.loaders.transforms_file import read_transforms
    from nfield.data.loaders.transforms_lens import lens_of

    lens = lens_of(read_transforms(shared_data / "fox" / "transforms.json").frames[0], (1920, 1080))
    corners = torch.tensor([[0.0, 0.0], [1080.0, 0.0], [0.0, 1920.0], [1080.0, 1920.0], [540.0, 0.0]])
    matrix = lens.matrix((1920, 1080))
    plane = (corners - matrix[:2, 2]) / torch.stack([matrix[0, 0], matrix[1, 1]])
    coefficients = torch.tensor(lens.distortion).expand(5, -1)
    assert (distort(undistort(plane, coefficients), coefficients) - plane).abs().max() < 1e-5
