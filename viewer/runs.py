"""From a run folder to what the viewer shows of it, by the kind of run."""

import importlib
from pathlib import Path

from nfield.checkpoint import kind_of
from nfield.errors import CheckpointError
from viewer.seam import Subject

LOADERS = {"radiance": "viewer.scene_run", "avatar": "viewer.avatar_run", "image": "viewer.image_run"}
"""Modules by the kind of run; each has a `load_subject(run, motion=...)`, and is imported when it is needed."""


def load_subject(run: Path, *, motion: Path | None = None) -> Subject:
    """The subject of a run folder.

    Args:
        run: The folder.
        motion: A further motion for a figure's player.

    Raises:
        CheckpointError: The folder holds no run, or one that the viewer does not know.
        OptionError: A motion is given for what has no joints.
    """
    kind = kind_of(run)
    if kind not in LOADERS:
        raise CheckpointError(
            f"{run}: holds a run of the kind {kind!r}, which the viewer cannot show; expected one of "
            f"{', '.join(LOADERS)}"
        )
    return importlib.import_module(LOADERS[kind]).load_subject(run, motion=motion)
