import pytest
import torch

from avatars.surface.visibility import PosedSurface, VisibilityConfig, visibility
from nfield.cameras import Cameras
from nfield.kernels.rasterize import rasterize
from tests.avatars.surface.shapes import joined, sphere, square

_SIZE = 200
_CAMERA = Cameras.pinhole(600.0, (_SIZE, _SIZE))
_ALL = torch.ones(_SIZE, _SIZE)


def _on_plane(pixel: torch.Tensor, depth: float) -> torch.Tensor:
    """Points at a depth that the camera shows at image points."""
    flat = (pixel - _SIZE / 2) / 600.0 * depth
    return torch.cat([flat, torch.full((len(pixel), 1), depth)], -1)


def _facing(points: torch.Tensor) -> torch.Tensor:
    return torch.tensor([0.0, 0.0, -1.0]).expand(len(points), 3)


def _row(columns: torch.Tensor, row: float = 100.5) -> torch.Tensor:
    return torch.stack([columns, torch.full_like(columns, row)], -1)


def _rise(value: float, low: float, high: float) -> float:
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return share * share * (3.0 - 2.0 * share)


@pytest.fixture(scope="module")
def ball():
    """Confidence in a sphere's points and the cosine at which each is seen."""
    center = torch.tensor([0.0, 0.0, 3.0])
    vertices, faces = sphere(0.4, (0.0, 0.0, 3.0), rounds=5)
    normals = (vertices - center) / 0.4
    cover = rasterize(vertices, faces, _CAMERA.intrinsics[0], _CAMERA.size).face >= 0
    seen = visibility(PosedSurface(vertices, faces, vertices, normals), cover.float(), _CAMERA)
    return vertices, seen, -(normals * torch.nn.functional.normalize(vertices, dim=-1)).sum(-1)


def test_the_hidden_half_of_a_sphere_has_no_confidence(ball: tuple):
    _, seen, cosine = ball
    assert (cosine < 0.1).sum() > 1000
    assert (seen.confidence[cosine < 0.1] == 0.0).all()


def test_the_front_of_a_sphere_has_full_confidence(ball: tuple):
    _, seen, cosine = ball
    assert (cosine > 0.7).sum() > 100
    assert seen.confidence[cosine > 0.7].min() > 0.999
    assert seen.confidence.max() < 1.001


def test_pixels_are_those_of_a_pinhole(ball: tuple):
    vertices, seen, _ = ball
    torch.testing.assert_close(seen.pixel, 600.0 * vertices[:, :2] / vertices[:, 2:] + 100.0)


def test_confidence_grows_with_the_cosine_of_the_view():
    """Points in the middle of a square, with normals that lean more and more."""
    vertices, faces = square(0.4, 3.0)
    angle = torch.linspace(0.0, 3.1, 32)
    points = torch.tensor([0.0, 0.0, 3.0]).repeat(32, 1)
    normals = torch.stack([angle.sin(), torch.zeros(32), -angle.cos()], -1)
    seen = visibility(PosedSurface(vertices, faces, points, normals), _ALL, _CAMERA)
    expected = torch.tensor([_rise(float(a.cos()), 0.15, 0.45) for a in angle])
    torch.testing.assert_close(seen.confidence, expected, atol=1e-5, rtol=0)


def test_confidence_falls_towards_the_masks_edge():
    """A half plane of a mask: the first column outside is 120; 200 pixels are a metre."""
    vertices, faces = square(1.0, 3.0)
    alpha = _ALL.clone()
    alpha[:, 120:] = 0.0
    columns = torch.arange(100, 125) + 0.5
    points = _on_plane(_row(columns), 3.0)
    seen = visibility(PosedSurface(vertices, faces, points, _facing(points)), alpha, _CAMERA)
    expected = [_rise(max(0.0, 120.5 - float(c)) / 200.0, 0.004, 0.010) for c in columns]
    torch.testing.assert_close(seen.confidence, torch.tensor(expected), atol=1e-5, rtol=0)
    assert (seen.confidence.diff() <= 1e-6).all()
    assert (seen.confidence[0], seen.confidence[-1]) == (1.0, 0.0)


def test_the_photos_own_border_is_no_edge_and_nothing_is_seen_beyond_it():
    vertices, faces = square(1.0, 3.0)
    points = _on_plane(torch.tensor([[0.5, 0.5], [199.5, 100.5], [100.5, 199.5], [-5.0, 100.0], [100.0, 230.0]]), 3.0)
    seen = visibility(PosedSurface(vertices, faces, points, _facing(points)), _ALL, _CAMERA)
    torch.testing.assert_close(seen.confidence, torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0]))


def test_beside_something_in_front_confidence_rises_with_the_distance_in_the_photo():
    """A square before a wall covers columns up to 99; the radii looked at are 1, 2, 3 and 4 pixels."""
    wall, near = square(1.5, 3.0), square(0.5, 2.5, (-0.5, 0.0))
    vertices, faces = joined(wall, near)
    columns = torch.arange(95, 110) + 0.5
    points = _on_plane(_row(columns), 3.0)
    seen = visibility(PosedSurface(vertices, faces, points, _facing(points)), _ALL, _CAMERA)
    radii = [round(r * 200.0) for r in (0.006, 0.006 + 0.014 / 3, 0.006 + 0.028 / 3, 0.020)]
    for column, confidence in zip(columns.int().tolist(), seen.confidence.tolist(), strict=True):
        away = column - 99
        expected = 0.0 if away <= 0 else sum(away > radius for radius in radii) / 4
        assert confidence == pytest.approx(expected, abs=1e-5)


def test_what_lies_just_behind_is_no_shadow():
    """The same two squares three centimetres apart: within the gap that counts as one surface."""
    vertices, faces = joined(square(1.5, 3.0), square(0.5, 2.97, (-0.5, 0.0)))
    points = _on_plane(_row(torch.arange(102, 110) + 0.5), 3.0)
    seen = visibility(PosedSurface(vertices, faces, points, _facing(points)), _ALL, _CAMERA)
    assert (seen.confidence == 1.0).all()


def test_the_tolerance_says_how_far_behind_a_point_may_lie():
    vertices, faces = square(1.0, 3.0)
    depths = (2.99, 3.0, 3.005, 3.015)
    points = torch.cat([_on_plane(torch.tensor([[90.5, 100.5]]), depth) for depth in depths])
    for tolerance, expected in ((0.01, [1.0, 1.0, 1.0, 0.0]), (0.002, [1.0, 1.0, 0.0, 0.0])):
        config = VisibilityConfig(tolerance=tolerance)
        seen = visibility(PosedSurface(vertices, faces, points, _facing(points)), _ALL, _CAMERA, config)
        assert seen.confidence.tolist() == expected


def test_points_beside_the_surface_are_not_seen():
    vertices, faces = square(0.1, 3.0)
    points = _on_plane(torch.tensor([[100.5, 100.5], [150.5, 100.5]]), 3.0)
    seen = visibility(PosedSurface(vertices, faces, points, _facing(points)), _ALL, _CAMERA)
    assert seen.confidence.tolist() == [1.0, 0.0]


def test_a_mask_that_fills_the_photo_has_no_edge_in_its_corner():
    """A close-up, at a scale at which a few pixels are less than the edge's reach."""
    camera = Cameras.pinhole(2400.0, (200, 200))
    corners = torch.tensor([[-1.0, -1.0, 3.0], [1.0, -1.0, 3.0], [1.0, 1.0, 3.0], [-1.0, 1.0, 3.0]])
    faces = torch.tensor([[0, 2, 1], [0, 3, 2]])
    pixels = torch.tensor([[0.5, 0.5], [3.5, 3.5], [5.5, 1.5], [199.5, 199.5], [199.5, 0.5]])
    points = torch.cat([(pixels - 100.0) / 2400.0 * 3.0, torch.full((5, 1), 3.0)], -1)
    normals = torch.tensor([[0.0, 0.0, -1.0]]).expand(5, 3)
    seen = visibility(PosedSurface(corners, faces, points, normals), torch.ones(200, 200), camera)
    torch.testing.assert_close(seen.confidence, torch.ones(5), atol=1e-3, rtol=0)
