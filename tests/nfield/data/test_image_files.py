from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from nfield.data.image_files import ImageHeader, ImageRequest, image_header, load_images
from nfield.errors import DataError


def _write(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def _random(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def _loaded(paths: list[Path], size: tuple[int, int]) -> Tensor:
    pixels, used = load_images([ImageRequest(path, size) for path in paths])
    assert used is None
    return pixels.view(len(paths), *size, 4)


def test_images_keep_their_order_and_pixels(tmp_path: Path):
    pixels = [_random(6, 9, 4, seed) for seed in range(7)]
    paths = [_write(tmp_path / f"{index}.png", image) for index, image in enumerate(pixels)]
    assert torch.equal(_loaded(paths, (6, 9)), torch.from_numpy(np.stack(pixels)))


def test_images_of_several_sizes_lie_one_after_the_other(tmp_path: Path):
    first, second = _random(3, 5, 4, 1), _random(6, 2, 4, 2)
    requests = [
        ImageRequest(_write(tmp_path / "a.png", first), (3, 5)),
        ImageRequest(_write(tmp_path / "b.png", second), (6, 2)),
    ]
    pixels, _ = load_images(requests)
    assert np.array_equal(pixels.numpy(), np.concatenate([first.reshape(-1, 4), second.reshape(-1, 4)]))


def test_images_without_alpha_are_opaque(tmp_path: Path):
    pixels = _random(4, 4, 3)
    loaded = _loaded([_write(tmp_path / "a.png", pixels)], (4, 4))[0]
    assert torch.equal(loaded[..., :3], torch.from_numpy(pixels))
    assert (loaded[..., 3] == 255).all()


def test_grey_and_palette_images_become_colour(tmp_path: Path):
    grey = _random(4, 4, 1)[..., 0]
    loaded = _loaded([_write(tmp_path / "a.png", grey)], (4, 4))[0]
    assert torch.equal(loaded[..., :3], torch.from_numpy(grey)[..., None].expand(4, 4, 3))
    Image.new("P", (4, 4)).save(tmp_path / "b.png", transparency=0)
    assert (_loaded([tmp_path / "b.png"], (4, 4))[..., 3] == 0).all()


@pytest.mark.parametrize("size", [(4, 6), (2, 3), (8, 4)])
def test_smaller_images_are_averages_over_areas(tmp_path: Path, size: tuple[int, int]):
    pixels = _random(8, 12, 3)
    loaded = _loaded([_write(tmp_path / "a.png", pixels)], size)[0]
    rows, columns = 8 // size[0], 12 // size[1]
    expected = pixels.reshape(size[0], rows, size[1], columns, 3).astype(np.float64).mean((1, 3))
    assert np.abs(loaded[..., :3].numpy() - expected).max() <= 1.0


def test_transparent_pixels_do_not_colour_their_neighbours(tmp_path: Path):
    pixels = np.zeros((2, 2, 4), dtype=np.uint8)
    pixels[:] = (0, 255, 0, 0)
    pixels[0, 0] = (200, 10, 10, 255)
    loaded = _loaded([_write(tmp_path / "a.png", pixels)], (1, 1))[0, 0, 0].tolist()
    assert loaded[3] == pytest.approx(64, abs=1)
    assert loaded[:3] == pytest.approx([200, 10, 10], abs=4)


_TURNS = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: image.transpose(1, 0, 2)[::-1],
    7: lambda image: image.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda image: image.transpose(1, 0, 2)[:, ::-1],
}
"""How the stored pixels of each EXIF orientation follow from the upright ones (TIFF 6.0, tag 274)."""


@pytest.mark.parametrize("orientation", _TURNS)
def test_pictures_stand_upright_whatever_their_orientation(tmp_path: Path, orientation: int):
    upright, tags = _random(4, 7, 3), Image.Exif()
    tags[0x0112] = orientation
    stored = np.ascontiguousarray(_TURNS[orientation](upright))
    Image.fromarray(stored).save(tmp_path / "a.png", exif=tags)
    header = image_header(tmp_path / "a.png")
    assert header.stored == stored.shape[:2]
    assert header.size(turned=True) == (4, 7)
    assert header.size(turned=False) == stored.shape[:2]
    pixels, _ = load_images([ImageRequest(tmp_path / "a.png", (4, 7), turned=True)])
    assert np.array_equal(pixels.view(4, 7, 4)[..., :3].numpy(), upright)


def test_an_orientation_that_does_not_exist_is_upright(tmp_path: Path):
    tags = Image.Exif()
    tags[0x0112] = 77
    Image.fromarray(_random(4, 7, 3)).save(tmp_path / "a.png", exif=tags)
    assert image_header(tmp_path / "a.png") == ImageHeader((4, 7), 1)


def test_a_pixel_is_used_if_all_that_it_averages_is(tmp_path: Path):
    mask = np.full((4, 6), 255, np.uint8)
    mask[0, 0] = mask[3, 2] = 0
    picture, mask_file = _write(tmp_path / "a.png", _random(4, 6, 3)), _write(tmp_path / "m.png", mask)
    full = load_images([ImageRequest(picture, (4, 6), mask=mask_file)])[1]
    reduced = load_images([ImageRequest(picture, (2, 3), mask=mask_file)])[1]
    assert full is not None
    assert np.array_equal(full.view(4, 6).numpy(), mask == 255)
    assert reduced is not None
    assert reduced.view(2, 3).tolist() == [[False, True, True], [True, False, True]]


def test_a_smaller_mask_covers_its_picture_and_others_have_none(tmp_path: Path):
    picture = _write(tmp_path / "a.png", _random(4, 6, 3))
    mask = _write(tmp_path / "m.png", np.array([[0, 255, 255], [255, 255, 0]], np.uint8))
    used = load_images([ImageRequest(picture, (4, 6), mask=mask), ImageRequest(picture, (2, 3))])[1]
    assert used is not None
    expected = np.kron([[0, 1, 1], [1, 1, 0]], np.ones((2, 2))).astype(bool)
    assert np.array_equal(used[:24].view(4, 6).numpy(), expected)
    assert used[24:].all()


def test_a_truncated_image_is_named(tmp_path: Path):
    path = _write(tmp_path / "a.png", _random(30, 30, 3))
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(
        DataError, match=r"a\.png: cannot be read as an image \(.*\), expected a whole PNG or JPEG file;"
    ):
        _loaded([path], (30, 30))


def test_a_file_that_is_no_image_is_named(tmp_path: Path):
    good = _write(tmp_path / "a.png", _random(4, 4, 3))
    bad = tmp_path / "b.png"
    bad.write_text("not an image")
    with pytest.raises(DataError, match=r"b\.png: cannot be read as an image .*; copy it again, or remove it from"):
        _loaded([good, bad], (4, 4))
    with pytest.raises(DataError, match=r"b\.png: cannot be read as an image"):
        image_header(bad)


def test_an_image_of_sixteen_bits_is_named(tmp_path: Path):
    path = _write(tmp_path / "a.png", np.zeros((4, 4), dtype=np.uint16))
    with pytest.raises(DataError, match=r"a\.png: has pixels of kind I.*, expected 8 bits a channel; convert it"):
        _loaded([path], (4, 4))
