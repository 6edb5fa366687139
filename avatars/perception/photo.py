"""Photos and masks from files."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageOps
from torch import Tensor

from avatars.perception.cutout import Photo
from nfield.errors import DataError


def load_photo(path: Path | str) -> UInt8[Tensor, "h w 3"]:
    """A photo as its author meant it to be seen: upright (EXIF), 8 bits, three colours.

    Greyscale, palettes, CMYK and 16 bits are converted. An alpha channel is dropped, not applied: see
    `load_photo_and_alpha` for pictures that may be cut out.

    Raises:
        DataError: Where the file is missing or is not a whole picture.
    """
    return load_photo_and_alpha(path).colors


def load_photo_and_alpha(path: Path | str) -> Photo:
    """A photo as `load_photo` reads it, with its alpha channel where that can be the mask of something cut out.

    Raises:
        DataError: Where the file is missing or is not a whole picture.
    """
    pixels = torch.from_numpy(np.array(_eight_bits(_open(Path(path))).convert("RGBA")))
    return Photo.of(pixels[..., :3].contiguous(), pixels[..., 3].float() / 255)


def load_mask(path: Path | str, size: tuple[int, int]) -> Float[Tensor, "h w"]:
    """A mask in [0, 1] from a picture: its alpha where it has one that is not opaque, else its brightness.

    Args:
        path: The file.
        size: Height and width of the photo that it belongs to.

    Raises:
        DataError: Where the file is missing, damaged or of another size, or the mask shows nothing.
    """
    picture = _eight_bits(_open(Path(path)))
    alpha = picture.convert("RGBA").getchannel("A")
    channel = picture.convert("RGBA").convert("L") if alpha.getextrema() == (255, 255) else alpha
    mask = torch.from_numpy(np.array(channel)).float() / 255
    if mask.shape != size:
        raise DataError(
            f"mask {path} is {mask.shape[1]}x{mask.shape[0]} pixels, the photo is {size[1]}x{size[0]}: "
            "save the mask at the photo's size"
        )
    if mask.max() < 0.5:
        raise DataError(f"mask {path} is black: paint the person white (or opaque) and the rest black")
    return mask


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as picture:
            return ImageOps.exif_transpose(picture)
    except FileNotFoundError as error:
        raise DataError(f"picture {path} does not exist: check the path") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(
            f"picture {path} cannot be read ({error}): give a whole PNG, JPEG or another format that Pillow reads"
        ) from error


def _eight_bits(picture: Image.Image) -> Image.Image:
    return _DEPTHS.get(picture.mode, lambda same: same)(picture)


def _from_integers(picture: Image.Image) -> Image.Image:
    values = np.array(picture).astype(np.int64)
    return Image.fromarray((values // 257 if values.max(initial=0) > 255 else values).clip(0, 255).astype(np.uint8))


def _from_floats(picture: Image.Image) -> Image.Image:
    values = np.nan_to_num(np.array(picture, dtype=np.float64))
    scale = 255.0 if values.max(initial=0.0) <= 1.0 else 1.0
    return Image.fromarray((values * scale).round().clip(0, 255).astype(np.uint8))


_DEPTHS: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "I": _from_integers,
    "I;16": _from_integers,
    "I;16B": _from_integers,
    "I;16L": _from_integers,
    "F": _from_floats,
}
