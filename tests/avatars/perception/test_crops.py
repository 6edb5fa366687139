import math
from itertools import pairwise

import pytest
import torch

from avatars.perception.crops import Crop, person_crop, tiles

TURNED = Crop((30.0, 20.0), 50.0, 0.4, 100)


def test_middle_of_crop_is_its_center():
    found = TURNED.image_from_crop(torch.tensor([[50.0, 50.0]]))
    torch.testing.assert_close(found, torch.tensor([[30.0, 20.0]]))


def test_quarter_turn_sends_columns_down():
    crop = Crop((10.0, 10.0), 4.0, math.pi / 2, 4)
    found = crop.image_from_crop(torch.tensor([[4.0, 2.0], [2.0, 4.0]]))
    torch.testing.assert_close(found, torch.tensor([[10.0, 12.0], [8.0, 10.0]]))


def test_points_return_from_the_crop(generator: torch.Generator):
    points = torch.randn(7, 2, generator=generator) * 40
    torch.testing.assert_close(TURNED.image_from_crop(TURNED.crop_from_image(points)), points, rtol=1e-5, atol=1e-4)


def test_crop_of_the_whole_photo_at_its_size_is_the_photo(generator: torch.Generator):
    image = torch.rand(1, 3, 16, 16, generator=generator)
    crop = Crop((8.0, 8.0), 16.0, 0.0, 16)
    torch.testing.assert_close(crop.cut(image, outside="zeros"), image)
    torch.testing.assert_close(crop.paste(image[0, 0], (16, 16)), image[0, 0])


def test_cut_reads_a_linear_picture_at_the_mapped_points():
    rows, columns = torch.meshgrid(torch.arange(60.0), torch.arange(80.0), indexing="ij")
    image = torch.stack([columns, rows])[None]
    crop = Crop((40.0, 30.0), 20.0, 0.7, 10)
    points = torch.stack(torch.meshgrid(torch.arange(10.0), torch.arange(10.0), indexing="xy"), -1).reshape(-1, 2)
    found = crop.cut(image, outside="zeros")[0].flatten(1).T
    torch.testing.assert_close(found, crop.image_from_crop(points), rtol=1e-4, atol=1e-3)


def test_outside_the_photo_is_zero_or_the_border():
    image, crop = torch.ones(1, 1, 8, 8), Crop((-50.0, -50.0), 4.0, 0.0, 4)
    assert crop.cut(image, outside="zeros").sum() == 0
    assert crop.cut(image, outside="border").sum() == 16


def test_standing_person_is_not_turned():
    crop = person_crop(torch.tensor([50.0, 60.0]), torch.tensor([50.0, 20.0]), 256)
    assert crop.center == (50.0, 60.0)
    assert crop.size == pytest.approx(100.0)
    assert crop.angle == pytest.approx(0.0)


@pytest.mark.parametrize("angle", [-2.5, -1.0, 0.3, 1.57, 3.0])
def test_leaning_person_stands_upright_in_the_crop(angle: float):
    hips = torch.tensor([50.0, 60.0])
    rim = hips + 40 * torch.tensor([math.sin(angle), -math.cos(angle)])
    crop = person_crop(hips, rim, 256)
    assert crop.angle == pytest.approx(angle, abs=1e-5)
    head = crop.crop_from_image(rim[None])[0]
    torch.testing.assert_close(head, torch.tensor([128.0, 128.0 - 256 / 2.5]), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("fraction", [1.0, 1 / 1.8, 1 / 3])
@pytest.mark.parametrize("size", [(100, 100), (90, 160), (300, 50)])
def test_tiles_cover_the_photo_and_overlap_by_half(size: tuple[int, int], fraction: float):
    found = tiles(size, fraction, 224)
    for length, axis in zip(size, (1, 0), strict=True):
        centers = sorted({tile.center[axis] for tile in found})
        edge = found[0].size
        assert centers[0] <= edge / 2 + 1e-9
        assert centers[-1] >= length - edge / 2 - 1e-9
        assert all(later - former <= edge / 2 + 1e-9 for former, later in pairwise(centers))
