"""What a folder of poses was made from, so that it is made once and only anew where the photos changed."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nfield.errors import DataError
from nfield.whole_file import write_atomically

_FILE = "poses.json"
_OURS = ("images", "sparse", "work")
_METHOD = 1
"""To be raised where the same photos would give other poses."""


@dataclass(frozen=True)
class Origin:
    """Of what poses are found.

    Attributes:
        files: Name, bytes and time of change in nanoseconds of each photo, or of the video.
        options: What else the result depends on.
    """

    files: tuple[tuple[str, int, int], ...]
    options: tuple[tuple[str, int], ...]

    @staticmethod
    def of(files: Sequence[Path], **options: int) -> "Origin":
        """As the files are now."""
        found = [(path.name, path.stat()) for path in files]
        listed = tuple((name, about.st_size, about.st_mtime_ns) for name, about in found)
        return Origin(listed, (("method", _METHOD), *sorted(options.items())))


class PosesFolder:
    """A folder in COLMAP's layout (`images`, `sparse/0`) with a record of what it was made from.

    Args:
        folder: Where it lies; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.images = folder, folder / "images"
        self.sparse, self.work = folder / "sparse" / "0", folder / "work"

    @property
    def finished(self) -> bool:
        """Whether poses were found; of what does not matter."""
        return self._notes() is not None and self.sparse.is_dir()

    def notes_on(self, origin: Origin) -> tuple[str, ...] | None:
        """What was said when poses were found of this; None where they are still to be found."""
        return self._notes() if self.finished and self._content().get("of") == _plain(origin) else None

    def begin(self, origin: Origin) -> None:
        """Makes it ready for a search; what an unfinished search of the same photos found stays.

        Raises:
            DataError: It holds files of somebody else's.
        """
        if self._content().get("of") == _plain(origin):
            return
        there = [name for name in _OURS if (self.folder / name).exists()]
        if there and not (self.folder / _FILE).is_file():
            raise DataError(
                f"{self.folder}: holds {there[0]}, which is not of poses that were found here, expected a new folder "
                "or one that is; give another to --poses"
            )
        for name in there:
            shutil.rmtree(self.folder / name)
        self._write({"of": _plain(origin)})

    def finish(self, notes: Sequence[str]) -> None:
        """Keeps what is to be said, and removes what only the search needs."""
        self._write({**self._content(), "notes": list(notes)})
        shutil.rmtree(self.work, ignore_errors=True)

    def _notes(self) -> tuple[str, ...] | None:
        notes = self._content().get("notes")
        return tuple(map(str, notes)) if isinstance(notes, list) else None

    def _content(self) -> dict[str, object]:
        """The record; empty where there is none, or one that was edited into something else."""
        try:
            content = json.loads((self.folder / _FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write(self, content: dict[str, object]) -> None:
        write_atomically(self.folder / _FILE, (json.dumps(content, indent=1) + "\n").encode())


def _plain(origin: Origin) -> object:
    """As JSON gives it back."""
    return json.loads(json.dumps(asdict(origin)))
