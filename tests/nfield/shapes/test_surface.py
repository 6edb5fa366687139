"""Surfaces of closed forms: marched in a narrow band, measured, drawn, sliced."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from nfield.errors import DataError
from nfield.shapes import measures
from nfield.shapes.drawing import DISTANCE, drawn, front, iso_colors, orbit, slice_through
from nfield.shapes.measures import chamfer, measured, normal_error, overlap
from nfield.shapes.surface import NarrowBand, zero_set
from tests.nfield.shapes.solids import Exact, ball_mesh, box, sphere, torus
from tests.nfield.shapes.test_signed_distance import in_cube, known

RADIUS = 0.6


def ball_field(radius: float = RADIUS) -> Exact:
    return Exact(lambda points: sphere(points, radius))


@pytest.fixture(autouse=True)
def _few_points(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measures, "_VOLUME_POINTS", 1 << 16)
    monkeypatch.setattr(measures, "_SURFACE_POINTS", 1 << 14)
    monkeypatch.setattr(measures, "_DISTANCE_POINTS", 1 << 12)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(("resolution", "blocks"), [(40, "one block"), (110, "several blocks")])
def test_a_ball_is_marched_closed_and_where_it_is(resolution: int, blocks: str):
    mesh = zero_set(ball_field(), resolution)
    assert mesh.is_watertight
    assert np.linalg.norm(mesh.vertices, axis=-1) == pytest.approx(np.full(len(mesh.vertices), RADIUS), abs=1e-3)
    assert mesh.volume == pytest.approx(4 / 3 * math.pi * RADIUS**3, rel=5e-3)


def test_a_torus_keeps_its_hole_and_a_box_its_place():
    ring = zero_set(Exact(lambda points: torus(points, 0.6, 0.25)), 64)
    assert ring.euler_number == 0
    assert ring.volume == pytest.approx(2 * math.pi**2 * 0.6 * 0.25**2, rel=0.01)
    half = torch.tensor([0.7, 0.4, 0.2])
    block = zero_set(Exact(lambda points: box(points, half)), 64)
    assert block.bounds == pytest.approx(np.stack([-half, half]), abs=0.02)


def test_only_the_band_around_the_surface_is_asked_for():
    asked: list[int] = []

    def counted(points: Tensor) -> Tensor:
        asked.append(len(points))
        return sphere(points, RADIUS)

    zero_set(Exact(counted), 128)
    assert sum(asked) < 0.35 * 131**3
    band = NarrowBand.of(ball_field())
    middle = (torch.arange(64) + 0.5) / 32 - 1.0
    away = torch.stack(torch.meshgrid(middle, middle, middle, indexing="ij"), -1).norm(dim=-1) - RADIUS
    assert bool(band.near[away.abs() < math.sqrt(3) / 64].all())
    assert torch.equal(band.inside, away < 0.0)


def test_a_field_without_a_surface_says_so():
    with pytest.raises(DataError, match="the field has no surface, expected one; train it for longer"):
        zero_set(Exact(lambda points: torch.ones(len(points))), 16)


def test_measures_of_the_truth_are_perfect():
    truth = known(ball_mesh(subdivisions=5))
    field = ball_field(0.99)
    found = measured(field, zero_set(field, 96), truth)
    assert found.iou > 0.998
    assert found.iou_outside > 0.998
    assert found.normal_error < found.normal_floor + 0.5
    assert found.chamfer < 1e-3
    assert found.off_surface_error < 0.01


def test_measures_of_a_smaller_ball_have_their_closed_forms():
    truth = known(ball_mesh(subdivisions=5))
    field = ball_field(0.9)
    found = measured(field, zero_set(field, 96), truth)
    assert found.iou == pytest.approx((0.9 / 0.99) ** 3, abs=0.01)
    volume = 4 / 3 * math.pi / 8
    assert found.iou_outside == pytest.approx((1 - volume * 0.99**3) / (1 - volume * 0.9**3), abs=0.01)
    assert found.chamfer == pytest.approx(0.09, abs=2e-3)


def test_normals_that_are_turned_are_as_wrong_as_they_are_turned():
    block = in_cube(ball_mesh(subdivisions=5))
    assert normal_error(block, block.turned(), generator()) == pytest.approx(180.0, abs=3.0)
    assert normal_error(block, block, generator()) < 3.0


def test_the_chamfer_distance_is_the_mean_of_both_ways():
    inner = in_cube(ball_mesh(subdivisions=4))
    assert chamfer(inner, known(ball_mesh(subdivisions=4)), generator()) < 1e-4


def test_overlaps_are_counted_by_hand():
    one, other = torch.tensor([True, True, True, False]), torch.tensor([False, True, True, False])
    assert overlap(one, other) == 2 / 3
    assert overlap(~other & other, ~other & other) == 1.0


def test_a_ball_is_drawn_as_a_disc_of_its_size_with_its_depth():
    size = (120, 160)
    image = drawn(ball_mesh(RADIUS, 5), front(size), size)
    seen = image.opacity > 0.0
    focal = orbit(size).focal
    radius = focal * RADIUS / math.sqrt(DISTANCE**2 - RADIUS**2)
    assert int(seen.sum()) == pytest.approx(math.pi * radius**2, rel=0.03)
    assert float(image.depth[60, 80]) == pytest.approx(DISTANCE - RADIUS, abs=0.01)
    assert image.color[~seen].unique().tolist() == [1.0]
    upper, lower = image.color[60 - int(radius / 2), 80].mean(), image.color[60 + int(radius / 2), 80].mean()
    assert upper > lower


def test_a_slice_shows_the_inside_where_it_is():
    size = (90, 90)
    image = slice_through(ball_field(), 2, front(size), size)
    assert image is not None
    blue = image.color[..., 2] - image.color[..., 0] > 0.1
    assert bool(blue[45, 45])
    inside = float(blue.sum()) / float((image.opacity > 0).sum())
    assert inside == pytest.approx(math.pi * RADIUS**2 / 4.0, abs=0.06)
    assert slice_through(ball_field(), 2, front(size), size, lambda: True) is None


def test_lines_of_equal_distance_lie_where_they_should():
    colors = iso_colors(torch.tensor([0.0, 0.05, 0.075, -0.075]))
    assert colors[0].tolist() == [0.0, 0.0, 0.0]
    assert float(colors[1].mean()) < float(colors[2].mean())
    assert colors[2, 0] > colors[2, 2]
    assert colors[3, 2] > colors[3, 0]
