from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nfield.data.image_files import load_images
from nfield.errors import DataError


def _write(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def _random(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def test_images_keep_their_order_and_pixels(tmp_path: Path):
    pixels = [_random(6, 9, 4, seed) for seed in range(7)]
    paths = [_write(tmp_path / f"{index}.png", image) for index, image in enumerate(pixels)]
    assert torch.equal(load_images(paths, size=(6, 9)), torch.from_numpy(np.stack(pixels)))


def test_images_without_alpha_are_opaque(tmp_path: Path):
    pixels = _random(4, 4, 3)
    loaded = load_images([_write(tmp_path / "a.png", pixels)], size=(4, 4))[0]
    assert torch.equal(loaded[..., :3], torch.from_numpy(pixels))
    assert (loaded[..., 3] == 255).all()


def test_grey_and_palette_images_become_colour(tmp_path: Path):
    grey = _random(4, 4, 1)[..., 0]
    loaded = load_images([_write(tmp_path / "a.png", grey)], size=(4, 4))[0]
    assert torch.equal(loaded[..., :3], torch.from_numpy(grey)[..., None].expand(4, 4, 3))
    Image.new("P", (4, 4)).save(tmp_path / "b.png", transparency=0)
    assert (load_images([tmp_path / "b.png"], size=(4, 4))[..., 3] == 0).all()


@pytest.mark.parametrize("size", [(4, 6), (2, 3), (8, 4)])
def test_smaller_images_are_averages_over_areas(tmp_path: Path, size: tuple[int, int]):
    pixels = _random(8, 12, 3)
    loaded = load_images([_write(tmp_path / "a.png", pixels)], size=size)[0]
    rows, columns = 8 // size[0], 12 // size[1]
    expected = pixels.reshape(size[0], rows, size[1], columns, 3).astype(np.float64).mean((1, 3))
    assert np.abs(loaded[..., :3].numpy() - expected).max() <= 1.0


def test_transparent_pixels_do_not_colour_their_neighbours(tmp_path: Path):
    pixels = np.zeros((2, 2, 4), dtype=np.uint8)
    pixels[:] = (0, 255, 0, 0)
    pixels[0, 0] = (200, 10, 10, 255)
    loaded = load_images([_write(tmp_path / "a.png", pixels)], size=(1, 1))[0, 0, 0].tolist()
    assert loaded[3] == pytest.approx(64, abs=1)
    assert loaded[:3] == pytest.approx([200, 10, 10], abs=4)


def test_a_truncated_image_is_named(tmp_path: Path):
    path = _write(tmp_path / "a.png", _random(30, 30, 3))
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(
        DataError, match=r"a\.png: cannot be read as an image \(.*\), expected a whole PNG or JPEG file;"
    ):
        load_images([path], size=(30, 30))


def test_a_file_that_is_no_image_is_named(tmp_path: Path):
    good = _write(tmp_path / "a.png", _random(4, 4, 3))
    bad = tmp_path / "b.png"
    bad.write_text("not an image")
    with pytest.raises(DataError, match=r"b\.png: cannot be read as an image .*; copy it again, or remove its frame"):
        load_images([good, bad], size=(4, 4))


def test_images_of_two_sizes_are_both_named(tmp_path: Path):
    first = _write(tmp_path / "a.png", _random(4, 6, 3))
    second = _write(tmp_path / "b.png", _random(5, 6, 3))
    with pytest.raises(DataError, match=r"b\.png: is 6x5, but .*a\.png is 6x4; expected images of one size: resize"):
        load_images([first, second], size=(4, 6))


def test_an_image_of_sixteen_bits_is_named(tmp_path: Path):
    path = _write(tmp_path / "a.png", np.zeros((4, 4), dtype=np.uint16))
    with pytest.raises(DataError, match=r"a\.png: has pixels of kind I.*, expected 8 bits a channel; convert it"):
        load_images([path], size=(4, 4))


def test_a_size_beyond_that_of_the_file_is_named(tmp_path: Path):
    path = _write(tmp_path / "a.png", _random(4, 6, 3))
    with pytest.raises(DataError, match=r"a\.png: asked for images of 7x4, expected a size from 1x1 .*6x4; ask"):
        load_images([path], size=(4, 7))
