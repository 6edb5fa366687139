"""Motions by name or path: those that are shipped, those that lie in a run's folder, any file that a reader takes."""

from collections.abc import Mapping
from pathlib import Path

import assets
from avatars.body.model import BodyModel
from avatars.motion.motion import Motion
from avatars.motion.readers import READERS, reader_of
from avatars.motion.readers.poses_json import read_json
from nfield.errors import DataError

FOLDER = "motions"
"""In a run's folder: motions of its own."""


def bank() -> tuple[str, ...]:
    """The names of the shipped motions.

    >>> "walk" in bank()
    True
    """
    return tuple(sorted(path.stem for path in assets.path("motions").glob("*.json")))


def open_motion(source: str, model: BodyModel) -> Motion:
    """A motion for the mean body of a model; `grounded` brings it onto a person's.

    Args:
        source: A name of `bank()`, or the path of a file (.npz as in AMASS, .bvh, .json) or of a folder of body
            parameters.
        model: The body that shall move.

    Raises:
        DataError: There is no such motion, or its file cannot be used.
    """
    if source in bank():
        return read_json(assets.path(f"motions/{source}.json"), model)
    path = Path(source)
    if not path.exists():
        raise DataError(
            f"{source}: there is no such motion; expected one of {', '.join(bank())}, or the path of a "
            "file (.npz, .bvh, .json) or of a folder of body parameters"
        )
    return reader_of(path)(path, model)


def motions_of_run(run: Path) -> Mapping[str, Path]:
    """Motions in a run's folder, by name: files and folders in its `motions/`, and BVH files beside the run."""
    folder = run.parent if run.is_file() else run
    inside = folder / FOLDER
    listed = sorted(inside.iterdir()) if inside.is_dir() else []
    found = [path for path in listed if path.is_dir() or path.suffix.lower() in READERS]
    return {path.stem: path for path in [*found, *sorted(folder.glob("*.bvh"))]}
