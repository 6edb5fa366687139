"""Distances to a mask and outlines of bodies, on discs and rectangles."""

import math

import pytest
import torch

from avatars.body_fit.silhouette import Silhouette, silhouette
from tests.avatars.surface.shapes import sphere, square

_SIZE = (300, 260)
_MIDDLE = torch.tensor([120.0, 140.0])


def _disc(radius: float, size: tuple[int, int] = _SIZE, middle: torch.Tensor = _MIDDLE) -> torch.Tensor:
    row, column = torch.meshgrid(torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5, indexing="ij")
    return (column - middle[0]).square() + (row - middle[1]).square() < radius**2


def _around(radius: float, count: int = 90) -> torch.Tensor:
    angle = torch.arange(count) * (2.0 * math.pi / count)
    return _MIDDLE + radius * torch.stack([angle.cos(), angle.sin()], -1)


@pytest.fixture(scope="module")
def disc() -> Silhouette:
    return silhouette(_disc(70.0))


@pytest.mark.parametrize("radius", [20.0, 50.0, 69.0, 75.0, 100.0])
def test_distance_to_a_disc_is_that_to_its_circle(disc: Silhouette, radius: float):
    found = disc.signed_distance(_around(radius)[None])[0]
    assert (found - (radius - 70.0)).abs().max() < 1.2


def test_distances_are_in_pixels_of_the_photo_however_large_the_person():
    for factor in (1, 5):
        size, middle = (300 * factor, 260 * factor), _MIDDLE * factor
        found = silhouette(_disc(70.0 * factor, size, middle))
        assert found.extent == pytest.approx(140.0 * factor, rel=0.01)
        away = float(found.signed_distance((middle + torch.tensor([90.0 * factor, 0.0]))[None, None])[0, 0])
        assert away == pytest.approx(20.0 * factor, rel=0.05)


def test_the_contour_lies_on_the_circle_all_around(disc: Silhouette):
    offset = disc.contour - _MIDDLE
    assert (offset.norm(dim=-1) - 70.0).abs().max() < 1.5
    angle = torch.atan2(offset[:, 1], offset[:, 0]).sort().values
    assert angle.diff().max() < 0.05


def test_distance_grows_outwards_by_a_pixel_a_pixel(disc: Silhouette):
    points = _around(95.0).requires_grad_()
    (slope,) = torch.autograd.grad(disc.signed_distance(points[None]).sum(), points)
    outward = (points.detach() - _MIDDLE) / 95.0
    assert ((slope * outward).sum(-1) - 1.0).abs().max() < 0.1


def test_distance_has_the_gradient_of_its_value(disc: Silhouette, generator: torch.Generator):
    double = Silhouette(disc.inside, disc.distance.double(), disc.contour, disc.origin.double(), disc.scale, disc.size)
    points = (60.0 + 120.0 * torch.rand(1, 20, 2, generator=generator)).double().requires_grad_()
    assert torch.autograd.gradcheck(double.signed_distance, points, eps=1e-4)


def test_where_the_photo_cuts_the_person_off_is_no_contour_and_no_outside():
    """A disc whose lower half lies beyond the photo."""
    cut = silhouette(_disc(70.0, (140, 260)))
    assert cut.contour[:, 1].max() < 139.0
    assert (cut.contour - _MIDDLE).norm(dim=-1).min() > 68.0
    below = torch.tensor([[[120.0, 139.0], [120.0, 150.0], [120.0, 160.0]]])
    assert (cut.signed_distance(below) < -10.0).all()
    assert cut.in_photo(below).tolist() == [[False, False, False]]


def test_points_at_the_border_are_not_in_the_photo(disc: Silhouette):
    points = torch.tensor([[[0.5, 100.0], [2.0, 100.0], [258.0, 298.0], [258.0, 299.5], [-4.0, 50.0]]])
    assert disc.in_photo(points).tolist() == [[False, True, True, False, False]]


def test_the_mask_covers_itself_and_nothing_covers_none_of_it(disc: Silhouette):
    assert disc.overlap(disc.inside) == 1.0
    assert disc.overlap(torch.zeros_like(disc.inside)) == 0.0


def test_what_a_body_covers_beyond_the_photo_does_not_count():
    cut = silhouette(_disc(70.0, (140, 260)))
    beyond = (torch.arange(cut.inside.shape[0]) + 0.5) / cut.scale + cut.origin[1] > 140.0
    assert beyond.any()
    for cover in (cut.inside & ~beyond[:, None], cut.inside | beyond[:, None]):
        assert cut.overlap(cover) == 1.0


@pytest.mark.parametrize("half", [40.0, 70.0, 90.0])
def test_overlap_with_a_concentric_square_is_that_of_areas(half: float):
    """The mask is a square of half width 70, the mesh one of another."""
    mask = torch.zeros(_SIZE, dtype=torch.bool)
    mask[70:210, 50:190] = True
    found = silhouette(mask)
    focal, depth = 200.0, 2.0
    center = ((_MIDDLE - torch.tensor([130.0, 150.0])) * depth / focal).tolist()
    vertices, faces = square(half * depth / focal, depth, (center[0], center[1]))
    overlap = found.overlap(found.cover(vertices, faces, focal))
    assert overlap == pytest.approx(min(half, 70.0) ** 2 / max(half, 70.0) ** 2, rel=0.02)


def test_a_balls_outline_is_where_it_turns_away_from_the_camera(disc: Silhouette):
    focal, radius, depth = 400.0, 0.25, 2.0
    center = [*((_MIDDLE - torch.tensor([130.0, 150.0])) * depth / focal).tolist(), depth]
    vertices, faces = sphere(radius, (center[0], center[1], center[2]), rounds=5)
    points = vertices[:, :2] / vertices[:, 2:] * focal + torch.tensor([130.0, 150.0])
    found = disc.outline(points, disc.cover(vertices, faces, focal))
    outward = (vertices[found] - torch.tensor(center)) / radius
    view = torch.nn.functional.normalize(vertices[found], dim=-1)
    assert len(found) > 50
    assert (outward * view).sum(-1).abs().max() < 0.25
    turn = torch.atan2(outward[:, 1], outward[:, 0]).sort().values
    assert turn.diff().max() < 0.3
