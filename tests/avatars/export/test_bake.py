"""Colours and outlines of a ball whose field is known in closed form."""

import math

import pytest
import torch

from avatars.export.bake import BakeConfig, bake
from avatars.export.outline import OutlineConfig, meet_outlines
from avatars.export.outline_views import OutlineViewsConfig, outline_views
from avatars.posed.avatar import PosedAvatar
from avatars.posed.rendered_field import RenderedField
from avatars.surface.mesh import vertex_normals
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.occupancy import OccupancyConfig, OccupancySampler
from nfield.types import Box
from tests.avatars.surface.shapes import sphere
from tests.solids import Ball

RADIUS = 0.305


def _ball(radius: float, *, rounds: int = 4) -> PosedAvatar:
    """A solid ball of `RADIUS`, and a mesh of it of another radius."""
    field = Ball(5000.0, radius=RADIUS)
    sampler = OccupancySampler(Box.cube(0.4), OccupancyConfig(resolution=32, steps=600, coarse=1.0))
    vertices, faces = sphere(radius, rounds=rounds)
    return PosedAvatar(RenderedField(field, Renderer(sampler)), vertices, faces)


def test_a_point_takes_the_colour_of_the_fields_surface_before_it():
    ball = _ball(0.3)
    normals = torch.nn.functional.normalize(ball.vertices, dim=-1)
    found = bake(ball.rendered, ball.vertices, normals, BakeConfig())
    torch.testing.assert_close(found, 0.5 + 0.4 * normals, atol=4e-3, rtol=0.0)


def test_where_the_field_has_nothing_the_nearest_colour_is_taken():
    ball = _ball(0.3)
    places = torch.cat([ball.vertices, torch.tensor([[0.36, 0.0, 0.0]])])
    normals = torch.nn.functional.normalize(places, dim=-1)
    found = bake(ball.rendered, places, normals, BakeConfig())
    nearest = (ball.vertices - places[-1]).norm(dim=-1).argmin()
    torch.testing.assert_close(found[-1], found[nearest])


def test_no_points_have_no_colours():
    none = torch.zeros(0, 3)
    assert bake(_ball(0.3, rounds=1).rendered, none, none, BakeConfig()).shape == (0, 3)


@pytest.mark.parametrize("radius", [0.3])
def test_a_mesh_moves_to_where_the_field_ends(radius: float):
    ball = _ball(radius)
    views = outline_views(ball, OutlineViewsConfig(rings=((0.0, 6), (40.0, 3), (-40.0, 3)), size=320))
    offsets = meet_outlines(ball.vertices, ball.faces, views, OutlineConfig())
    # A pixel is 2.6 mm wide, and the ball's edge is hard: each view is off by up to half of that.
    assert float((offsets - (RADIUS - radius)).abs().mean()) < 9e-4
    assert float((offsets - (RADIUS - radius)).mean().abs()) < 6e-4
    moved = ball.vertices + offsets[:, None] * vertex_normals(ball.vertices, ball.faces)
    assert float((moved.norm(dim=-1) - RADIUS).abs().max()) < 3e-3


def test_a_view_looks_at_the_field_beside_the_outline_only():
    """Far inside the mesh's cover counts, far outside nothing does; the disc that is seen has the ball's size."""
    ball = _ball(0.3)
    (view,) = outline_views(ball, OutlineViewsConfig(rings=((0.0, 1),), size=320))
    distance = float(view.camera.origins[0].norm())
    focal = float(view.camera.focal_lengths[0, 0])
    seen = focal * RADIUS / math.sqrt(distance**2 - RADIUS**2)
    assert float((view.opacity > 0.5).sum()) == pytest.approx(math.pi * seen**2, rel=5e-3)


def test_a_mesh_that_no_view_sees_stays():
    ball = _ball(0.3, rounds=2)
    offsets = meet_outlines(ball.vertices, ball.faces, (), OutlineConfig())
    assert not offsets.any()
