import pytest
import torch
from torch import Tensor

from nfield.data.backdrop import Backdrop, find_backdrop


def disc(color: tuple[int, int, int], *, noise: int = 0, seed: int = 0, radius: int = 12) -> Tensor:
    """A many-coloured disc before a colour, with a hole in its middle that shows that colour, too."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.tensor([*color, 255], dtype=torch.uint8).repeat(40, 50, 1)
    if noise:
        shift = torch.randint(-noise, noise + 1, (40, 50, 3), generator=generator)
        image[..., :3] = (image[..., :3].long() + shift).clamp(0, 255).to(torch.uint8)
    rows, columns = torch.meshgrid(torch.arange(40), torch.arange(50), indexing="ij")
    distance = ((rows - 20) ** 2 + (columns - 25) ** 2).float().sqrt()
    inside = (distance < radius) & (distance > 3.0)
    image[inside] = torch.randint(20, 200, (int(inside.sum()), 4), generator=generator).to(torch.uint8)
    return image


@pytest.mark.parametrize("color", [(255, 255, 255), (0, 0, 0), (12, 180, 90)])
@pytest.mark.parametrize("noise", [0, 2])
def test_a_backdrop_of_any_colour_is_found(color: tuple[int, int, int], noise: int):
    images = [disc(color, noise=noise, seed=seed) for seed in range(6)]
    found = find_backdrop(images)
    assert found is not None
    assert max(abs(one - other) for one, other in zip(found.color, color, strict=True)) <= 1
    solid = found.solid(images[0])
    rows, columns = torch.meshgrid(torch.arange(40), torch.arange(50), indexing="ij")
    inside = ((rows - 20) ** 2 + (columns - 25) ** 2).float().sqrt() < 12
    # The hole is enclosed, so it may be a part of the thing; of the noise a little may count as solid.
    assert solid[inside].all()
    assert (solid & ~inside).float().mean() < 0.02


def test_a_thing_that_touches_the_border_does_not_hide_the_backdrop():
    images = [disc((255, 255, 255), seed=seed) for seed in range(6)]
    images[2][10:30, :20, :3] = 40
    assert find_backdrop(images) is not None


def test_photographs_have_no_backdrop(generator: torch.Generator):
    photos = [torch.randint(256, (40, 50, 4), generator=generator, dtype=torch.uint8) for _ in range(6)]
    assert find_backdrop(photos) is None
    ramp = torch.linspace(0, 255, 50).to(torch.uint8)[None, :, None].expand(40, 50, 4).contiguous()
    assert find_backdrop([ramp] * 4) is None


def test_pictures_before_different_colours_have_no_common_backdrop():
    assert find_backdrop([disc((255, 255, 255)), disc((0, 0, 0)), disc((90, 10, 200)), disc((20, 160, 90))]) is None


def test_nothing_but_backdrop_is_not_solid():
    image = torch.full((8, 9, 4), 255, dtype=torch.uint8)
    assert not Backdrop((255, 255, 255), 2.0).solid(image).any()
    assert Backdrop((0, 0, 0), 2.0).solid(image).all()
