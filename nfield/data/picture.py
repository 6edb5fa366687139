"""One picture of any kind and size as sRGB numbers: 8 and 16 bits a channel, grey, colour, with alpha, and OpenEXR.

Grey pictures have one channel, coloured ones three, those with alpha that is not 1 everywhere four: straight alpha.
"""

import importlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import ExifTags, Image, ImageOps
from torch import Tensor

from nfield.errors import BackendUnavailable, DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".exr")
"""Names of picture files end in one of these."""

_DEEP_PNG = {0: ("gray16le", 1), 2: ("rgb48le", 3), 4: ("rgba64le", 4), 6: ("rgba64le", 4)}
"""By a PNG file's colour type: how ffmpeg names its 16-bit pixels, and their channels."""

_ORIENTATIONS = {
    2: (True, 0), 3: (False, 2), 4: (True, 2), 5: (True, 1), 6: (False, 3), 7: (True, 3), 8: (False, 1),
}  # fmt: skip
"""By EXIF's orientation: whether a picture is mirrored first, and by how many quarters it is turned left then."""

_DEEP_TIFF = {"RGB": ("rgb48le", 3), "RGBA": ("rgba64le", 4)}
_BITS_PER_SAMPLE = 258
_BYTE, _WORD = 255, 65535
_WORDS_A_BYTE = _WORD // _BYTE
_MOST_PIXELS = 1 << 28

_GREY_MODES = {"1", "L"}
_DEEP_GREY_MODES = {"I", "I;16", "I;16B"}


def is_picture(path: str | Path) -> bool:
    """Whether a file's name is that of a picture.

    >>> is_picture("photo.JPG"), is_picture("data/lego")
    (True, False)
    """
    return Path(path).suffix.lower() in SUFFIXES


@dataclass(frozen=True)
class Picture:
    """Pixels as whole numbers, as their file holds them: a quarter of the memory of fractions, or half of it.

    Attributes:
        stored: Height, width and channels; uint8 or uint16. sRGB with straight alpha.
    """

    stored: np.ndarray

    @staticmethod
    def of(values: Float[Tensor, "h w c"]) -> "Picture":
        """Values in [0, 1], rounded to 16 bits; others are clipped.

        >>> Picture.of(torch.tensor([[[0.5], [2.0]]])).stored.tolist()
        [[[32768], [65535]]]
        """
        return Picture((values.clamp(0.0, 1.0) * _WORD).round().to(torch.int32).numpy().astype(np.uint16))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.stored.shape[0], self.stored.shape[1]

    @property
    def channels(self) -> int:
        """Numbers of a pixel."""
        return self.stored.shape[2]

    @property
    def bits(self) -> int:
        """Of a channel: 8 or 16."""
        return 8 * self.stored.dtype.itemsize

    def rows(self, first: int, last: int) -> Float[Tensor, "h w c"]:
        """Rows from `first` up to and without `last`, in [0, 1]."""
        return self._fractions(self.stored[first:last])

    def at(self, pixels: Int[Tensor, "n"]) -> Float[Tensor, "n c"]:
        """Single pixels, numbered row by row, in [0, 1]."""
        return self._fractions(self.stored.reshape(-1, self.channels)[pixels.numpy()])

    def whole(self) -> Float[Tensor, "h w c"]:
        """All rows."""
        return self.rows(0, self.size[0])

    def eight_bits(self) -> np.ndarray:
        """As uint8: rounded, where there are 16 bits."""
        if self.bits == 8:
            return self.stored
        rounded = np.empty(self.stored.shape, dtype=np.uint8)
        for row, words in zip(rounded, self.stored, strict=True):  # row by row: no copies of the whole picture
            row[:] = (words.astype(np.uint32) + _WORDS_A_BYTE // 2) // _WORDS_A_BYTE
        return rounded

    def _fractions(self, stored: np.ndarray) -> Float[Tensor, "..."]:
        return torch.from_numpy(stored.astype(np.float32)).div_(_BYTE if self.bits == 8 else _WORD)


def load_picture(path: Path) -> Picture:
    """A picture as its file holds it, upright where the file says how the camera was held.

    OpenEXR files hold linear light, which is clipped to [0, 1] (exposure 0, no tone curve), encoded as sRGB and rounded
    to 16 bits. Alpha that hides nothing is left out.

    Args:
        path: The file, of at most 256 megapixels.

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
    if pixels.size == 0:
        raise DataError(f"{path}: holds no pixels; convert it to PNG")
    opaque = pixels.shape[-1] == 4 and bool((pixels[..., 3] == np.iinfo(pixels.dtype).max).all())
    return Picture(np.ascontiguousarray(pixels[..., :3] if opaque else pixels))


def _read(path: Path) -> np.ndarray:
    with _opened(path) as image:
        deep = _deep_format(path, image)
        if deep is not None:
            turned = image.getexif().get(ExifTags.Base.Orientation, 1)
            return _upright(_read_deep(path, image.size, *deep), turned)
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode in _DEEP_GREY_MODES:
            return np.asarray(image).clip(0, _WORD).astype(np.uint16)[..., None]
        if image.mode == "F":
            raise DataError(f"{path}: has floating-point pixels, expected 8 or 16 bits; convert it to PNG or OpenEXR")
        clear = image.has_transparency_data
        mode = "RGBA" if clear else "L" if image.mode in _GREY_MODES else "RGB"
        pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return pixels if pixels.ndim == 3 else pixels[..., None]


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """A picture whose pixels are not read yet; larger ones than Pillow takes unasked, but no larger than ours."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(path) as image:
            width, height = image.size
            if width * height > _MOST_PIXELS:
                raise DataError(
                    f"{path}: has {width}x{height} pixels, expected at most {_MOST_PIXELS >> 20} megapixels; "
                    "make it smaller or cut it into parts"
                )
            yield image
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _deep_format(path: Path, image: Image.Image) -> tuple[str, int] | None:
    """How ffmpeg names pixels of which Pillow would keep 8 of 16 bits, and their channels; None for others."""
    depth, kind = _png_depth(path)
    if depth == 16:
        return _DEEP_PNG[kind]
    if image.format != "TIFF" or image.mode not in _DEEP_TIFF:
        return None
    bits = image.tag_v2.get(_BITS_PER_SAMPLE, ())  # pyright: ignore[reportAttributeAccessIssue]
    return _DEEP_TIFF[image.mode] if max(np.atleast_1d(bits), default=0) == 16 else None


def _png_depth(path: Path) -> tuple[int, int]:
    """Bits a channel and colour type of a PNG file; zeros for other files."""
    with path.open("rb") as file:
        head = file.read(26)
    return (head[24], head[25]) if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) == 26 else (0, 0)


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels as EXIF's orientation (tag 274, of 1 to 8) says that they are seen.

    >>> _upright(np.array([[1, 2, 3], [4, 5, 6]]), 6).tolist()
    [[4, 1], [5, 2], [6, 3]]
    """
    mirrored, quarters = _ORIENTATIONS.get(orientation, (False, 0))
    return np.rot90(pixels[:, ::-1] if mirrored else pixels, quarters)


def _read_deep(path: Path, size: tuple[int, int], pixel_format: str, channels: int) -> np.ndarray:
    """A file of 16 bits a channel, of which Pillow would keep 8."""
    width, height = size
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-noautorotate", "-i", f"file:{path}"]
    done = subprocess.run([*words, "-f", "rawvideo", "-pix_fmt", pixel_format, "-"], capture_output=True, check=False)
    if done.returncode != 0 or len(done.stdout) != 2 * width * height * channels:
        raise DataError(f"{path}: cannot be decoded ({done.stderr.decode(errors='replace').strip()}); copy it again")
    return np.frombuffer(done.stdout, dtype="<u2").reshape(height, width, channels)


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
    names = [*names, "A"] if "A" in channels else names
    pixels = np.empty((*channels[names[0]].shape, len(names)), dtype=np.uint16)
    for turn, name in enumerate(names):
        for row, light in enumerate(channels.pop(name)):  # row by row: no copies of the whole picture
            if not np.isfinite(light).all():
                raise DataError(f"{path}: holds values that are no numbers; convert it to PNG")
            encoded = light.clip(0.0, 1.0) if name == "A" else srgb_from_linear(light)
            pixels[row, :, turn] = np.rint(encoded * _WORD)
    return pixels


def srgb_from_linear(light: np.ndarray) -> np.ndarray:
    """Linear light as sRGB (IEC 61966-2-1), clipped to [0, 1].

    >>> srgb_from_linear(np.array([0.0, 0.2140, 1.0, 9.0])).round(3).tolist()
    [0.0, 0.5, 1.0, 1.0]
    """
    clipped = np.clip(light, 0.0, 1.0)
    return np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * np.maximum(clipped, 1e-9) ** (1 / 2.4) - 0.055)
