"""Lenses against hand-computed rays, and projections and distortions against their inverses."""

import math

import pytest
import torch

from nfield.cameras import Cameras
from nfield.lenses import COEFFICIENTS, Projection, directions_of, distort, in_reach, plane_of, reach, undistort

_ALL = (0.12, -0.04, 0.002, -0.003, 0.02, 0.05, -0.01, 0.006, 0.01, -0.004, -0.008, 0.003, -0.002)


def camera(projection: Projection, distortion: tuple[float, ...] = ()) -> Cameras:
    padded = torch.tensor([distortion + (0.0,) * (COEFFICIENTS - len(distortion))])
    matrix = torch.tensor([[[50.0, 0.0, 32.0], [0.0, 40.0, 24.0], [0.0, 0.0, 1.0]]])
    pose = torch.eye(4)[None]
    return Cameras(matrix, pose, (48, 64), padded if distortion else None, torch.tensor([int(projection)]))


def ray(cameras: Cameras, column: float, row: float) -> list[float]:
    return cameras.directions(torch.tensor([0]), torch.tensor([[column, row]]))[1][0].tolist()


def test_a_pinholes_ray_is_the_offset_over_the_focal_length():
    expected = torch.nn.functional.normalize(torch.tensor([10.0 / 50.0, -8.0 / 40.0, 1.0]), dim=0).tolist()
    assert ray(camera(Projection.PERSPECTIVE), 42.0, 16.0) == pytest.approx(expected, abs=1e-6)


def test_a_fisheyes_ray_has_the_offset_as_its_angle():
    angle = 25.0 / 50.0
    assert ray(camera(Projection.EQUIDISTANT), 57.0, 24.0) == pytest.approx([math.sin(angle), 0.0, math.cos(angle)])
    # Beyond a quarter turn a fisheye looks backward.
    angle = 80.0 / 40.0
    assert ray(camera(Projection.EQUIDISTANT), 32.0, 104.0) == pytest.approx([0.0, math.sin(angle), math.cos(angle)])


def test_a_distorted_fisheyes_ray_solves_the_polynomial():
    angle, k1, k2, k3, k4 = 0.9, 0.1, -0.02, 0.01, 0.003
    square = angle * angle
    moved = angle * (1 + k1 * square + k2 * square**2 + k3 * square**3 + k4 * square**4)
    lens = camera(Projection.EQUIDISTANT, (k1, k2, 0, 0, k3, 0, 0, 0, 0, 0, 0, 0, k4))
    assert ray(lens, 32.0 + 50.0 * moved, 24.0) == pytest.approx([math.sin(angle), 0.0, math.cos(angle)], abs=1e-5)


def test_a_panoramas_ray_has_its_column_as_longitude_and_its_row_as_latitude():
    longitude, latitude = 20.0 / 50.0, -10.0 / 40.0
    expected = [
        math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
        math.cos(latitude) * math.cos(longitude),
    ]
    assert ray(camera(Projection.EQUIRECTANGULAR), 52.0, 14.0) == pytest.approx(expected)


def test_rational_and_prism_terms_are_opencvs_formula():
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4, _ = _ALL
    x, y = 0.3, -0.2
    r = x * x + y * y
    radial = (1 + k1 * r + k2 * r**2 + k3 * r**3) / (1 + k4 * r + k5 * r**2 + k6 * r**3)
    expected = [
        x * radial + 2 * p1 * x * y + p2 * (r + 2 * x * x) + s1 * r + s2 * r**2,
        y * radial + p1 * (r + 2 * y * y) + 2 * p2 * x * y + s3 * r + s4 * r**2,
    ]
    result = distort(torch.tensor([[x, y]]), torch.tensor([_ALL[:12]]))
    torch.testing.assert_close(result, torch.tensor([expected]))
    longer = distort(torch.tensor([[x, y]]), torch.tensor([(*_ALL[:12], 0.0)]))
    torch.testing.assert_close(longer, result)


@pytest.mark.parametrize("count", [4, 5, 8, 12, 13])
def test_undistort_is_the_inverse_for_any_number_of_coefficients(count: int):
    axis = torch.linspace(-0.9, 0.9, 21, dtype=torch.float64)
    plane = torch.cartesian_prod(axis, axis)
    coefficients = torch.tensor(_ALL[:count], dtype=torch.float64).expand(len(plane), -1)
    assert (undistort(distort(plane, coefficients), coefficients) - plane).abs().max() < 1e-6


def test_a_strong_lens_is_undone_up_to_the_corners_of_the_image():
    k3 = torch.tensor([[0.0, 0.0, 0.0, 0.0, 3.0]], dtype=torch.float64)
    radius = torch.linspace(0.0, 0.6, 50, dtype=torch.float64)
    plane = torch.stack([0.6 * radius, 0.8 * radius], -1)
    found = undistort(plane, k3.expand(50, -1)).norm(dim=-1)
    torch.testing.assert_close(found + 3.0 * found**7, radius, atol=1e-7, rtol=0)


def test_derivatives_of_newtons_method_are_those_of_the_formula(generator: torch.Generator):
    from nfield.lenses import _newton_step

    plane = (torch.rand(20, 2, generator=generator) - 0.5).double()
    coefficients = torch.tensor(_ALL, dtype=torch.float64).expand(20, -1)
    step = 1e-6 * torch.randn(20, 2, generator=generator).double()
    error = distort(plane + step, coefficients) - distort(plane, coefficients)
    torch.testing.assert_close(_newton_step(plane, error, coefficients), step, rtol=1e-3, atol=1e-10)


@pytest.mark.parametrize("projection", list(Projection))
def test_every_projection_has_its_inverse(projection: Projection, generator: torch.Generator):
    points = torch.randn(200, 3, generator=generator, dtype=torch.float64)
    if projection is Projection.PERSPECTIVE:
        points[:, 2] = points[:, 2].abs() + 0.1
    plane, distance = plane_of(points, projection)
    directions = directions_of(plane, torch.full((200,), int(projection)))
    torch.testing.assert_close(
        torch.nn.functional.normalize(directions, dim=-1), torch.nn.functional.normalize(points, dim=-1)
    )
    assert (distance > 0.0).all()


def test_cameras_of_several_projections_keep_their_own():
    both = Cameras(
        torch.eye(3).repeat(2, 1, 1) * 50.0, torch.eye(4).repeat(2, 1, 1), (10, 10), None, torch.tensor([0, 1])
    )
    _, dirs = both.directions(torch.tensor([1, 0, 1]), torch.tensor([[25.0, 0.0]] * 3))
    torch.testing.assert_close(dirs[0], torch.tensor([math.sin(0.5), 0.0, math.cos(0.5)]))
    torch.testing.assert_close(dirs[0], dirs[2])
    assert dirs[1, 0] / dirs[1, 2] == pytest.approx(0.5)


def test_what_is_behind_a_pinhole_is_not_in_front():
    assert plane_of(torch.tensor([[0.1, 0.2, -1.0]]), Projection.PERSPECTIVE)[1].item() < 0.0
    assert plane_of(torch.tensor([[0.1, 0.2, -1.0]]), Projection.EQUIDISTANT)[1].item() > 0.0


def test_points_behind_the_fold_are_out_of_sight():
    barrel = torch.tensor([-0.3, 0.0, 0.0, 0.0])
    fold = 1.0 / math.sqrt(0.9)  # where r (1 - 0.3 r^2) stops growing
    assert reach(barrel) == pytest.approx(fold, abs=0.02)
    assert in_reach(torch.tensor([[0.9 * fold, 0.0], [0.0, 1.6 * fold]]), barrel).tolist() == [True, False]
    assert reach(torch.tensor([0.1, 0.0, 0.0, 0.0])) == math.inf
    lens = camera(Projection.PERSPECTIVE, (-0.3, 0.0, 0.0, 0.0))
    pixels, _ = lens.project(torch.tensor([[1.8, 0.0, 1.0], [0.1, 0.0, 1.0]]), 0)
    assert torch.isinf(pixels[0]).all()
    assert torch.isfinite(pixels[1]).all()


def test_no_points_have_no_rays():
    lens = camera(Projection.EQUIDISTANT, _ALL)
    none = torch.zeros(0, dtype=torch.int64)
    assert lens.directions(none, torch.zeros(0, 2))[1].shape == (0, 3)
    assert lens.project(torch.zeros(0, 3), 0)[0].shape == (0, 2)
