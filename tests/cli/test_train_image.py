"""A picture from the command line: what a run leaves, continuing, measuring, decoding, and complaints."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nfield.checkpoint import FILE, load_checkpoint
from nfield.cli import main
from nfield.cli.options import goes_on
from nfield.training.hooks import Log
from nfield.training.loop import StepEvent
from nfield.training.run_lock import LOCK_FILE


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    row, column = np.mgrid[:24, :30]
    levels = np.stack([127 + 100 * np.sin(0.4 * row), 8 * column, 255 - 8 * row], -1)
    path = tmp_path_factory.mktemp("picture") / "waves.png"
    Image.fromarray(levels.clip(0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def fitted(picture: Path) -> Path:
    run = picture.parent / "run"
    assert main(["train", str(picture), "--out", str(run), "--steps", "60"]) == 0
    return run


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_a_run_folder_holds_all_that_is_promised(fitted: Path):
    names = {path.name for path in fitted.iterdir() if path.is_file()}
    assert {FILE, "run.json", "eval.json", "log.jsonl", "curve.png", "decoded.png", "error.png"} <= names
    assert "kernels.png" in names
    found = json.loads((fitted / "eval.json").read_text())
    numbers = found["numbers"]
    assert numbers["trainable"] < numbers["total"]
    decoded = np.asarray(Image.open(fitted / "decoded.png"), dtype=float) / 255.0
    exact = np.asarray(Image.open(found["picture"]), dtype=float) / 255.0
    assert found["psnr_8bit"] == pytest.approx(-10.0 * np.log10(np.square(decoded - exact).mean()), abs=0.01)


def test_eval_measures_the_same(fitted: Path, picture: Path, capsys: pytest.CaptureFixture[str]):
    before = json.loads((fitted / "eval.json").read_text())
    assert main(["eval", str(fitted), "--data", str(picture)]) == 0
    assert f"PSNR {before['psnr']:.2f} dB" in capsys.readouterr().out
    assert json.loads((fitted / "eval.json").read_text()) == before


def test_render_decodes_at_any_size(fitted: Path, tmp_path: Path):
    assert main(["render", str(fitted), "--out", str(tmp_path)]) == 0
    assert (tmp_path / "decoded.png").read_bytes() == (fitted / "decoded.png").read_bytes()
    assert main(["render", str(fitted), "--size", "11", "70", "--out", str(tmp_path)]) == 0
    assert size_of(tmp_path / "decoded.png") == (70, 11)


@pytest.mark.parametrize("field", ["rbf", "hash"])
def test_resuming_is_as_if_it_had_not_stopped(field: str, picture: Path, tmp_path: Path):
    # The schedule is that of the larger budget from the beginning, so only the whole run is interrupted.
    words = ["train", str(picture), "--field", field, "--steps", "8", "--out"]
    assert main([*words, str(tmp_path / "whole")]) == 0
    _stop_at(4, [*words, str(tmp_path / "parts")])
    assert load_checkpoint(tmp_path / "parts").step == 4
    assert main([*words[:-1], "--resume", "--out", str(tmp_path / "parts")]) == 0
    whole, parts = (load_checkpoint(tmp_path / name) for name in ("whole", "parts"))
    assert parts.step == 8
    assert all((whole.tensors[name] == parts.tensors[name]).all() for name in whole.tensors)


def _stop_at(step: int, words: list[str]) -> None:
    def interrupt(log: Log, event: StepEvent) -> None:
        if event.moment.step == step and not event.last:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Log, "__call__", interrupt)
        assert main(words) == 0


def test_a_small_grey_version_is_fitted(picture: Path, tmp_path: Path):
    Image.open(picture).convert("L").save(tmp_path / "grey.png")
    words = ["train", str(tmp_path / "grey.png"), "--size", "12", "10", "--steps", "3", "--out", str(tmp_path / "run")]
    assert main([*words, "--placing", "lattice", "--rbf.bases.kernel", "tent"]) == 0
    assert size_of(tmp_path / "run" / "decoded.png") == (10, 12)


def test_help_names_both_fields_and_their_options(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "photo.png", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Fit a picture with adaptive radial bases (rbf) or a hash grid (hash)" in shown
    assert "--rbf.bases.neighbours" in shown


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nowhere.png"], "nowhere.png: does not exist, expected a picture file"),
        (["{picture}", "--field", "vm"], "--field: is 'vm', expected one of hash, rbf"),
        (["{picture}", "--size", "400", "400"], "asked for a picture of 400x400"),
        (["{picture}", "--steps", "0"], "steps: is 0"),
        (["{picture}", "--resume"], "does not exist, expected the checkpoint of a run"),
        (["{picture}", "--rbf.hidden", "0"], "cannot be built"),
        (["{picture}", "--rbf.bases.neighbours", "99"], "neighbours"),
    ],
)
def test_complaints_are_one_line(
    words: list[str], expected: str, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    capsys.readouterr()
    given = [word.format(picture=picture) for word in words]
    assert main(["train", *given, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


def test_a_run_of_a_picture_is_no_scene(fitted: Path, scene_folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["train", str(scene_folder), "--out", str(fitted), "--resume"]) == 2
    assert "holds a run of kind 'image', expected 'radiance'" in capsys.readouterr().err


def test_a_training_that_was_killed_before_its_first_save_begins_anew(picture: Path, tmp_path: Path):
    (tmp_path / LOCK_FILE).write_text("123")  # all that such a process leaves
    words = ["train", str(picture), "--field", "hash", "--steps", "2", "--out", str(tmp_path)]
    with pytest.warns(UserWarning, match="was left before anything was saved, so it begins anew"):
        assert goes_on(tmp_path, resume=True) is False
    assert main([*words, "--resume"]) == 0
    assert load_checkpoint(tmp_path).step == 2
    assert goes_on(tmp_path, resume=True)


@pytest.mark.parametrize(
    "words", [["--field", "hash"], ["--placing", "random"], ["--seed", "4"], ["--size", "12", "15"]]
)
def test_options_that_a_resumed_run_would_ignore_are_refused(
    fitted: Path, picture: Path, words: list[str], capsys: pytest.CaptureFixture[str]
):
    assert main(["train", str(picture), "--out", str(fitted), "--resume", "--steps", "70", *words]) == 2
    error = capsys.readouterr().err
    assert f"{words[0]}: is {' '.join(words[1:])}, but the run in {fitted} was begun with" in error
