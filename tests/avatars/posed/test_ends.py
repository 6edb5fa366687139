"""Where rays may stop: deep in the body, but not at an edge before something farther away."""

import torch

from avatars.posed.avatar import PosedAvatar
from nfield.cameras import Cameras

_CAMERA = Cameras.pinhole(100.0, (40, 40))


def _square(half: float, depth: float, start: int):
    corners = torch.tensor([[-half, -half, depth], [half, -half, depth], [half, half, depth], [-half, half, depth]])
    return corners, torch.tensor([[0, 1, 2], [0, 2, 3]]) + start


def _ends():
    """A small square one metre away before a large one two metres away."""
    (near, near_faces), (far, far_faces) = _square(0.06, 1.0, 0), _square(0.3, 2.0, 4)
    posed = PosedAvatar.__new__(PosedAvatar)
    object.__setattr__(posed, "vertices", torch.cat([near, far]))
    object.__setattr__(posed, "faces", torch.cat([near_faces, far_faces]))
    return posed.ends(_CAMERA, 0)


def test_rays_end_deep_in_the_nearest_surface():
    assert abs(float(_ends()[20, 20]) - 1.035) < 0.002


def test_rays_that_graze_an_edge_go_on_to_what_lies_behind():
    ends = _ends()
    assert (ends[20, 25:28] > 1.9).all()  # the near square's edge is at column 26


def test_rays_beside_everything_have_no_end():
    assert torch.isinf(_ends()[1, 1])
