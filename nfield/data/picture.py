"""One picture of any kind as sRGB numbers: 8 and 16 bits a channel, grey, colour, with alpha, and OpenEXR.

Grey pictures have one channel, coloured ones three, those with alpha that is not 1 everywhere four: straight alpha.
"""

import importlib
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from nfield.errors import BackendUnavailable, DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".exr")
"""Names of picture files end in one of these."""

_DEEP_PNG = {0: ("gray16le", 1), 2: ("rgb48le", 3), 4: ("rgba64le", 4), 6: ("rgba64le", 4)}
"""By a PNG file's colour type: how ffmpeg names its 16-bit pixels, and their channels."""

_GREY_MODES = {"1", "L"}
_DEEP_GREY_MODES = {"I", "I;16", "I;16B"}


def is_picture(path: str | Path) -> bool:
    """Whether a file's name is that of a picture.

    >>> is_picture("photo.JPG"), is_picture("data/lego")
    (True, False)
    """
    return Path(path).suffix.lower() in SUFFIXES


def load_picture(path: Path) -> Float[Tensor, "h w c"]:
    """A picture's pixels, sRGB in [0, 1].

    OpenEXR files hold linear light, which is clipped to [0, 1] (exposure 0, no tone curve) and encoded as sRGB.

    Args:
        path: The file.

    Raises:
        DataError: It is missing, or no picture that can be read.
        BackendUnavailable: It is an OpenEXR file, and the package that reads these is missing.
    """
    if not path.is_file():
        raise DataError(f"{path}: does not exist, expected a picture file ({', '.join(SUFFIXES)}); check the path")
    try:
        pixels = _read_exr(path) if path.suffix.lower() == ".exr" else _read(path)
    except (BackendUnavailable, DataError):
        raise
    except Exception as error:  # the readers raise errors of many kinds for files that are damaged
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{path}: cannot be read as a picture ({reason}); copy it again or convert it to PNG"
        ) from error
    if pixels.size == 0 or not np.isfinite(pixels).all():
        raise DataError(f"{path}: holds no pixels, or values that are no numbers; convert it to PNG")
    opaque = pixels.shape[-1] == 4 and bool((pixels[..., 3] == 1.0).all())
    return torch.from_numpy(np.ascontiguousarray(pixels[..., :3] if opaque else pixels, dtype=np.float32))


def _read(path: Path) -> np.ndarray:
    depth, kind = _png_depth(path)
    if depth == 16:
        return _read_deep_png(path, kind)
    with Image.open(path) as image:
        if image.mode in _DEEP_GREY_MODES:
            return np.asarray(image, dtype=np.float32)[..., None] / 65535.0
        if image.mode == "F":
            raise DataError(f"{path}: has floating-point pixels, expected 8 or 16 bits; convert it to PNG or OpenEXR")
        clear = image.has_transparency_data
        mode = "RGBA" if clear else "L" if image.mode in _GREY_MODES else "RGB"
        pixels = np.asarray(image.convert(mode), dtype=np.float32) / 255.0
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _png_depth(path: Path) -> tuple[int, int]:
    """Bits a channel and colour type of a PNG file; zeros for other files."""
    with path.open("rb") as file:
        head = file.read(26)
    return (head[24], head[25]) if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) == 26 else (0, 0)


def _read_deep_png(path: Path, kind: int) -> np.ndarray:
    """A PNG file of 16 bits a channel, of which Pillow would keep 8."""
    pixel_format, channels = _DEEP_PNG[kind]
    with Image.open(path) as image:
        width, height = image.size
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", f"file:{path}", "-f", "rawvideo"]
    done = subprocess.run([*words, "-pix_fmt", pixel_format, "-"], capture_output=True, check=False)
    if done.returncode != 0 or len(done.stdout) != 2 * width * height * channels:
        raise DataError(f"{path}: cannot be decoded ({done.stderr.decode(errors='replace').strip()}); copy it again")
    return np.frombuffer(done.stdout, dtype="<u2").reshape(height, width, channels) / np.float32(65535.0)


def _read_exr(path: Path) -> np.ndarray:
    try:
        reader = importlib.import_module("OpenEXR")
    except ImportError as error:
        raise BackendUnavailable(
            f"{path}: OpenEXR files need the package OpenEXR; install it with: pip install 'nfield[exr]', "
            "or convert the file to PNG"
        ) from error
    with reader.File(str(path), separate_channels=True) as file:
        channels = {name: np.asarray(channel.pixels, dtype=np.float32) for name, channel in file.channels().items()}
    names = ["R", "G", "B"] if {"R", "G", "B"} <= set(channels) else ["Y"]
    if names[0] not in channels:
        raise DataError(f"{path}: has the channels {', '.join(channels)}, expected R, G and B or Y; convert it to PNG")
    encoded = srgb_from_linear(np.stack([channels[name] for name in names], -1))
    return np.concatenate([encoded, channels["A"][..., None].clip(0.0, 1.0)], -1) if "A" in channels else encoded


def srgb_from_linear(light: np.ndarray) -> np.ndarray:
    """Linear light as sRGB (IEC 61966-2-1), clipped to [0, 1].

    >>> srgb_from_linear(np.array([0.0, 0.2140, 1.0, 9.0])).round(3).tolist()
    [0.0, 0.5, 1.0, 1.0]
    """
    clipped = np.clip(light, 0.0, 1.0)
    return np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * np.maximum(clipped, 1e-9) ** (1 / 2.4) - 0.055)
