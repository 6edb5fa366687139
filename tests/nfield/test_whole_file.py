"""Files are written whole or not at all, and what hinders it names them; full disks are made by the test."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nfield.checkpoint import FILE, load_checkpoint
from nfield.cli import main
from nfield.data.picture_files import write_png
from nfield.whole_file import naming, write_atomically


@pytest.fixture
def fill_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """From then on, there is no room for files whose names hold a text."""
    real = os.fsync

    def fill(text: str) -> None:
        def fsync(descriptor: int) -> None:
            if text in os.readlink(f"/proc/self/fd/{descriptor}"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(descriptor)

        monkeypatch.setattr("nfield.whole_file.os.fsync", fsync)

    return fill


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks open files up in /proc")


def test_a_file_is_replaced_and_nothing_lies_beside_it(tmp_path: Path):
    path = tmp_path / "new" / "file"
    for content in (b"first", b"second"):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


@needs_proc
def test_a_full_disk_names_the_file_and_keeps_the_old_one(tmp_path: Path, fill_disk: Callable[[str], None]):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    fill_disk("file")
    with pytest.raises(OSError, match="No space left") as raised:
        write_atomically(path, b"new")
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@needs_proc
def test_pictures_are_whole_files_too(tmp_path: Path, fill_disk: Callable[[str], None]):
    fill_disk("picture.png")
    with pytest.raises(OSError, match="No space left"):
        write_png(tmp_path / "sub" / "picture.png", torch.zeros(2, 2, 3))
    assert list((tmp_path / "sub").iterdir()) == []


def test_only_errors_without_a_file_get_one(tmp_path: Path):
    with pytest.raises(OSError, match="No space") as nameless, naming(tmp_path / "film.mp4"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert nameless.value.filename == str(tmp_path / "film.mp4")
    with pytest.raises(FileNotFoundError) as named, naming(tmp_path / "film.mp4"):
        (tmp_path / "gone").read_bytes()
    assert named.value.filename == str(tmp_path / "gone")


@needs_proc
@pytest.mark.parametrize("full", ["checkpoint", "run.json", "log.jsonl", "curve.png"])
def test_a_training_on_a_full_disk_says_where_and_keeps_its_last_checkpoint(
    full: str,
    picture_run: Callable[..., list[str]],
    tmp_path: Path,
    fill_disk: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
):
    words = picture_run(tmp_path / "run")
    assert main([*words, "--steps", "3"]) == 0
    fill_disk(full)
    capsys.readouterr()
    assert main([*words, "--steps", "600", "--resume", "--save-every", "0.05"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path / 'run'}/{full}")
    assert "no space left on device; check the path, its permissions and the free space there" in error
    assert error.count("\n") == 1
    assert load_checkpoint(tmp_path / "run").step >= 3
    assert not list((tmp_path / "run").glob(".*"))  # neither halves nor the lock


@pytest.fixture
def picture_run(tmp_path: Path) -> Callable[..., Any]:
    write_png(tmp_path / "noise.png", torch.rand(12, 16, 3, generator=torch.Generator().manual_seed(0)))

    def words(run: Path) -> list[str]:
        return ["train", str(tmp_path / "noise.png"), "--field", "hash", "--out", str(run)]

    return words


@needs_proc
def test_a_new_training_on_a_full_disk_leaves_nothing_half(
    picture_run: Callable[..., list[str]],
    tmp_path: Path,
    fill_disk: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
):
    fill_disk("checkpoint")
    assert main([*picture_run(tmp_path / "run"), "--steps", "600"]) == 2
    assert f"{tmp_path / 'run' / FILE}: no space left on device" in capsys.readouterr().err
    assert not (tmp_path / "run" / FILE).exists()
