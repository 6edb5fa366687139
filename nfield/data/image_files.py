"""Image files to bytes: sRGB with straight alpha, made smaller by area averaging; and masks."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from PIL import Image, ImageOps
from torch import Tensor

from nfield.errors import DataError

_WORKERS = 2
_READABLE_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}
_ORIENTATION = 0x0112
_SIDEWAYS = {5, 6, 7, 8}
_UPRIGHT = 1


@dataclass(frozen=True)
class ImageHeader:
    """What a file says before its pixels.

    Attributes:
        stored: Height and width of the pixels in the file.
        orientation: EXIF orientation; 1 where the pixels are upright.
    """

    stored: tuple[int, int]
    orientation: int

    @property
    def is_turned(self) -> bool:
        """Whether the pixels are to be turned or mirrored for display."""
        return self.orientation != _UPRIGHT

    def size(self, *, turned: bool) -> tuple[int, int]:
        """Height and width, as stored or turned as the orientation says."""
        height, width = self.stored
        return (width, height) if turned and self.orientation in _SIDEWAYS else (height, width)


@dataclass(frozen=True)
class ImageRequest:
    """A picture to be decoded.

    Attributes:
        path: Its file.
        size: Height and width of the result.
        turned: Whether it is turned as its EXIF orientation says.
        mask: File whose black pixels are not to be used; None where all are.
    """

    path: Path
    size: tuple[int, int]
    turned: bool = False
    mask: Path | None = None


def image_header(path: Path) -> ImageHeader:
    """Size and orientation, without decoding pixels."""
    try:
        with Image.open(path) as image:
            orientation = image.getexif().get(_ORIENTATION, _UPRIGHT)
            return ImageHeader((image.height, image.width), orientation if orientation in range(1, 9) else _UPRIGHT)
    except Exception as error:
        raise _unreadable(path, error) from error


def load_images(
    requests: Sequence[ImageRequest],
) -> tuple[UInt8[Tensor, "p 4"], Bool[Tensor, "p"] | None]:
    """Pixels of all pictures, one after the other, row by row; and where there are masks, which pixels to use.

    Pictures are made smaller by area averaging, with colours weighted by alpha. A pixel is used if all that it
    averages is.
    """
    counts = [request.size[0] * request.size[1] for request in requests]
    ends = np.cumsum(counts)
    pixels = torch.zeros((int(ends[-1]), 4), dtype=torch.uint8)
    masked = any(request.mask is not None for request in requests)
    used = torch.ones(int(ends[-1]), dtype=torch.bool) if masked else None

    def load(index: int) -> None:
        request, part = requests[index], slice(int(ends[index]) - counts[index], int(ends[index]))
        pixels[part] = torch.from_numpy(_load(request).reshape(-1, 4))
        if used is not None and request.mask is not None:
            used[part] = torch.from_numpy(_load_mask(request, request.mask).reshape(-1))

    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(load, range(len(requests))))
    return pixels, used


def _load(request: ImageRequest) -> np.ndarray:
    image = _opened(request.path, turned=request.turned)
    if image.mode not in _READABLE_MODES:
        raise DataError(
            f"{request.path}: has pixels of kind {image.mode}, expected 8 bits a channel; "
            "convert it to 8-bit PNG or JPEG"
        )
    has_alpha = image.has_transparency_data
    # Pillow weights colours with alpha when it resizes RGBA.
    resized = _resized(image.convert("RGBA" if has_alpha else "RGB"), request.size)
    return np.array(resized.convert("RGBA"))


def _load_mask(request: ImageRequest, path: Path) -> np.ndarray:
    mask = _opened(path, turned=request.turned).convert("L")
    height, width = request.size
    if abs(mask.height * width / (mask.width * height) - 1.0) > 0.02:
        raise DataError(
            f"{path}: is a mask of {mask.width}x{mask.height} for {request.path}, expected the proportions of "
            f"{width}x{height}; make it from that picture, or remove it"
        )
    if mask.height < height or mask.width < width:
        return np.array(mask.resize((width, height), Image.Resampling.NEAREST)) > 127
    used = Image.fromarray(np.where(np.array(mask) > 127, np.uint8(255), np.uint8(0)))
    return np.array(_resized(used, request.size)) == 255


def _opened(path: Path, *, turned: bool) -> Image.Image:
    try:
        with Image.open(path) as opened:
            opened.load()
            return ImageOps.exif_transpose(opened) if turned else opened
    except Exception as error:
        raise _unreadable(path, error) from error


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.resize((size[1], size[0]), Image.Resampling.BOX)


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return DataError(
        f"{path}: cannot be read as an image ({reason}), expected a whole PNG or JPEG file; "
        "copy it again, or remove it from the capture"
    )
