"""Pictures of every kind become sRGB numbers; what is no picture is refused."""

import importlib
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nfield.data import picture
from nfield.data.picture import load_picture
from nfield.errors import BackendUnavailable, DataError

WORDS = np.random.default_rng(0).integers(0, 65536, (5, 7, 4), dtype=np.uint16)


def write_deep_png(path: Path, pixels: np.ndarray) -> None:
    """A PNG of 16 bits a channel: rows of big-endian words behind filter 0."""
    height, width, channels = pixels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_all_read(channels: int, tmp_path: Path):
    write_deep_png(tmp_path / "deep.png", WORDS[..., :channels])
    found = load_picture(tmp_path / "deep.png")
    assert torch.allclose(found, torch.from_numpy(WORDS[..., :channels] / 65535.0).float(), atol=1e-7)


@pytest.mark.parametrize(
    ("mode", "channels"), [("L", 1), ("1", 1), ("RGB", 3), ("P", 3), ("RGBA", 4), ("LA", 4), ("CMYK", 3)]
)
def test_modes_become_channels(mode: str, channels: int, tmp_path: Path):
    image = Image.fromarray((WORDS >> 8).astype(np.uint8)[..., : 4 if "A" in mode else 3]).convert(mode)
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    image.save(path)
    found = load_picture(path)
    assert found.shape == (5, 7, channels)
    wanted = np.asarray(image.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels]), dtype=np.float32) / 255.0
    assert torch.allclose(found, torch.from_numpy(wanted).view(found.shape))


def test_alpha_that_hides_nothing_is_dropped(tmp_path: Path):
    Image.new("RGBA", (3, 2), (10, 20, 30, 255)).save(tmp_path / "opaque.png")
    assert load_picture(tmp_path / "opaque.png").shape == (2, 3, 3)


def test_linear_light_is_encoded_and_clipped(tmp_path: Path):
    exr = pytest.importorskip("OpenEXR")
    light = np.linspace(0.0, 2.0, 24, dtype=np.float32).reshape(2, 4, 3)
    header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
    exr.File(header, {"RGB": light}).write(str(tmp_path / "light.exr"))
    found = load_picture(tmp_path / "light.exr")
    assert found.shape == (2, 4, 3)
    assert torch.equal(found, torch.from_numpy(picture.srgb_from_linear(light)).float())
    assert float(found.max()) == pytest.approx(1.0)


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
