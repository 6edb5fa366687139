"""Formats of captures, one file each: `LOADERS` are asked in their order whether a folder or file is theirs."""

from pathlib import Path

from nfield.data.capture import Capture
from nfield.data.loaders.base import Loader, LoadOptions, MissingImagesWarning
from nfield.data.loaders.colmap import Colmap
from nfield.data.loaders.llff import Llff
from nfield.data.loaders.polycam import Polycam
from nfield.data.loaders.record3d import Record3d
from nfield.data.loaders.transforms import Transforms
from nfield.errors import DataError

LOADERS: tuple[Loader, ...] = (Record3d(), Transforms(), Colmap(), Llff(), Polycam())

__all__ = ["LOADERS", "LoadOptions", "Loader", "MissingImagesWarning", "load_capture"]


def load_capture(source: Path, options: LoadOptions | None = None) -> Capture:
    """A capture of any known format.

    Args:
        source: Its folder or file.
        options: What the user says of it.

    Raises:
        DataError: It does not exist, or is of no known format, or is damaged.
    """
    if not source.exists():
        raise DataError(
            f"{source}: does not exist, expected a folder of posed images or a transforms file; check the path"
        )
    loader = next((loader for loader in LOADERS if loader.recognises(source)), None)
    if loader is None:
        known = "; ".join(loader.looks_for for loader in LOADERS)
        raise DataError(
            f"{source}: holds no capture that is known, expected one of: {known}; make it with COLMAP, with "
            "instant-ngp's colmap2nerf.py or with nerfstudio's ns-process-data"
        )
    return loader.load(source, options or LoadOptions())
