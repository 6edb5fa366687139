"""`transforms*.json`: NeRF-synthetic folders, and files of instant-ngp and nerfstudio.

A folder with `transforms_train.json` is a NeRF-synthetic object: held out are the views of `transforms_test.json` (or
`transforms_val.json`). Of any other file, those are held out that `test_filenames` or `val_filenames` list, or that its
user does not say. `aabb_scale` states what is covered: see `nfield.data.region`.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from nfield.data.capture import Capture, Shot
from nfield.data.conventions import Convention, read_poses
from nfield.data.image_files import ImageHeader, image_header
from nfield.data.loaders.base import LoadOptions, MissingImagesWarning, require_half, warn_of_missing
from nfield.data.loaders.json_file import read_number, read_triple
from nfield.data.loaders.picture_paths import PictureFinder
from nfield.data.loaders.transforms_file import Frame, TransformsFile, read_names, read_transforms
from nfield.data.loaders.transforms_lens import has_proportions, lens_of
from nfield.data.region import INSTANT_NGP_OFFSET, INSTANT_NGP_SCALE, Region, instant_ngp_region
from nfield.errors import DataError

_SYNTHETIC = "transforms_train.json"
_HELD_OUT = ("transforms_test.json", "transforms_val.json")
_SINGLE = "transforms.json"


@dataclass(frozen=True)
class Transforms:
    """The loader of transforms files; a `Loader`."""

    name: str = "transforms"
    looks_for: str = f"{_SYNTHETIC} or {_SINGLE} (NeRF-synthetic, instant-ngp, nerfstudio)"

    def recognises(self, source: Path) -> bool:
        """See `Loader`."""
        return source.suffix.lower() == ".json" if source.is_file() else _file_in(source) is not None

    def load(self, source: Path, options: LoadOptions) -> Capture:
        """See `Loader`."""
        path = source if source.is_file() else _file_in(source)
        assert path is not None
        convention = options.convention or "opengl"
        return _synthetic(path, convention) if path.name == _SYNTHETIC else _single(path, convention)


def _file_in(folder: Path) -> Path | None:
    return next((folder / name for name in (_SYNTHETIC, _SINGLE) if (folder / name).is_file()), None)


def _synthetic(path: Path, convention: Convention) -> Capture:
    transforms = read_transforms(path)
    file = next((path.with_name(name) for name in _HELD_OUT if path.with_name(name).is_file()), None)
    held_out = None if file is None else read_transforms(file)
    train = _existing(transforms, held_out)
    test = _Found((), (), ()) if held_out is None else _test_of(held_out, transforms)
    shots = _shots([*train.frames, *test.frames], convention)
    first = len(train.frames)
    return Capture(
        str(path),
        shots,
        train=tuple(range(first)),
        test=tuple(range(first, len(shots))),
        missing=train.missing + test.missing,
        region=_stated_region(transforms),
        any_axes=True,
        notes=train.notes + test.notes,
    )


def _single(path: Path, convention: Convention) -> Capture:
    transforms = read_transforms(path)
    found = _existing(transforms)
    ordered = sorted(found.frames, key=lambda pair: pair[0].name)
    shots = _shots(ordered, convention)
    split = _Split.of(transforms, [shot.name for shot in shots])
    return Capture(
        str(path),
        shots,
        train=split.train,
        test=split.test,
        missing=found.missing,
        region=_stated_region(transforms),
        any_axes=True,
        notes=found.notes + split.notes,
    )


@dataclass(frozen=True)
class _Found:
    """Frames with their pictures, names of those without, and what to say of it."""

    frames: tuple[tuple[Frame, Path], ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def _found(transforms: TransformsFile, others: TransformsFile | None = None) -> _Found:
    """Pictures where file_path says, else those of the same name that no frame, of others neither, names exactly."""
    finder = PictureFinder(transforms.path.parent)
    exact = [finder.exactly(frame.name) for frame in transforms.frames]
    taken = {path for path in exact if path is not None}
    taken |= {path for frame in (others.frames if others else ()) if (path := finder.exactly(frame.name)) is not None}
    frames: list[tuple[Frame, Path]] = []
    missing: list[str] = []
    elsewhere: list[tuple[str, Path]] = []
    for frame, there in zip(transforms.frames, exact, strict=True):
        path = there or finder.anywhere(frame.name, taken)
        if path is None:
            missing.append(frame.name)
            continue
        if there is None:
            elsewhere.append((frame.name, path))
            taken.add(path)
        frames.append((frame, path))
    return _Found(tuple(frames), tuple(missing), _elsewhere(transforms, elsewhere))


def _elsewhere(transforms: TransformsFile, found: Sequence[tuple[str, Path]]) -> tuple[str, ...]:
    if not found:
        return ()
    name, path = found[0]
    return (
        f"{transforms.path}: {len(found)} images are not where file_path says and were found by their names "
        f"(the first: {name} is {path})",
    )


def _existing(transforms: TransformsFile, others: TransformsFile | None = None) -> _Found:
    found = _found(transforms, others)
    total = len(transforms.frames)
    advice = "put the images where file_path says, relative to this file"
    require_half(found.missing, total, where=str(transforms.path), advice=advice)
    warn_of_missing(found.missing, total, where=str(transforms.path))
    return found


def _test_of(transforms: TransformsFile, others: TransformsFile) -> _Found:
    """The held-out frames; none where their images are missing, so that others are held out."""
    found = _found(transforms, others)
    if found.frames:
        warn_of_missing(found.missing, len(transforms.frames), where=str(transforms.path))
        return found
    warnings.warn(
        f"{transforms.path}: none of its {len(transforms.frames)} images exists (the first: {found.missing[0]}); "
        "holding out some of the other views instead",
        MissingImagesWarning,
        stacklevel=2,
    )
    return found


def _shots(found: Sequence[tuple[Frame, Path]], convention: Convention) -> tuple[Shot, ...]:
    # Poses come first: a bad number is found before any image is opened.
    poses = read_poses(np.stack([frame.pose() for frame, _ in found]), convention)
    return tuple(_shot(frame, path, pose) for (frame, path), pose in zip(found, poses, strict=True))


def _shot(frame: Frame, path: Path, pose: np.ndarray) -> Shot:
    header = image_header(path)
    turned = _is_turned(frame, header)
    size = header.size(turned=turned)
    return Shot(frame.name, path, size, lens_of(frame, size), pose, _mask(frame, path), turned)


def _is_turned(frame: Frame, header: ImageHeader) -> bool:
    """Whether the numbers are those of the picture turned as EXIF says: they are, unless only the stored one fits."""
    declared = frame.declared_size()
    if not header.is_turned or declared is None:
        return header.is_turned
    fits = {turned: has_proportions(declared, header.size(turned=turned)) for turned in (True, False)}
    return fits[True] or not fits[False]


def _mask(frame: Frame, picture: Path) -> Path | None:
    folder = Path(frame.where.split(", frame ")[0]).parent
    finder = PictureFinder(folder)
    named = frame.values.get("mask_path")
    if named is None:
        return finder.mask_of(picture)
    path = finder.exactly(named) if isinstance(named, str) else None
    if path is None:
        raise DataError(
            f"{frame.where}: its mask_path {named} does not exist, expected an image whose black pixels are not "
            "used; put it there, or remove mask_path"
        )
    return path


@dataclass(frozen=True)
class _Split:
    """Which pictures are trained on and held out; the latter empty where the file does not say."""

    train: tuple[int, ...]
    test: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(transforms: TransformsFile, names: Sequence[str]) -> "_Split":
        """As `train_filenames`, `test_filenames` and `val_filenames` say; test comes before val."""
        values, where = transforms.values, str(transforms.path)
        listed = {key: read_names(values, f"{key}_filenames", where) for key in ("train", "val", "test")}
        chosen = {key: _indices(wanted, names) for key, wanted in listed.items()}
        held_out = chosen["test"] or chosen["val"]
        if (listed["test"] or listed["val"]) and not held_out:
            warnings.warn(
                f"{where}: none of the images exists that test_filenames and val_filenames list; holding out some of "
                "the other views instead",
                MissingImagesWarning,
                stacklevel=2,
            )
        others = set(range(len(names))) - chosen["test"] - chosen["val"]
        train = (chosen["train"] or others) - held_out
        if not train:
            raise DataError(
                f"{where}: train_filenames, val_filenames and test_filenames leave no image to train on, expected "
                "at least one; correct or remove them"
            )
        return _Split(tuple(sorted(train)), tuple(sorted(held_out)))


def _indices(wanted: Iterable[str], names: Sequence[str]) -> set[int]:
    """Of the names that are listed, whatever folder or suffix one of both leaves out."""
    exact = {_plain(name): index for index, name in enumerate(names)}
    last = {PurePosixPath(name).name: index for name, index in exact.items()}
    found = (exact.get(_plain(name), last.get(PurePosixPath(_plain(name)).name)) for name in wanted)
    return {index for index in found if index is not None}


def _plain(name: str) -> str:
    return str(PurePosixPath(name.replace("\\", "/")))


def _stated_region(transforms: TransformsFile) -> Region | None:
    values, where = transforms.values, str(transforms.path)
    if "aabb_scale" not in values:
        return None
    return instant_ngp_region(
        read_number(values, "aabb_scale", where, default=1.0),
        scale=read_number(values, "scale", where, default=INSTANT_NGP_SCALE),
        offset=read_triple(values, "offset", where, default=INSTANT_NGP_OFFSET),
        where=where,
    )
