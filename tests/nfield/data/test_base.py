import pytest
import torch

from nfield.data.analytic import analytic_scene
from nfield.data.base import PosedImages
from nfield.types import Box


@pytest.fixture
def posed(generator: torch.Generator) -> PosedImages:
    return analytic_scene(4, (12, 20), generator)


def test_pixels_are_read_where_column_and_row_say(posed: PosedImages, generator: torch.Generator):
    camera = torch.randint(4, (50,), generator=generator)
    column = torch.randint(20, (50,), generator=generator)
    row = torch.randint(12, (50,), generator=generator)
    result = posed.pixels(camera, column, row)
    for index in range(50):
        expected = posed.images[camera[index], row[index], column[index]].float() / 255
        torch.testing.assert_close(result[index], expected)
    assert posed.pixels(camera[:0], column[:0], row[:0]).shape == (0, 4)


def test_an_image_is_its_pixels(posed: PosedImages):
    rows, columns = torch.meshgrid(torch.arange(12), torch.arange(20), indexing="ij")
    flat = posed.pixels(torch.full((240,), 2), columns.reshape(-1), rows.reshape(-1))
    torch.testing.assert_close(posed.image(2), flat.view(12, 20, 4))


def test_a_subset_keeps_images_cameras_and_names_together(posed: PosedImages):
    for index in (torch.tensor([3, 1]), slice(1, 3), slice(0, 0)):
        part = posed.subset(index)
        numbers = torch.arange(4)[index].tolist()
        assert len(part) == len(part.cameras) == len(numbers)
        assert part.names == tuple(f"r_{number}" for number in numbers)
        assert torch.equal(part.images, posed.images[numbers])
        assert torch.equal(part.cameras.world_from_camera, posed.cameras.world_from_camera[numbers])


def test_pixels_of_a_subset_are_those_of_the_whole(posed: PosedImages):
    zero = torch.zeros(1, dtype=torch.int64)
    part = posed.subset(slice(2, 4))
    assert torch.equal(part.pixels(zero + 1, zero + 9, zero + 5), posed.pixels(zero + 3, zero + 9, zero + 5))


def test_a_scene_is_unbounded_where_its_box_is_larger_than_the_first_cascade(posed: PosedImages):
    assert not posed.unbounded
    assert posed.scale == pytest.approx(3.0)
    captured = PosedImages(posed.cameras, posed.pictures, Box.cube(6.0), Box.cube(1.5), False, None, posed.names)
    assert captured.unbounded
    assert captured.scale == pytest.approx(3.0)
