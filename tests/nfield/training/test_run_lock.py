import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from nfield.cli import main
from nfield.errors import RunInUseError
from nfield.training import run_lock
from nfield.training.run_lock import LOCK_FILE, only_writer

_HOLD = """
import sys, time
from pathlib import Path
from nfield.training.run_lock import only_writer
with only_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def _another_writer(folder: Path) -> Iterator[subprocess.Popen]:
    """Another process that writes there, until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_process_is_refused_until_the_first_is_dead_however_it_died(tmp_path: Path):
    with _another_writer(tmp_path) as other:
        with (
            pytest.raises(RunInUseError, match=rf"process {other.pid} is writing a run there.*--out"),
            only_writer(tmp_path),
        ):
            pass
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        assert (tmp_path / LOCK_FILE).is_file()  # A file of a dead process bars nobody.
        with only_writer(tmp_path):
            assert (tmp_path / LOCK_FILE).read_text() == str(os.getpid())
    assert list(tmp_path.iterdir()) == []


def test_one_process_cannot_write_twice_either(tmp_path: Path):
    with only_writer(tmp_path):
        with pytest.raises(RunInUseError), only_writer(tmp_path):
            pass
        with pytest.raises(RunInUseError), only_writer(tmp_path):  # The refused one has not taken the lock away.
            pass
    with only_writer(tmp_path):
        pass


def test_a_folder_in_which_nothing_was_written_goes_again(tmp_path: Path):
    empty, written, old = (tmp_path / name for name in ("empty", "written", "old"))
    old.mkdir()
    for folder in (empty, written, old):
        with only_writer(folder):
            if folder is written:
                (folder / "run.json").write_text("{}")
    assert not empty.exists()
    assert [path.name for path in written.iterdir()] == ["run.json"]
    assert old.is_dir()


def test_an_error_releases_the_lock(tmp_path: Path):
    with pytest.raises(ZeroDivisionError), only_writer(tmp_path):
        raise ZeroDivisionError
    with only_writer(tmp_path):
        pass


def test_a_lock_file_that_was_taken_away_before_it_was_locked_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The first writer ends between the second one's opening the file and locking it."""
    lock, opened = run_lock._lock, []

    def late(file: BinaryIO) -> None:
        if not opened:
            (tmp_path / LOCK_FILE).unlink()
        opened.append(file)
        lock(file)

    monkeypatch.setattr(run_lock, "_lock", late)
    with only_writer(tmp_path):
        assert len(opened) == 2
        with pytest.raises(RunInUseError), only_writer(tmp_path):
            pass


@pytest.mark.parametrize("number", run_lock._NO_LOCKS)
def test_a_file_system_without_locks_is_noted_and_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
):
    def none(file: BinaryIO) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(run_lock, "_lock", none)
    with pytest.warns(UserWarning, match="has no locks"), only_writer(tmp_path):
        (tmp_path / "run.json").write_text("{}")


def test_commands_that_write_runs_refuse_a_folder_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = {
        "train": ["train", "data"],
        "a picture's train": ["train", "photo.png"],
        "convert": ["convert", "run", "--to", "vm"],
        "fit": ["fit", "photo.jpg"],
        "fit, resumed": ["fit", "photo.jpg", "--resume"],
        "fit, anew": ["fit", "photo.jpg", "--overwrite"],
    }
    with only_writer(tmp_path), warnings.catch_warnings():
        for command in words.values():
            assert main([*command, "--out", str(tmp_path)]) == 2
            assert f"process {os.getpid()} is writing a run there" in capsys.readouterr().err
