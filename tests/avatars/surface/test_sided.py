"""Which vertices of a dressed surface have an inside below and an outside above them, and how much of that is free."""

import torch

from avatars.posed.warp import InverseSkinning, SkinningConfig
from avatars.surface.dressed import DressedSurface
from avatars.surface.mesh import winding_numbers
from tests.avatars.surface.shapes import sphere


def test_a_closed_surface_winds_once_around_its_inside():
    vertices, faces = sphere(0.2, rounds=4)
    points = torch.tensor([[0.0, 0.0, 0.0], [0.19, 0.0, 0.0], [0.21, 0.0, 0.0], [3.0, 1.0, 0.0]])
    torch.testing.assert_close(
        winding_numbers(vertices, faces, points), torch.tensor([1.0, 1.0, 0.0, 0.0]), atol=0.02, rtol=0
    )


def test_a_ball_has_sides_everywhere():
    assert DressedSurface(*sphere(0.2, rounds=4)).sided.all()


def test_a_ball_that_is_turned_inside_out_has_none():
    vertices, faces = sphere(0.2, rounds=4)
    assert not DressedSurface(vertices, faces.flip(-1)).sided.any()


def test_what_sticks_out_turned_over_has_none_and_the_rest_keeps_its_own():
    """An ear that growth has turned inside out."""
    vertices, faces = sphere(0.2, rounds=4)
    ear, turned = sphere(0.02, (0.23, 0.0, 0.0), rounds=2)
    surface = DressedSurface(torch.cat([vertices, ear]), torch.cat([faces, turned.flip(-1) + len(vertices)]))
    assert surface.sided[: len(vertices)].float().mean() > 0.99
    assert not surface.sided[len(vertices) :].any()


def test_below_a_vertex_without_sides_nothing_is_solid():
    vertices, faces = sphere(0.2, rounds=5)
    still = torch.eye(3, 4).repeat(len(vertices), 1, 1)
    sided = vertices[:, 0] < 0.0
    warp = InverseSkinning.of_surface(vertices, faces, still, SkinningConfig.close(), sided)
    core = warp.to_canonical(torch.tensor([[-0.194, 0.0, 0.0], [0.194, 0.0, 0.0]])).core
    assert core is not None
    assert core.tolist() == [1.0, 0.0]


def test_the_space_above_a_ball_is_free():
    assert DressedSurface(*sphere(0.2, rounds=4)).headroom.isinf().all()


def test_less_is_free_where_two_balls_come_near_each_other_and_nothing_where_they_overlap():
    left, faces = sphere(0.1, (-0.105, 0.0, 0.0), rounds=5)
    for gap, least in ((0.010, 0.006), (0.002, 0.0), (-0.02, 0.0)):
        right, _ = sphere(0.1, (0.095 + gap, 0.0, 0.0), rounds=5)
        surface = DressedSurface(torch.cat([left, right]), torch.cat([faces, faces + len(left)]))
        toward = left[:, 0].argmax()
        assert least <= float(surface.headroom[toward]) <= max(0.0, gap - 0.001)
        assert surface.headroom[left[:, 0].argmin()].isinf()


def test_a_surface_reaches_no_farther_than_what_is_free_above_it():
    vertices, faces = sphere(0.2, rounds=5)
    still = torch.eye(3, 4).repeat(len(vertices), 1, 1)
    headroom = torch.where(vertices[:, 0] < 0.0, torch.inf, 0.0)
    warp = InverseSkinning.of_surface(vertices, faces, still, SkinningConfig.close(), headroom=headroom)
    presence = warp.to_canonical(torch.tensor([[-0.204, 0.0, 0.0], [0.204, 0.0, 0.0], [0.195, 0.0, 0.0]])).presence
    assert presence.tolist() == [1.0, 0.0, 1.0]
