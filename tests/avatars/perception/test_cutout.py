from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from avatars.perception import Photo, load_photo, load_photo_and_alpha
from avatars.perception.cutout import fault_of_alpha

SIZE = (40, 60)


def cut_out() -> torch.Tensor:
    alpha = torch.zeros(SIZE)
    alpha[8:32, 20:40] = 1.0
    alpha[8:32, 19] = 0.4
    return alpha


def colors(generator: torch.Generator) -> torch.Tensor:
    return torch.randint(0, 256, (*SIZE, 3), generator=generator, dtype=torch.uint8)


def test_alpha_of_a_cut_out_file_is_its_mask_and_said_so(tmp_path: Path, generator: torch.Generator):
    rgba = torch.cat([colors(generator), (cut_out() * 255).round().to(torch.uint8)[..., None]], 2)
    Image.fromarray(rgba.numpy()).save(tmp_path / "cut.png")
    photo = load_photo_and_alpha(tmp_path / "cut.png")
    assert photo.alpha is not None
    torch.testing.assert_close(photo.alpha, cut_out())
    assert photo.remark == "the picture's alpha channel is the mask"
    assert torch.equal(photo.colors, load_photo(tmp_path / "cut.png"))
    assert torch.equal(photo.colors, rgba[..., :3])


def test_opaque_and_missing_alpha_are_not_worth_a_word(tmp_path: Path, generator: torch.Generator):
    picture = Image.fromarray(colors(generator).numpy())
    picture.save(tmp_path / "plain.png")
    picture.convert("RGBA").save(tmp_path / "opaque.png")
    for name in ("plain.png", "opaque.png"):
        photo = load_photo_and_alpha(tmp_path / name)
        assert photo.alpha is None
        assert photo.remark == ""
        assert torch.equal(photo.shown(), photo.colors)
        assert torch.equal(photo.known_colors(), photo.colors)


def speck() -> torch.Tensor:
    alpha = torch.zeros(SIZE)
    alpha[3, 3:6] = 1.0
    return alpha


def rounded_corner() -> torch.Tensor:
    alpha = torch.ones(SIZE)
    alpha[:3, :3] = 0.0
    return alpha


@pytest.mark.parametrize(
    ("alpha", "message"),
    [
        (torch.linspace(0, 1, 60).expand(SIZE), "most of it is half transparent, as in a gradient or a watermark"),
        (speck(), "it keeps 0.12 % of the picture, too little for a person"),
        (rounded_corner(), "it keeps 99.6 % of the picture, so nothing is cut out"),
        (torch.zeros(SIZE), "nothing in it is opaque"),
    ],
)
def test_alpha_that_is_no_mask_is_ignored_and_said_why(generator: torch.Generator, alpha: torch.Tensor, message: str):
    assert (fault_of_alpha(alpha) or "").startswith(message)
    photo = Photo.of(colors(generator), alpha)
    assert photo.alpha is None
    assert photo.remark.startswith(f"the picture's alpha channel is no mask and is ignored: {message}")
    assert torch.equal(photo.shown(), photo.colors)


def test_colours_below_alpha_zero_are_those_of_the_nearest_solid_pixel(generator: torch.Generator):
    photo = Photo.of(colors(generator), cut_out())
    known = photo.known_colors()
    solid = torch.nonzero(cut_out() == 1.0)
    for row, column in ((0, 0), (3, 50), (20, 10), (39, 30), (35, 59)):
        squared = (solid - torch.tensor([row, column])).square().sum(1)
        nearest = solid[squared == squared.min()]
        candidates = photo.colors[nearest[:, 0], nearest[:, 1]]
        assert bool((candidates == known[row, column]).all(1).any())
    assert torch.equal(known[cut_out() > 0], photo.colors[cut_out() > 0])


def test_nothing_below_alpha_zero_is_shown(generator: torch.Generator):
    photo = Photo.of(colors(generator), cut_out())
    other = Photo.of(torch.where((cut_out() > 0)[..., None], photo.colors, 255 - photo.colors), cut_out())
    assert torch.equal(photo.shown(), other.shown())
    assert torch.equal(photo.known_colors(), other.known_colors())
    mixed = photo.colors[10, 19].float() * 0.4 + 128 * 0.6
    np.testing.assert_allclose(photo.shown()[10, 19].numpy(), mixed.numpy(), atol=0.51)
    assert photo.shown()[0, 0].tolist() == [128, 128, 128]


def test_without_alpha_all_colours_are_meant(generator: torch.Generator):
    photo = Photo.of(colors(generator), cut_out()).without_alpha()
    assert photo.alpha is None
    assert torch.equal(photo.shown(), photo.colors)
