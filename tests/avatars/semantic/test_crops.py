"""Crops as changes of the camera."""

import pytest
import torch

from avatars.semantic.crops import Crop
from nfield.cameras import Cameras, look_at

_SIZE = (120, 160)


def _camera() -> Cameras:
    pose = look_at(torch.tensor([[0.3, 0.2, 3.0]]), torch.zeros(3), torch.tensor([0.0, 1.0, 0.0]))
    return Cameras.pinhole(150.0, _SIZE, world_from_camera=pose)


@pytest.mark.parametrize("crop", [Crop(20.0, 30.0, 40.0), Crop(-15.0, -7.5, 60.0), Crop(120.0, 90.0, 80.0)])
def test_a_crops_camera_sees_points_where_the_crop_of_the_picture_shows_them(crop: Crop, generator: torch.Generator):
    """Also past every border."""
    camera, points = _camera(), torch.rand(1000, 3, generator=generator) - 0.5
    whole, depth = camera.project(points, 0)
    cropped, same_depth = crop.camera(camera, 0, 64).project(points, 0)
    expected = (whole - torch.tensor([crop.left, crop.top])) * (64.0 / crop.edge)
    torch.testing.assert_close(cropped, expected, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(depth, same_depth)


def test_a_crop_is_the_square_around_a_part_with_room():
    mask = torch.zeros(_SIZE, dtype=torch.bool)
    mask[40:60, 50:90] = True
    crop = Crop.around(mask, "torso")
    assert crop == Crop(48.0, 28.0, 44.0)  # 40 long, 2 more on each side, about the middle (70, 50)
    head = Crop.around(mask, "head")
    assert head == Crop(30.0, 10.0, 80.0)
    assert Crop.around(torch.zeros(_SIZE, dtype=torch.bool), "head") is None


def test_a_crop_of_a_ramp_is_the_ramp_and_repeats_the_border_past_it():
    columns = (torch.arange(160.0) + 0.5)[None, :, None].expand(*_SIZE, 3)
    inside = Crop(40.0, 20.0, 32.0).of(columns, 16)
    torch.testing.assert_close(inside[0, :, 0], 41.0 + 2.0 * torch.arange(16.0), atol=1e-3, rtol=0)
    beyond = Crop(150.0, 20.0, 40.0).of(columns, 20)
    assert (beyond[:, 8:, 0] - 159.5).abs().max() < 1e-3


def test_a_crop_that_shrinks_averages_what_it_holds():
    stripes = (torch.arange(160) % 2).float()[None, :, None].expand(*_SIZE, 3)
    small = Crop(0.0, 0.0, 120.0).of(stripes, 10)
    assert (small - 0.5).abs().max() < 0.01
