"""Training points: shares, evenness over the area, noise, distances."""

import numpy as np
import pytest
import torch
from trimesh import creation

from nfield.shapes.samples import Mixture, draw_samples, on_surface
from nfield.shapes.signed_distance import SignedDistance
from tests.nfield.shapes.solids import ball_mesh
from tests.nfield.shapes.test_signed_distance import in_cube, known


def test_points_of_the_surface_lie_on_their_triangles_in_proportion_to_area():
    mesh = in_cube(creation.box((4.0, 1.0, 1.0)))
    points = on_surface(mesh, 20_000, torch.Generator().manual_seed(0))
    height = ((points.places - torch.from_numpy(mesh.triangles[points.face.numpy(), 0])) * points.normals(mesh)).sum(-1)
    assert float(height.abs().max()) < 1e-6
    share = np.bincount(points.face.numpy(), minlength=12) / 20_000
    assert share == pytest.approx(mesh.areas / mesh.areas.sum(), abs=0.01)
    assert SignedDistance(mesh).unsigned(points.places).max() < 1e-6


def test_points_are_even_within_a_triangle():
    mesh = in_cube(creation.box((1.0, 1.0, 1.0)))
    places = on_surface(mesh, 40_000, torch.Generator().manual_seed(0)).places.double()
    edge = 0.99 / np.sqrt(3.0)
    top = places[(places[:, 2] - edge).abs() < 1e-6]
    # The variance of a uniform coordinate in [-a, a] is a^2 / 3.
    assert top[:, 0].var() == pytest.approx(edge**2 / 3.0, rel=0.05)
    assert (top[:, 0] * top[:, 1]).mean() == pytest.approx(0.0, abs=0.01)


def test_a_mixture_has_its_shares_and_true_distances():
    truth = known(ball_mesh(subdivisions=3))
    drawn = draw_samples(truth, 8000, Mixture(0.5, 0.25, 0.02), torch.Generator().manual_seed(0))
    assert float(drawn.distance[:4000].abs().max()) == 0.0
    near, rest = drawn.distance[4000:6000], drawn.distance[6000:]
    assert near.std() == pytest.approx(0.02, rel=0.1)
    assert float(rest.abs().mean()) > 0.2
    radius = drawn.points.norm(dim=-1)
    assert drawn.distance == pytest.approx(radius - 0.99, abs=1e-2)
    assert float(drawn.points.abs().max()) <= 1.0


def test_the_same_generator_draws_the_same():
    truth = known(ball_mesh(subdivisions=1))
    one, other = (draw_samples(truth, 64, Mixture(), torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one.points, other.points)
    assert torch.equal(one.distance, other.distance)
