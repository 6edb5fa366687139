"""What every loader does, and the order in which they are asked."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nfield.data.capture import Capture
from nfield.data.conventions import Convention
from nfield.errors import DataError


@dataclass(frozen=True)
class LoadOptions:
    """What a user says of a data set."""

    convention: Convention | None = None
    """In which convention its poses are written; None for that of its format."""


class Loader(Protocol):
    """One format of captures."""

    @property
    def name(self) -> str:
        """Of the format, for messages."""
        ...

    @property
    def looks_for(self) -> str:
        """What a folder must hold, for messages."""
        ...

    def recognises(self, source: Path) -> bool:
        """Whether a folder or file, which exists, looks like this format."""
        ...

    def load(self, source: Path, options: LoadOptions) -> Capture:
        """Reads it.

        Args:
            source: The folder or file, which `recognises` knows.
            options: What the user says of it.

        Raises:
            DataError: It is damaged, or of an unsupported kind.
        """
        ...


class MissingImagesWarning(UserWarning):
    """Some images of a data set are not there; `Scene.missing` lists them."""


def require_half(missing: Sequence[str], total: int, *, where: str, advice: str) -> None:
    """Refuses a capture of whose pictures less than half exist.

    Args:
        missing: Pictures that do not exist.
        total: How many are listed.
        where: What lists them.
        advice: What to do.
    """
    if 2 * (total - len(missing)) < total:
        raise DataError(
            f"{where}: only {total - len(missing)} of its {total} images exist (the first missing: {missing[0]}), "
            f"expected at least half of them; {advice}"
        )


def warn_of_missing(missing: Sequence[str], total: int, *, where: str) -> None:
    """Says which pictures are left out, if any."""
    if missing:
        message = f"{where}: {len(missing)} of its {total} images do not exist (the first: {missing[0]})"
        warnings.warn(f"{message}; continuing without them", MissingImagesWarning, stacklevel=2)
