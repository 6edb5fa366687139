"""One writer a run folder: an operating system's lock, which ends with the process that holds it, however it ends."""

import errno
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from nfield.errors import RunInUseError
from nfield.whole_file import naming

LOCK_FILE = ".lock"
"""Lies in a run folder while somebody writes there, and after a process that was killed; then it bars nobody."""

_BARRED = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
_PLACE = 1 << 16
"""The byte that is locked where locks are of bytes: behind the text, which others shall read."""


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Is entered while a run is written; makes the folder, and takes it away again where nothing was written.

    Args:
        folder: The run folder.

    Raises:
        RunInUseError: Another process, or another part of this one, writes there.
    """
    made = not folder.exists()
    file = _locked(folder)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps open files; a file that stays bars nobody.
            (folder / LOCK_FILE).unlink()
        file.close()
        if made:
            with suppress(OSError):  # Something was written.
                folder.rmdir()


def _locked(folder: Path) -> BinaryIO:
    """The lock file, open and locked."""
    path = folder / LOCK_FILE
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
        try:
            _lock(file)
        except OSError as error:
            _explain(error, folder, file)
        if _is_at(path, file):
            with naming(path):
                file.truncate(0)
                file.write(str(os.getpid()).encode())
                file.flush()
            return file
        file.close()  # Whoever held it took the file away before it was ours.


def _explain(error: OSError, folder: Path, file: BinaryIO) -> None:
    """Raises what hinders a lock; only notes that a file system has none."""
    if error.errno in _NO_LOCKS:
        message = f"{folder}: its file system has no locks, so see to it yourself that only one process writes there"
        warnings.warn(message, UserWarning, stacklevel=2)
        return
    holder = _holder(file)
    file.close()
    if error.errno not in _BARRED:
        raise error
    raise RunInUseError(
        f"{folder}: {holder} is writing a run there, and only one can; "
        "wait until it ends or stop it, or give another folder to --out"
    ) from error


def _holder(file: BinaryIO) -> str:
    """Who wrote into a lock file."""
    file.seek(0)
    text = file.read(32).decode(errors="replace").strip()
    return f"process {text}" if text.isdecimal() else "another process"


def _is_at(path: Path, file: BinaryIO) -> bool:
    """Whether a file still lies where it was opened."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        """Locks an open file or raises an OSError at once."""
        file.seek(_PLACE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    try:
        import fcntl
    except ImportError:  # a Python without it, as in a browser
        fcntl = None

    def _lock(file: BinaryIO) -> None:
        """Locks an open file or raises an OSError at once."""
        if fcntl is None:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
