"""Files that are written whole or not at all, and errors that say which file they are of."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file beside its place, down to the disk, and then moves it there.

    Args:
        path: The file; its folder is made if it does not exist.
        content: All of it.

    Raises:
        OSError: It cannot be written, for example because the disk is full; what lay there before is unharmed, and the
            error names the file.
    """
    with whole_file(path) as beside:
        beside.write_bytes(content)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path beside a file's place, for whoever writes files by name: once written, it is moved there.

    Args:
        path: The file; its folder is made if it does not exist.

    Raises:
        OSError: See `write_atomically`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise _of(path, error) from error


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """While it is entered, what the operating system refuses without saying where is put down to a file.

    Systems name the file that cannot be opened, not the one that cannot be written to any further.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise _of(path, error) from error


def _of(path: Path, error: OSError) -> OSError:
    return OSError(error.errno, error.strerror or str(error), str(path))
