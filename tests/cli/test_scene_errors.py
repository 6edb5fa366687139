"""Whatever a user gives wrongly is answered with one line and exit code 2."""

import json
import shutil
from pathlib import Path

import pytest

from nfield.checkpoint import FILE
from nfield.cli import main
from nfield.fields import BACKENDS


def _complaint(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    capsys.readouterr()
    assert main([str(word) for word in argv]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error
    return error


def test_data_that_do_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    error = _complaint(capsys, "train", tmp_path / "nowhere", "--out", tmp_path / "run")
    assert "nowhere: does not exist, expected a folder of posed images" in error
    assert not (tmp_path / "run").exists()


def test_a_nan_in_the_transforms(tmp_path: Path, scene_folder: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copytree(scene_folder, tmp_path / "data")
    path = tmp_path / "data" / "transforms_train.json"
    content = json.loads(path.read_text())
    content["frames"][2]["transform_matrix"][0][3] = float("nan")
    path.write_text(json.dumps(content))
    error = _complaint(capsys, "train", tmp_path / "data", "--out", tmp_path / "run")
    assert "transforms_train.json" in error
    assert "transform_matrix" in error


@pytest.mark.parametrize("command", ["eval", "render"])
def test_a_run_that_does_not_exist(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert "does not exist, expected the checkpoint of a run" in _complaint(capsys, command, tmp_path / "nowhere")


@pytest.mark.parametrize("command", ["eval", "render", "train"])
def test_a_truncated_checkpoint(
    command: str, tmp_path: Path, scene_folder: Path, finished_run: Path, capsys: pytest.CaptureFixture[str]
):
    run = tmp_path / "run"
    run.mkdir()
    (run / FILE).write_bytes((finished_run / FILE).read_bytes()[:5000])
    words = ["train", scene_folder, "--resume", "--out"] if command == "train" else [command]
    assert "is damaged or cut off" in _complaint(capsys, *words, run)


def test_a_run_is_never_overwritten(scene_folder: Path, finished_run: Path, capsys: pytest.CaptureFixture[str]):
    before = (finished_run / FILE).read_bytes()
    assert "add --resume to continue it" in _complaint(capsys, "train", scene_folder, "--out", finished_run)
    assert (finished_run / FILE).read_bytes() == before


def test_nothing_to_resume(tmp_path: Path, scene_folder: Path, capsys: pytest.CaptureFixture[str]):
    assert "does not exist" in _complaint(capsys, "train", scene_folder, "--out", tmp_path / "run", "--resume")


def test_a_run_folder_that_is_a_file(tmp_path: Path, scene_folder: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "run").write_text("")
    _complaint(capsys, "train", scene_folder, "--out", tmp_path / "run", "--steps", "1")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--minutes", "-1"], "minutes: is -1"),
        (["--minutes", "nan"], "minutes: is nan"),
        (["--steps", "0"], "steps: is 0"),
        (["--views", "0"], "--views: is 0, expected at least 1"),
        (["--samples", "1"], "--samples: is 1, expected at least 1024"),
        (["--save-every", "0"], "--save-every"),
        (["--field", "telepathy"], f"--field: is 'telepathy', expected one of {', '.join(BACKENDS)}"),
        (["--size", "4000", "4000"], "asked for images of 4000x4000"),
        (["--downscale", "0"], "downscale is 0"),
        (["--hash.finest-resolution", "0"], "cannot be built"),
        (["--hash.hidden", "0"], "cannot be built"),
        (["--hash.log2-table-size", "50"], "cannot be built"),
    ],
)
def test_options_out_of_range(
    words: list[str], expected: str, tmp_path: Path, scene_folder: Path, capsys: pytest.CaptureFixture[str]
):
    assert expected in _complaint(capsys, "train", scene_folder, "--out", tmp_path / "run", *words)


@pytest.mark.parametrize(
    "words", [["render", "--frames", "0"], ["render", "--size", "1", "1"], ["eval", "--views", "0"]]
)
def test_pictures_that_cannot_be(words: list[str], finished_run: Path, capsys: pytest.CaptureFixture[str]):
    assert "expected at least" in _complaint(capsys, words[0], finished_run, *words[1:])
