"""COLMAP: a folder with a sparse model, its images, and masks as COLMAP names them (`masks/NAME.png`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nfield.data.capture import Capture, Lens, Shot
from nfield.data.image_files import ImageHeader, image_header
from nfield.data.loaders.base import LoadOptions, require_half, warn_of_missing
from nfield.data.loaders.colmap_files import ColmapImage, ColmapModel, is_model, read_model
from nfield.data.loaders.picture_paths import PictureFinder
from nfield.errors import DataError

_MODELS = ("sparse", "colmap/sparse", "dense/sparse", "dense/0/sparse", "distorted/sparse", "")
_IMAGES = "images"


@dataclass(frozen=True)
class Colmap:
    """The loader of COLMAP's models; a `Loader`."""

    name: str = "COLMAP"
    looks_for: str = "sparse/0 with cameras, images and points3D, .bin or .txt (COLMAP)"

    def recognises(self, source: Path) -> bool:
        """See `Loader`."""
        return source.is_dir() and bool(_models(source))

    def load(self, source: Path, options: LoadOptions) -> Capture:
        """See `Loader`."""
        folders = _models(source)
        models = [read_model(folder) for folder in folders]
        model = max(models, key=lambda model: len(model.images))
        where = str(folders[models.index(model)])
        if not model.images:
            raise DataError(f"{where}: registers no images, expected at least two; register them again with COLMAP")
        notes = ()
        if len(models) > 1:
            notes = (f"{where}: of {len(models)} models it has the most images, so the others are left out",)
        return _capture(source, model, where, notes)


def _models(source: Path) -> list[Path]:
    """Folders of models, those of the first place that has any."""
    for place in _MODELS:
        folder = source / place
        found = [path for path in [folder, *sorted(folder.glob("[0-9]*"))] if is_model(path)]
        if found:
            return found
    return []


def _capture(source: Path, model: ColmapModel, where: str, notes: tuple[str, ...]) -> Capture:
    finder = PictureFinder(_root(source))
    listed = sorted(model.images, key=lambda image: image.name)
    paths = [_path(finder, image.name) for image in listed]
    missing = [image.name for image, path in zip(listed, paths, strict=True) if path is None]
    require_half(missing, len(listed), where=where, advice="put the images into the folder images beside sparse")
    warn_of_missing(missing, len(listed), where=where)
    shots = tuple(
        _shot(image, path, model.lenses[image.camera], finder.mask_of(path))
        for image, path in zip(listed, paths, strict=True)
        if path is not None
    )
    points = model.points if len(model.points) else None
    return Capture(where, shots, train=tuple(range(len(shots))), missing=tuple(missing), points=points, notes=notes)


def _root(source: Path) -> Path:
    """The capture's folder, where the user gave that of its model."""
    folders: Sequence[Path] = (source, source.parent, source.parent.parent)
    return next((folder for folder in folders if (folder / _IMAGES).is_dir()), source)


def _path(finder: PictureFinder, name: str) -> Path | None:
    return finder.exactly(f"{_IMAGES}/{name}") or finder.exactly(name) or finder.anywhere(name)


def _shot(image: ColmapImage, path: Path, lens: Lens, mask: Path | None) -> Shot:
    header = image_header(path)
    turned = _is_turned(lens, header)
    return Shot(image.name, path, header.size(turned=turned), lens, image.pose(), mask, turned)


def _is_turned(lens: Lens, header: ImageHeader) -> bool:
    """COLMAP reads pixels as they are stored, so they are turned only where nothing else fits."""
    wide = lens.size[1] > lens.size[0]
    stored, upright = header.size(turned=False), header.size(turned=True)
    return stored != upright and lens.size[0] != lens.size[1] and (stored[1] > stored[0]) != wide
