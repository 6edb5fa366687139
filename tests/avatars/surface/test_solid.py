import dataclasses

import pytest
import torch

from avatars.surface.appearance import VertexColors
from avatars.surface.solid import Solid, SolidConfig, SurfacePoints
from tests.avatars.surface.shapes import joined, sphere, square

_CONFIG = SolidConfig(on=20000, around=4000, depth=0.05, height=0.04, detail=4.0)


def _solid(mesh: tuple[torch.Tensor, torch.Tensor], seed: int = 0, detailed: torch.Tensor | None = None) -> Solid:
    """Colours are the positions, moved into [0, 1]; the photo shows what lies in front."""
    vertices, faces = mesh
    look = VertexColors(faces, 0.5 + 0.25 * vertices, (vertices[:, 2] > 0.0).float())
    return Solid.of(
        vertices,
        faces,
        look,
        detailed=torch.zeros(len(faces), dtype=torch.bool) if detailed is None else detailed,
        config=_CONFIG,
        generator=torch.Generator().manual_seed(seed),
    )


@pytest.fixture(scope="module")
def ball():
    return _solid(sphere(0.5, rounds=5))


def test_inside_of_a_sphere_is_nearer_than_its_radius(ball: Solid):
    around = ball.around
    radius = around.place.norm(dim=-1)
    sure = (radius - 0.5).abs() > 5e-4  # The polyhedron lies a little within the sphere.
    assert torch.equal(around.inside[sure], radius[sure] < 0.5)
    assert 0.45 < around.inside.float().mean() < 0.55


def test_points_around_reach_as_deep_and_as_high_as_asked(ball: Solid):
    radius = ball.around.place.norm(dim=-1)
    assert 0.449 < radius.min() < 0.455
    assert 0.535 < radius.max() < 0.541


def test_distances_are_those_to_the_surface(ball: Solid):
    """To the nearest of 20,000 points on it, which lie about 1.2 cm apart."""
    true = (ball.around.place.norm(dim=-1) - 0.5).abs()
    assert (ball.around.distance >= true - 1e-3).all()
    assert (ball.around.distance.square() <= true.square() + 0.04**2).all()


def test_points_lie_on_the_surface_with_their_normals_and_colours(ball: Solid):
    on = ball.on
    assert len(on.place) == 20000
    radius = on.place.norm(dim=-1)
    assert radius.min() > 0.499
    assert radius.max() < 0.5001
    assert (on.normal * on.place / radius[:, None]).sum(-1).min() > 0.999
    torch.testing.assert_close(on.normal.norm(dim=-1), torch.ones(20000))
    torch.testing.assert_close(on.color, 0.5 + 0.25 * on.place, atol=1e-5, rtol=0)
    sure = on.place[:, 2].abs() > 0.05
    torch.testing.assert_close(on.visibility[sure], (on.place[sure, 2] > 0.0).float())


def test_points_are_spread_evenly(ball: Solid):
    """By Archimedes' theorem equal slices of a sphere have equal areas."""
    for axis in range(3):
        counts = torch.histc(ball.on.place[:, axis], 10, -0.5, 0.5)
        assert (counts - 2000.0).abs().max() < 5.0 * 2000.0**0.5


def test_detailed_triangles_get_more_points():
    vertices, faces = sphere(0.5, rounds=4)
    upper = (vertices[faces].mean(1)[:, 1] > 0.0).nonzero()[:, 0]
    detailed = torch.zeros(len(faces), dtype=torch.bool)
    detailed[upper] = True
    on = _solid((vertices, faces), detailed=detailed).on
    assert (on.place[:, 1] > 0.0).float().mean() == pytest.approx(0.8, abs=0.015)  # 4 to 1.


def test_where_spheres_overlap_it_is_inside():
    """Winding number 2, and triangles of each lie within the other."""
    solid = _solid(joined(sphere(0.5, rounds=4), sphere(0.5, (0.5, 0.0, 0.0), rounds=4)))
    place = solid.around.place
    first, second = place.norm(dim=-1), (place - torch.tensor([0.5, 0.0, 0.0])).norm(dim=-1)
    nearest = torch.minimum(first, second)
    sure = (nearest - 0.5).abs() > 3e-3
    assert (torch.maximum(first, second) < 0.49).sum() > 200
    assert torch.equal(solid.around.inside[sure], nearest[sure] < 0.5)


def test_a_small_hole_lets_nothing_out():
    vertices, faces = sphere(0.5, rounds=4)
    hole = (vertices[faces].mean(1) - torch.tensor([0.0, 0.5, 0.0])).norm(dim=-1) < 0.06
    assert 3 < hole.sum() < 0.02 * len(faces)
    around = _solid((vertices, faces[~hole])).around
    radius = around.place.norm(dim=-1)
    sure = ((radius - 0.5).abs() > 3e-3) & ((around.place - torch.tensor([0.0, 0.5, 0.0])).norm(dim=-1) > 0.12)
    assert torch.equal(around.inside[sure], radius[sure] < 0.5)


def test_a_sheet_has_no_inside():
    around = _solid(square(0.5, 0.0)).around
    assert not around.inside[(around.place[:, :2].abs() < 0.5).all(-1) & (around.place[:, 2] < -1e-3)].any()


def _along_the_curve(cell: list[int]) -> int:
    """Where a cell lies on a Z-order curve: its coordinates' binary digits in turn, z first."""
    digits = [f"{coordinate:010b}" for coordinate in cell]
    return int("".join(z + y + x for x, y, z in zip(*digits, strict=True)), 2)


def test_points_of_the_surface_follow_a_curve_that_fills_space(ball: Solid):
    place = ball.on.place
    cells = ((place - place.amin(0)) / (place.amax(0) - place.amin(0)).max() * 1023.0).long()
    order = [_along_the_curve(cell) for cell in cells[:3000].tolist()]
    assert order == sorted(order)
    neighbours = (place[1:] - place[:-1]).norm(dim=-1).mean()
    assert neighbours < 0.1 * (place[torch.randperm(len(place))] - place).norm(dim=-1).mean()


def test_points_in_another_order_are_the_same_points(generator: torch.Generator):
    normal = torch.nn.functional.normalize(torch.randn(500, 3, generator=generator), dim=-1)
    number = torch.arange(500.0)
    ordered = SurfacePoints(2.0 * normal, normal, 0.5 + 0.5 * normal, number).in_space_order()
    assert ordered.visibility.sort().values.tolist() == number.tolist()
    index = ordered.visibility.long()
    torch.testing.assert_close(ordered.place, 2.0 * normal[index])
    torch.testing.assert_close(ordered.normal, normal[index])
    torch.testing.assert_close(ordered.color, 0.5 + 0.5 * normal[index])


def test_the_same_generator_draws_the_same_points():
    mesh = sphere(0.5, rounds=3)
    first, second, other = _solid(mesh), _solid(mesh), _solid(mesh, seed=1)
    for part in ("on", "around"):
        for entry in dataclasses.fields(getattr(first, part)):
            assert torch.equal(getattr(getattr(first, part), entry.name), getattr(getattr(second, part), entry.name))
    assert not torch.equal(first.on.place, other.on.place)
