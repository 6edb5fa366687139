"""Image files to one tensor of bytes: sRGB with straight alpha, made smaller by area averaging."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from nfield.errors import DataError

_WORKERS = 2
_READABLE_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}


def image_size(path: Path) -> tuple[int, int]:
    """Height and width in pixels, from the file's header."""
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except Exception as error:
        raise _unreadable(path, error) from error


def load_images(paths: Sequence[Path], *, size: tuple[int, int]) -> UInt8[Tensor, "k h w 4"]:
    """Images of one size, made smaller to `size` by area averaging (colours weighted by alpha).

    Args:
        paths: The files. All have the size of the first one.
        size: Height and width of the result, at most those of the files.
    """
    expected = image_size(paths[0])
    if size[0] > expected[0] or size[1] > expected[1] or min(size) < 1:
        raise DataError(
            f"{paths[0]}: asked for images of {size[1]}x{size[0]}, expected a size from 1x1 to that of the file, "
            f"{expected[1]}x{expected[0]}; ask for a smaller one"
        )
    images = torch.zeros((len(paths), *size, 4), dtype=torch.uint8)
    pixels = images.numpy()

    def load(index: int) -> None:
        pixels[index] = _load(paths[index], size=size, expected=expected, first=paths[0])

    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(load, range(len(paths))))
    return images


def _load(path: Path, *, size: tuple[int, int], expected: tuple[int, int], first: Path) -> np.ndarray:
    try:
        with Image.open(path) as opened:
            opened.load()
            image = opened
    except Exception as error:
        raise _unreadable(path, error) from error
    if (image.height, image.width) != expected:
        raise DataError(
            f"{path}: is {image.width}x{image.height}, but {first} is {expected[1]}x{expected[0]}; "
            "expected images of one size: resize or remove those that differ"
        )
    if image.mode not in _READABLE_MODES:
        raise DataError(
            f"{path}: has pixels of kind {image.mode}, expected 8 bits a channel; convert it to 8-bit PNG or JPEG"
        )
    has_alpha = image.has_transparency_data
    # Pillow weights colours with alpha when it resizes RGBA.
    resized = image.convert("RGBA" if has_alpha else "RGB").resize((size[1], size[0]), Image.Resampling.BOX)
    return np.asarray(resized.convert("RGBA"))


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return DataError(
        f"{path}: cannot be read as an image ({reason}), expected a whole PNG or JPEG file; "
        "copy it again, or remove its frame from the transforms file"
    )
