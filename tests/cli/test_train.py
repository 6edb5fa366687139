import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nfield.checkpoint import FILE, load_checkpoint
from nfield.cli import main
from nfield.training.hooks import Log
from nfield.training.loop import StepEvent
from nfield.training.run_folder import read_log

SAVE_EVERY = 1.0


def test_a_run_folder_holds_all_that_is_promised(finished_run: Path):
    names = {str(path.relative_to(finished_run)) for path in finished_run.rglob("*") if path.is_file()}
    assert names == {FILE, "run.json", "log.jsonl", "curve.png", "test/000.png", "test/001.png"}
    about = json.loads((finished_run / "run.json").read_text())
    assert about["step"] == 20
    assert about["images"] == {"train": 8, "test": 2, "missing": []}
    assert read_log(finished_run)[-1]["test_psnr"] is not None


def test_resuming_with_a_larger_budget_goes_on_from_the_last_step(
    tmp_path: Path, scene_folder: Path, tiny_options: list[str], capsys: pytest.CaptureFixture[str]
):
    words = ["train", str(scene_folder), "--out", str(tmp_path)]
    assert main([*words, "--steps", "6", *tiny_options]) == 0
    before = load_checkpoint(tmp_path)
    assert main([*words, "--resume"]) == 0
    assert "the budget was spent before (6 steps)" in capsys.readouterr().out
    assert main([*words, "--resume", "--steps", "10"]) == 0
    after = load_checkpoint(tmp_path)
    assert (before.step, after.step) == (6, 10)
    assert after.field == before.field
    assert after.seconds > before.seconds


def test_a_killed_training_loses_at_most_the_time_since_the_last_save(
    tmp_path: Path, scene_folder: Path, tiny_options: list[str]
):
    run = tmp_path / "run"
    words = ["train", str(scene_folder), "--out", str(run)]
    code = "import sys; from nfield.cli import main; sys.exit(main())"
    options = ["--steps", "1000000", "--save-every", str(SAVE_EVERY), *tiny_options]
    process = subprocess.Popen([sys.executable, "-c", code, *words, *options], stdout=subprocess.DEVNULL)
    try:
        seen = _saves(run / FILE, count=2)
        time.sleep(0.6 * SAVE_EVERY)
    finally:
        process.kill()
        process.wait()
    lost = time.time() - (run / FILE).stat().st_mtime
    saved = load_checkpoint(run)
    assert saved.seconds >= seen
    # What the last save does not hold is younger than the interval, a step and a save on a busy machine.
    assert lost < SAVE_EVERY + 5.0
    assert main([*words, "--resume", "--steps", str(saved.step + 3)]) == 0
    resumed = load_checkpoint(run)
    assert resumed.step == saved.step + 3
    assert resumed.seconds > saved.seconds


def _saves(path: Path, *, count: int) -> float:
    """Waits for a number of saves; the training seconds of the last one."""
    seen: set[int] = set()
    deadline = time.monotonic() + 120.0
    while len(seen) < count:
        assert time.monotonic() < deadline, "the training did not save"
        if path.exists():
            seen.add(path.stat().st_mtime_ns)
        time.sleep(0.05)
    return load_checkpoint(path).seconds


def test_ctrl_c_saves_and_ends_well(
    tmp_path: Path,
    scene_folder: Path,
    tiny_options: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    def interrupt(log: Log, event: StepEvent) -> None:
        if event.moment.step == 3 and not event.last:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Log, "__call__", interrupt)
    words = ["train", str(scene_folder), "--out", str(tmp_path), "--steps", "1000", *tiny_options]
    assert main(words) == 0
    assert "stopped at step 3, saved; to continue: nfield train" in capsys.readouterr().out
    assert load_checkpoint(tmp_path).step == 3


SMALL_FIELDS = {
    "vm": "--vm.resolution 16 --vm.density-components 4 --vm.appearance-components 6 --vm.hidden 16",
    "cp": "--cp.resolution 16 --cp.density-components 4 --cp.appearance-components 6 --cp.hidden 16",
    "dense": "--dense.resolution 12",
    "mlp": "--mlp.octaves 4 --mlp.depth 3 --mlp.width 16 --mlp.hidden 16",
}


@pytest.mark.parametrize("name", SMALL_FIELDS)
def test_every_backend_trains_resumes_and_is_measured(name: str, tmp_path: Path, scene_folder: Path):
    words = ["train", str(scene_folder), "--out", str(tmp_path), "--field", name]
    budget = ["--steps", "12", "--samples", "2048", "--test-renders", "1"]
    assert main([*words, *budget, *SMALL_FIELDS[name].split()]) == 0
    assert main([*words, "--resume", "--steps", "18"]) == 0
    assert load_checkpoint(tmp_path).step == 18
    assert main(["eval", str(tmp_path), "--views", "1"]) == 0
    assert json.loads((tmp_path / "eval.json").read_text())["mean"]["psnr"] > 5.0
    assert main(["render", str(tmp_path), "--frames", "1", "--size", "9", "9"]) == 0


@pytest.mark.parametrize(
    "words",
    [
        ["--field", "vm"],
        ["--samples", "8192"],
        ["--refine-cameras"],
        ["--distortion", "0.01"],
        ["--seed", "3"],
        ["--downscale", "2"],
        ["--convention", "opencv"],
        ["--hash.levels=9"],
    ],
)
def test_options_that_a_resumed_run_would_ignore_are_refused(
    finished_run: Path, scene_folder: Path, words: list[str], capsys: pytest.CaptureFixture[str]
):
    before = (finished_run / FILE).read_bytes()
    assert main(["train", str(scene_folder), "--out", str(finished_run), "--resume", "--steps", "30", *words]) == 2
    error = capsys.readouterr().err
    assert f"{words[0].split('=')[0]}: is " in error
    assert "was begun with" in error
    assert (finished_run / FILE).read_bytes() == before


def test_a_resumed_run_takes_the_options_it_was_begun_with(scene_folder: Path, tmp_path: Path, tiny_options: list[str]):
    words = ["train", str(scene_folder), "--out", str(tmp_path), "--seed", "2", "--refine-exposure", *tiny_options]
    assert main([*words, "--steps", "3"]) == 0
    assert main([*words, "--steps", "5", "--resume"]) == 0
