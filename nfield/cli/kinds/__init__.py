"""Kinds of runs, one file each: what every command does with a run folder of that kind.

To add one, write its file beside these and name it in `KINDS`; commands look the kind of a folder up and call it.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path

from nfield.checkpoint import kind_of
from nfield.cli.kinds.base import RunKind
from nfield.errors import CheckpointError

__all__ = ["FILES", "KINDS", "RunKind", "is_splats", "kind_at", "kind_named"]

KINDS: Mapping[str, str] = {
    "radiance": "nfield.cli.kinds.scene",
    "image": "nfield.cli.kinds.picture",
    "distance": "nfield.cli.kinds.shape",
    "avatar": "nfield.cli.kinds.avatar",
}
"""By the kind that checkpoints name: a module with a `KIND`, imported when a run of that kind is met."""

FILES: Mapping[str, str] = {".ply": "nfield.cli.kinds.splats"}
"""By what the name of a file ends with that is looked at like a run."""


def kind_named(name: str) -> RunKind:
    """The kind of run that checkpoints call by this name, one of `KINDS`."""
    return importlib.import_module(KINDS[name]).KIND


def is_splats(run: Path) -> bool:
    """Whether a path names a file of splats, not a run folder."""
    return run.suffix.lower() in FILES and not run.is_dir()


def kind_at(run: Path) -> RunKind:
    """The kind of the run in a folder, or of a file that is looked at like one.

    Raises:
        CheckpointError: The folder holds no run, or one of a kind that this version does not know.
    """
    if is_splats(run):
        return importlib.import_module(FILES[run.suffix.lower()]).KIND
    name = kind_of(run)
    if name not in KINDS:
        raise CheckpointError(
            f"{run}: holds a run of the unknown kind {name!r}, expected one of {', '.join(KINDS)}; "
            "use the version of nfield that wrote it"
        )
    return kind_named(name)
