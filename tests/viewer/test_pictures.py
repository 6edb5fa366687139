import torch

from nfield.rendering.image import Image
from viewer.pictures import PICTURES, color_picture, depth_picture, opacity_picture


def _ramp():
    """Distances from 1 to 2 in the left half, nothing in the right one."""
    distance = torch.linspace(1.0, 2.0, 20).expand(6, 20).clone()
    opacity = torch.ones(6, 40)
    opacity[:, 20:] = 0.0
    return Image(torch.full((6, 40, 3), 0.25), opacity, torch.cat([distance, torch.zeros(6, 20)], 1))


def test_colour_is_rounded_to_bytes():
    assert color_picture(_ramp()).unique().tolist() == [64]


def test_opacity_is_white_where_something_is():
    picture = opacity_picture(_ramp())
    assert (picture[:, :20] == 255).all()
    assert (picture[:, 20:] == 0).all()


def test_near_is_red_far_is_blue_and_nothing_is_white():
    picture = depth_picture(_ramp()).int()
    near, far = picture[3, 0], picture[3, 19]
    assert near[0] > near[2] + 50
    assert far[2] > far[0]
    assert (picture[:, 20:] == 255).all()


def test_depth_does_not_depend_on_opacity():
    full = _ramp()
    half = Image(full.color, full.opacity * 0.8, full.depth * 0.8)
    order = [depth_picture(image)[3, :20, 0].int() for image in (full, half)]
    assert (order[0].diff().sign() == order[1].diff().sign()).float().mean() > 0.9


def test_pictures_of_nothing_are_white():
    nothing = Image(torch.ones(4, 5, 3), torch.zeros(4, 5), torch.zeros(4, 5))
    assert (depth_picture(nothing) == 255).all()
    assert set(PICTURES) == {"colour", "depth", "opacity"}
