"""Photos and videos at the command line: poses first, then the training; what is said where that fails."""

import shutil
from pathlib import Path

import pytest
from rich.console import Console

from nfield.checkpoint import load_checkpoint
from nfield.cli import main, posing
from nfield.cli.posing import StepProgress, resumed_data
from nfield.data.posing import Posed, Watch
from nfield.data.posing.record import PosesFolder
from tests.nfield.data.posing.room import write_photos


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_photos(tmp_path / "photos", 3)
    return tmp_path / "photos"


@pytest.fixture
def found(scene_folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, Path, int]]:
    """In place of COLMAP comes the capture of another scene; what was searched."""
    searched: list[tuple[Path, Path, int]] = []

    def find(source: Path, folder: Path, *, frames: int, watch: Watch) -> Posed:
        searched.append((source, folder, frames))
        watch("placing cameras", 1, 1)
        shutil.copytree(scene_folder, folder, dirs_exist_ok=True)
        (folder / "sparse" / "0").mkdir(parents=True)
        PosesFolder(folder).finish([])
        return Posed(folder, ("photos: 2 of 3 pictures were registered; left out: one.png",))

    monkeypatch.setattr(posing, "find_poses", find)
    return searched


def test_photos_are_posed_and_trained_on_and_a_run_goes_on_without_them(
    tmp_path: Path, photos: Path, found: list, tiny_options: list[str], capsys: pytest.CaptureFixture[str]
):
    run = tmp_path / "run"
    words = ["train", str(photos), "--out", str(run), "--views", "1", "--test-renders", "0"]
    assert main([*words, "--steps", "2", *tiny_options]) == 0
    said = capsys.readouterr().out
    assert "placing cameras: 1 of 1" in said
    assert "note: photos: 2 of 3 pictures were registered; left out: one.png" in said
    assert found == [(photos, run / "poses", 100)]
    assert load_checkpoint(run).extra["plan"]["data"] == str((run / "poses").resolve())
    (photos / "view 00.png").unlink()
    assert main([*words, "--resume", "--steps", "3"]) == 0
    shutil.rmtree(photos)
    run = run.rename(tmp_path / "moved")
    assert main(["train", str(photos), "--out", str(run), "--test-renders", "0", "--resume", "--steps", "4"]) == 0
    assert load_checkpoint(run).step == 4
    assert load_checkpoint(run).extra["plan"]["data"] == str((run / "poses").resolve())
    assert len(found) == 1


def test_videos_are_posed_into_the_folder_that_is_given(tmp_path: Path, found: list, tiny_options: list[str]):
    words = ["train", str(tmp_path / "walk.mp4"), "--out", str(tmp_path / "run"), "--poses", str(tmp_path / "kept")]
    assert main([*words, "--frames", "30", "--steps", "1", "--views", "1", "--test-renders", "0", *tiny_options]) == 0
    assert found == [(tmp_path / "walk.mp4", tmp_path / "kept", 30)]
    assert main([*words, "--frames", "2"]) == 2


def test_data_with_poses_are_believed_when_a_run_goes_on(tmp_path: Path, scene_folder: Path, photos: Path):
    kept = tmp_path / "kept"
    (kept / "sparse" / "0").mkdir(parents=True)
    assert resumed_data(photos, (kept,)) == photos
    PosesFolder(kept).finish([])
    assert resumed_data(photos, (tmp_path / "gone", kept)) == kept
    assert resumed_data(tmp_path / "gone", (kept,)) == kept
    assert resumed_data(scene_folder, (kept,)) == scene_folder


def test_too_few_photos_are_answered_with_a_line(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (photos / "view 00.png").unlink()
    assert main(["train", str(photos), "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert "holds 2 photos, expected at least 3" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_search_that_is_stopped_says_how_to_go_on(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def stopped(*_: object, **__: object) -> Posed:
        raise KeyboardInterrupt

    monkeypatch.setattr(posing, "find_poses", stopped)
    assert main(["train", str(photos), "--out", str(tmp_path / "run")]) == 130
    assert "stopped while poses are found; give the same command to go on" in capsys.readouterr().err


@pytest.mark.parametrize("terminal", [False, True])
def test_each_step_is_shown_up_to_its_end(terminal: bool, capsys: pytest.CaptureFixture[str]):
    with StepProgress(Console(force_terminal=terminal, width=100)) as progress:
        for step in ("finding features", "comparing pictures"):
            for done in range(4):
                progress(step, done, 3)
    said = capsys.readouterr().out
    assert "finding features" in said
    assert "comparing pictures" in said
    assert ("3/3" if terminal else "comparing pictures: 3 of 3, 0 s left") in said
