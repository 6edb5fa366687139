"""Readers of motions, one file each: to add one, write it beside these and name it in `READERS`."""

from collections.abc import Mapping
from pathlib import Path

from avatars.motion.readers.amass import read_amass
from avatars.motion.readers.base import MotionReader
from avatars.motion.readers.bvh import read_bvh
from avatars.motion.readers.parameters import read_parameters
from avatars.motion.readers.poses_json import read_json
from nfield.errors import DataError

READERS: Mapping[str, MotionReader] = {
    ".npz": read_amass,
    ".bvh": read_bvh,
    ".json": read_json,
    "/": read_parameters,
}
"""By the suffix of the file, in lower case; a folder's is a slash."""


def reader_of(path: Path) -> MotionReader:
    """The reader of an existing file or folder.

    Raises:
        DataError: No reader takes such files.
    """
    suffix = "/" if path.is_dir() else path.suffix.lower()
    if suffix not in READERS:
        raise DataError(
            f"{path}: motions are not read from {suffix or 'files without a suffix'}; expected "
            f"{', '.join(name for name in READERS if name != '/')}, or a folder of body parameters (.npz)"
        )
    return READERS[suffix]
