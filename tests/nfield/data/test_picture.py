"""Pictures of every kind become sRGB numbers; what is no picture is refused."""

import importlib
import struct
import subprocess
import zlib
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from PIL import Image

from nfield.data import picture
from nfield.data.picture import Picture, load_picture
from nfield.data.picture_files import write_png_of
from nfield.errors import BackendUnavailable, DataError

WORDS = np.random.default_rng(0).integers(0, 65536, (5, 7, 4), dtype=np.uint16)


def write_deep_png(path: Path, pixels: np.ndarray, exif: bytes = b"") -> None:
    """A PNG of 16 bits a channel: rows of big-endian words behind filter 0."""
    height, width, channels = pixels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    about = [chunk(b"eXIf", exif)] if exif else []
    parts = [chunk(b"IHDR", head), *about, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_all_read(channels: int, tmp_path: Path):
    write_deep_png(tmp_path / "deep.png", WORDS[..., :channels])
    found = load_picture(tmp_path / "deep.png")
    assert found.bits == 16
    found = found.whole()
    assert torch.allclose(found, torch.from_numpy(WORDS[..., :channels] / 65535.0).float(), atol=1e-7)


@pytest.mark.parametrize(
    ("mode", "channels"), [("L", 1), ("1", 1), ("RGB", 3), ("P", 3), ("RGBA", 4), ("LA", 4), ("CMYK", 3)]
)
def test_modes_become_channels(mode: str, channels: int, tmp_path: Path):
    image = Image.fromarray((WORDS >> 8).astype(np.uint8)[..., : 4 if "A" in mode else 3]).convert(mode)
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    image.save(path)
    found = load_picture(path).whole()
    assert found.shape == (5, 7, channels)
    wanted = np.asarray(image.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels]), dtype=np.float32) / 255.0
    assert torch.allclose(found, torch.from_numpy(wanted).view(found.shape))


def test_alpha_that_hides_nothing_is_dropped(tmp_path: Path):
    Image.new("RGBA", (3, 2), (10, 20, 30, 255)).save(tmp_path / "opaque.png")
    assert load_picture(tmp_path / "opaque.png").stored.shape == (2, 3, 3)


def test_linear_light_is_encoded_and_clipped(tmp_path: Path):
    exr = pytest.importorskip("OpenEXR")
    light = np.linspace(0.0, 2.0, 24, dtype=np.float32).reshape(2, 4, 3)
    header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
    exr.File(header, {"RGB": light}).write(str(tmp_path / "light.exr"))
    found = load_picture(tmp_path / "light.exr").whole()
    assert found.shape == (2, 4, 3)
    assert torch.allclose(found, torch.from_numpy(picture.srgb_from_linear(light)).float(), rtol=0.0, atol=0.5 / 65535)
    assert float(found.max()) == 1.0


def test_light_with_alpha_keeps_it_and_light_that_is_no_number_is_refused(tmp_path: Path):
    exr = pytest.importorskip("OpenEXR")
    header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
    light = np.full((2, 3, 4), 0.25, dtype=np.float32)
    exr.File(header, {"RGBA": light}).write(str(tmp_path / "half.exr"))
    assert load_picture(tmp_path / "half.exr").whole()[..., 3].allclose(torch.tensor(0.25), atol=1e-5)
    light[1, 2, 0] = np.nan
    exr.File(header, {"RGBA": light}).write(str(tmp_path / "hole.exr"))
    with pytest.raises(DataError, match=r"hole\.exr: holds values that are no numbers"):
        load_picture(tmp_path / "hole.exr")


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_of_a_tiff_file_are_all_read(channels: int, tmp_path: Path):
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "rawvideo", "-s", "7x5", "-pix_fmt"]
    name = {3: "rgb48le", 4: "rgba64le"}[channels]
    raw = np.ascontiguousarray(WORDS[..., :channels]).tobytes()
    subprocess.run([*words, name, "-i", "-", str(tmp_path / "deep.tiff")], input=raw, check=True)
    assert (load_picture(tmp_path / "deep.tiff").stored == WORDS[..., :channels]).all()


def test_a_photo_is_upright_as_its_camera_says(tmp_path: Path):
    pixels = np.zeros((4, 6, 3), dtype=np.uint8)
    pixels[0, :] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    found = load_picture(tmp_path / "turned.png")
    assert found.size == (6, 4)
    assert (found.stored[:, -1] == 255).all()
    assert not found.stored[:, :-1].any()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_pictures_are_turned_as_others_are(orientation: int, tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    words = WORDS[..., :3] // 257 * 257
    write_deep_png(tmp_path / "deep.png", words, exif=exif.tobytes().removeprefix(b"Exif\0\0"))
    Image.fromarray((words // 257).astype(np.uint8)).save(tmp_path / "plain.png", exif=exif)
    deep, plain = (load_picture(tmp_path / f"{name}.png") for name in ("deep", "plain"))
    assert (deep.bits, plain.bits) == (16, 8)
    assert (deep.eight_bits() == plain.stored).all()


def test_more_pixels_than_pillow_takes_unasked_are_read_and_too_many_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    Image.new("L", (40, 30)).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert load_picture(tmp_path / "large.png").size == (30, 40)
    assert Image.MAX_IMAGE_PIXELS == 100
    monkeypatch.setattr(picture, "_MOST_PIXELS", 1000)
    with pytest.raises(DataError, match=r"large\.png: has 40x30 pixels, expected at most"):
        load_picture(tmp_path / "large.png")


@pytest.mark.parametrize(("bits", "channels"), [(8, 1), (8, 3), (8, 4), (16, 1), (16, 3), (16, 4)])
def test_what_is_written_is_read(bits: int, channels: int, tmp_path: Path):
    stored = WORDS[..., :channels] if bits == 16 else (WORDS[..., :channels] >> 8).astype(np.uint8)
    write_png_of(tmp_path / "written.png", stored)
    found = load_picture(tmp_path / "written.png")
    assert found.bits == bits
    assert (found.stored == stored).all()


def test_words_are_rounded_to_bytes_and_pixels_found_by_number():
    whole = Picture(WORDS)
    assert (whole.eight_bits() == np.rint(WORDS / 257.0)).all()
    assert torch.equal(whole.at(torch.tensor([8, 34])), whole.whole().reshape(-1, 4)[[8, 34]])


def test_a_missing_reader_names_its_install_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> None:
        raise ImportError(name)

    (tmp_path / "light.exr").write_bytes(b"v/1\x01")
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(BackendUnavailable, match=r"pip install 'nfield\[exr\]'"):
        load_picture(tmp_path / "light.exr")


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_damaged_files_are_refused(content: bytes, tmp_path: Path):
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.png: cannot be read as a picture"):
        load_picture(tmp_path / "broken.png")


def test_a_truncated_deep_file_is_refused(tmp_path: Path):
    write_deep_png(tmp_path / "deep.png", WORDS)
    path = tmp_path / "deep.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match=r"deep\.png"):
        load_picture(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(DataError, match="does not exist, expected a picture file"):
        load_picture(tmp_path / "nowhere.png")
