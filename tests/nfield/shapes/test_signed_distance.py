"""Signed distances against closed forms, with holes, crossings and triangles that face inwards."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from trimesh import Trimesh, creation

from nfield.errors import DataError
from nfield.shapes.signed_distance import SignedDistance, distance_to
from nfield.shapes.user_mesh import UserMesh, normalised
from tests.nfield.shapes.solids import (
    ball_mesh,
    box,
    crossing_balls,
    open_hemisphere,
    sphere,
    spread,
    torus,
    torus_mesh,
)


def in_cube(mesh: Trimesh) -> UserMesh:
    return normalised([mesh], where=Path("a mesh"))


def known(mesh: Trimesh) -> SignedDistance:
    return distance_to(in_cube(mesh), where=Path("a mesh"))


def in_users_unit(truth: SignedDistance, points: Tensor) -> tuple[Tensor, Tensor]:
    """Points, and the distances that are found of them, in the unit of the mesh's file."""
    world = truth.mesh.world
    return torch.from_numpy(world.user_from_scene(points.numpy())), truth.at(points).double() / world.scale


def test_a_box_has_its_closed_form_to_rounding():
    truth = known(creation.box((2.0, 1.0, 0.5)))
    points, found = in_users_unit(truth, spread(2000))
    assert found == pytest.approx(box(points, torch.tensor([1.0, 0.5, 0.25]).double()), abs=1e-5)


def test_a_ball_and_a_torus_have_theirs_to_the_flatness_of_their_triangles():
    points, found = in_users_unit(known(ball_mesh()), spread(2000))
    assert found == pytest.approx(sphere(points, 1.0), abs=3e-3)
    points, found = in_users_unit(known(torus_mesh()), spread(2000))
    assert found == pytest.approx(torus(points, 2.0, 0.7), abs=6e-3)


def test_balls_that_cross_are_inside_where_either_is():
    points, found = in_users_unit(known(crossing_balls()), spread(4000))
    shift = torch.tensor([0.6, 0.0, 0.0]).double()
    either = torch.minimum(sphere(points - shift, 1.0), sphere(points + shift, 1.0))
    clear = either.abs() > 3e-3
    assert ((found < 0.0) == (either < 0.0))[clear].all()
    assert found[either > 0.0] == pytest.approx(either[either > 0.0], abs=3e-3)


def test_an_open_hemisphere_is_closed_about_where_its_rim_is():
    truth = known(open_hemisphere())
    points = torch.from_numpy(truth.mesh.world.scene_from_user(np.array([[0, 0, 0.5], [0, 0, -0.5], [0, 0, 1.2]])))
    assert truth.inside(points.float()).tolist() == [True, False, False]


def test_a_mesh_that_faces_inwards_is_turned_and_said_to_be():
    ball = ball_mesh(subdivisions=3)
    ball.invert()
    truth = known(ball)
    assert "the triangles face inwards and are turned" in truth.mesh.notes
    assert float(truth.at(torch.zeros(1, 3))) < 0.0
    outwards = (truth.mesh.normals * truth.mesh.triangles.mean(1)).sum(-1)
    assert (outwards > 0.0).all()


def test_a_sheet_encloses_nothing():
    sheet = Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    with pytest.raises(DataError, match="a mesh: the surface encloses nothing"):
        known(sheet)


def test_the_order_of_points_does_not_matter_and_none_are_allowed():
    truth = known(ball_mesh(subdivisions=2))
    points = spread(500)
    order = torch.randperm(500, generator=torch.Generator().manual_seed(1))
    assert torch.equal(truth.at(points)[order], truth.at(points[order]))
    assert truth.at(points[:0]).shape == (0,)
