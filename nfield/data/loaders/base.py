"""What every loader does, and the order in which they are asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nfield.data.capture import Capture
from nfield.data.conventions import Convention


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
