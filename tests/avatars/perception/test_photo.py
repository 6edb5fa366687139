from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from avatars.perception import load_mask, load_photo
from nfield.errors import DataError

COLORS = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def test_colours_come_as_they_are(tmp_path: Path):
    Image.fromarray(COLORS).save(tmp_path / "photo.png")
    assert torch.equal(load_photo(tmp_path / "photo.png"), torch.from_numpy(COLORS))
    assert torch.equal(load_photo(str(tmp_path / "photo.png")), torch.from_numpy(COLORS))


def test_exif_orientation_is_applied(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(COLORS).save(tmp_path / "photo.png", exif=exif)
    assert torch.equal(load_photo(tmp_path / "photo.png"), torch.from_numpy(np.rot90(COLORS, -1).copy()))


def test_alpha_is_dropped_and_colours_below_it_stay(tmp_path: Path):
    rgba = np.concatenate([COLORS, np.zeros((4, 6, 1), np.uint8)], 2)
    Image.fromarray(rgba).save(tmp_path / "photo.png")
    assert torch.equal(load_photo(tmp_path / "photo.png"), torch.from_numpy(COLORS))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK"])
def test_other_modes_become_three_colours(tmp_path: Path, mode: str):
    name = "photo.jpg" if mode == "CMYK" else "photo.png"
    Image.new("RGB", (6, 4), "white").convert(mode).save(tmp_path / name)
    photo = load_photo(tmp_path / name)
    assert photo.shape == (4, 6, 3)
    assert (photo >= 254).all()


def test_palette_with_transparency_is_read_quietly(tmp_path: Path):
    picture = Image.fromarray(COLORS).quantize(8)
    picture.save(tmp_path / "photo.png", transparency=bytes([0, 128]))
    assert load_photo(tmp_path / "photo.png").shape == (4, 6, 3)


def test_sixteen_bits_become_eight(tmp_path: Path):
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "photo.png")
    assert load_photo(tmp_path / "photo.png")[0, :, 0].tolist() == [0, 1, 128, 255]


def test_float_picture_in_unit_range_is_scaled(tmp_path: Path):
    Image.fromarray(np.array([[0.0, 0.5, 1.0, np.nan]], np.float32)).save(tmp_path / "photo.tiff")
    assert load_photo(tmp_path / "photo.tiff")[0, :, 1].tolist() == [0, 128, 255, 0]


def test_missing_photo_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"picture .*nobody\.jpg does not exist: check the path"):
        load_photo(tmp_path / "nobody.jpg")


@pytest.mark.parametrize("keep", [0, 20, 60])
def test_truncated_photo_is_named(tmp_path: Path, keep: int, generator: torch.Generator):
    path = tmp_path / "photo.png"
    Image.fromarray(torch.randint(0, 256, (64, 64, 3), generator=generator, dtype=torch.uint8).numpy()).save(path)
    path.write_bytes(path.read_bytes()[: keep * path.stat().st_size // 100])
    with pytest.raises(DataError, match=r"photo\.png cannot be read .*give a whole PNG"):
        load_photo(path)


def test_text_file_and_folder_are_no_photos(tmp_path: Path):
    (tmp_path / "photo.png").write_text("hello")
    for path in (tmp_path / "photo.png", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            load_photo(path)


def test_mask_is_brightness_or_alpha(tmp_path: Path):
    white = np.zeros((4, 6), np.uint8)
    white[1:3, 2:4] = 255
    Image.fromarray(white).save(tmp_path / "grey.png")
    Image.fromarray(np.dstack([COLORS, white])).save(tmp_path / "cutout.png")
    expected = torch.from_numpy(white).float() / 255
    assert torch.equal(load_mask(tmp_path / "grey.png", (4, 6)), expected)
    assert torch.equal(load_mask(tmp_path / "cutout.png", (4, 6)), expected)


def test_mask_of_another_size_or_black_is_refused(tmp_path: Path):
    Image.new("L", (6, 4)).save(tmp_path / "mask.png")
    with pytest.raises(DataError, match=r"mask .*mask\.png is 6x4 pixels, the photo is 8x4"):
        load_mask(tmp_path / "mask.png", (4, 8))
    with pytest.raises(DataError, match=r"mask\.png is black"):
        load_mask(tmp_path / "mask.png", (4, 6))
