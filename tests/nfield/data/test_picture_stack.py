import pytest
import torch

from nfield.data.picture_stack import PictureStack, PixelDraw

SIZES = ((3, 5), (4, 2), (1, 7))


@pytest.fixture
def pictures(generator: torch.Generator) -> list[torch.Tensor]:
    return [torch.randint(256, (*size, 4), generator=generator, dtype=torch.uint8) for size in SIZES]


def stacked(pictures: list[torch.Tensor], used: list[torch.Tensor] | None = None) -> PictureStack:
    counts = torch.tensor([picture.shape[0] * picture.shape[1] for picture in pictures])
    return PictureStack(
        torch.cat([picture.reshape(-1, 4) for picture in pictures]),
        counts.cumsum(0) - counts,
        torch.tensor([picture.shape[:2] for picture in pictures]),
        None if used is None else torch.cat([one.reshape(-1) for one in used]),
    )


def test_pictures_of_several_sizes_are_found_again(pictures: list[torch.Tensor]):
    stack = stacked(pictures)
    assert not stack.one_size
    for index, picture in enumerate(pictures):
        assert torch.equal(stack.picture(index), picture)
        rows, columns = torch.meshgrid(*(torch.arange(n) for n in picture.shape[:2]), indexing="ij")
        found = stack.at(torch.full((rows.numel(),), index), columns.reshape(-1), rows.reshape(-1))
        torch.testing.assert_close(found.view(picture.shape), picture.float() / 255.0)


def test_a_part_shares_memory(pictures: list[torch.Tensor]):
    stack = stacked(pictures)
    for index in (torch.tensor([2, 0]), slice(1, 3)):
        part = stack[index]
        assert part.pixels.data_ptr() == stack.pixels.data_ptr()
        for place, number in enumerate(torch.arange(3)[index].tolist()):
            assert torch.equal(part.picture(place), pictures[number])


def test_pictures_of_one_size_are_one_tensor_again(generator: torch.Generator):
    images = torch.randint(256, (4, 3, 5, 4), generator=generator, dtype=torch.uint8)
    stack = PictureStack.of_one_size(images)
    assert stack.one_size
    assert stack.together().data_ptr() == images.data_ptr()
    assert torch.equal(stack[slice(1, 3)].together(), images[1:3])
    assert torch.equal(stack[torch.tensor([3, 1])].together(), images[[3, 1]])


def test_every_picture_and_each_of_its_pixels_is_drawn_equally_often(
    pictures: list[torch.Tensor], generator: torch.Generator
):
    count = 60_000
    picture, column, row = PixelDraw(stacked(pictures))(count, generator)
    for index, (height, width) in enumerate(SIZES):
        mine = picture == index
        assert mine.float().mean().item() == pytest.approx(1 / 3, abs=0.01)
        drawn = torch.bincount(row[mine] * width + column[mine], minlength=height * width)
        assert len(drawn) == height * width
        expected = count / 3 / (height * width)
        assert (drawn - expected).abs().max() < 5.0 * expected**0.5


def test_masked_pixels_are_never_drawn_and_all_others_are(pictures: list[torch.Tensor], generator: torch.Generator):
    used = [torch.rand(size, generator=generator) < 0.5 for size in SIZES]
    used[1][:] = False
    stack = stacked(pictures, used)[torch.tensor([2, 1, 0])]
    picture, column, row = PixelDraw(stack)(5_000, generator)
    assert set(picture.tolist()) == {0, 2}
    for place, number in ((0, 2), (2, 0)):
        mine = picture == place
        drawn = torch.zeros(SIZES[number], dtype=torch.bool)
        drawn[row[mine], column[mine]] = True
        assert torch.equal(drawn, used[number])
        part = stack.used_of(place)
        assert part is not None
        assert torch.equal(part, used[number])


def test_drawing_nothing_gives_nothing(pictures: list[torch.Tensor], generator: torch.Generator):
    assert all(len(part) == 0 for part in PixelDraw(stacked(pictures))(0, generator))
