"""Photos that a user took: which lie in a folder, and copies of them that are upright and not needlessly large."""

import io
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from nfield.data.image_files import ImageRequest, image_header, load_images
from nfield.data.loaders.picture_paths import pictures_in
from nfield.errors import DataError
from nfield.whole_file import write_atomically

LONGEST_EDGE = 1600
"""Pixels along the longer edge of the pictures that are kept, at most."""
LEAST = 3
"""Pictures without which there is nothing to find."""

_INNER = "images"
_UNREADABLE = {".heic", ".heif", ".dng", ".cr2", ".nef", ".arw"}
_ORIENTATION, _EXIF = 0x0112, 0x8769
_FOCAL_LENGTH, _FOCAL_IN_35_MM = 0x920A, 0xA405
_QUALITY = 95


def photos_in(folder: Path) -> list[Path]:
    """Photos that lie in a folder, or in its folder `images`, by name; none where neither holds any.

    Raises:
        DataError: All are of a kind that cannot be read.
    """
    found = pictures_in(folder) or pictures_in(folder / _INNER)
    unreadable = [path for path in _files_in(folder) if path.suffix.lower() in _UNREADABLE]
    if not unreadable:
        return found
    kinds = ", ".join(sorted({path.suffix[1:].upper() for path in unreadable}))
    advice = "export them as JPEG (iPhone: Settings, Camera, Formats, Most Compatible, for those to come)"
    if not found:
        raise DataError(f"{folder}: its {len(unreadable)} photos are {kinds} files, expected JPEG or PNG; {advice}")
    message = f"{folder}: {len(unreadable)} photos are {kinds} files, which are left out; to use them, {advice}"
    warnings.warn(message, UserWarning, stacklevel=2)
    return found


def require_enough(count: int, *, where: Path) -> None:
    """Refuses fewer pictures than poses can be found of."""
    if count < LEAST:
        raise DataError(
            f"{where}: holds {count} photos, expected at least {LEAST}, better 30 to 100, in each of which most of the "
            "one before is seen from a little further on; take more"
        )


def copy_name(photo: Path, taken: Collection[str]) -> str:
    """A photo's name as COLMAP's lists of names can hold it: without spaces, and unlike the others.

    >>> copy_name(Path("IMG 1.JPG"), []), copy_name(Path("IMG 1.JPG"), ["IMG_1.JPG"])
    ('IMG_1.JPG', '1_IMG_1.JPG')
    """
    name = "_".join(photo.name.split())
    used = {one.lower() for one in taken}
    alike = {name.lower(), f"{name}.jpg".lower(), f"{name}.png".lower()}
    return f"{len(taken)}_{name}" if alike & used else name


def write_upright(photo: Path, copy: Path) -> Path:
    """Writes a photo as it is looked at, with at most `LONGEST_EDGE` pixels; its EXIF data keep the focal length.

    Args:
        photo: Its file.
        copy: Where to; a suffix is added where its format changes.

    Raises:
        DataError: It cannot be read.
    """
    size = _reduced(image_header(photo).size(turned=True))
    pixels, _ = load_images([ImageRequest(photo, size, turned=True)])
    picture = pixels.reshape(*size, 4).numpy()
    with Image.open(photo) as opened:
        exif = opened.getexif()
    exif[_ORIENTATION] = 1
    return write_picture(copy, picture, exif=exif.tobytes())


def write_picture(path: Path, picture: UInt8[np.ndarray, "h w c"], *, exif: bytes = b"") -> Path:
    """Writes a picture as JPEG, or as PNG where it is transparent or named so; the path may get a suffix.

    Args:
        path: Where to.
        picture: sRGB, of three or four channels.
        exif: To be written with it.
    """
    alpha = picture.shape[-1] == 4 and bool((picture[..., 3] < 255).any())
    form, suffixes = ("PNG", (".png",)) if alpha or path.suffix.lower() == ".png" else ("JPEG", (".jpg", ".jpeg"))
    if path.suffix.lower() not in suffixes:
        path = path.with_name(path.name + suffixes[0])
    buffer = io.BytesIO()
    image = Image.fromarray(picture if alpha else np.ascontiguousarray(picture[..., :3]))
    image.save(buffer, format=form, quality=_QUALITY, subsampling=0, exif=exif)
    write_atomically(path, buffer.getvalue())
    return path


def by_lens(pictures: Sequence[Path]) -> list[list[Path]]:
    """Pictures in groups that one lens may have taken: those of one size and one focal length."""
    groups: dict[tuple[object, ...], list[Path]] = {}
    for path in pictures:
        with Image.open(path) as image:
            details = image.getexif().get_ifd(_EXIF)
            key = (image.size, str(details.get(_FOCAL_LENGTH)), str(details.get(_FOCAL_IN_35_MM)))
        groups.setdefault(key, []).append(path)
    return list(groups.values())


def _files_in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _reduced(size: tuple[int, int]) -> tuple[int, int]:
    factor = min(1.0, LONGEST_EDGE / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
