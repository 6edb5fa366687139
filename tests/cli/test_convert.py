import json
import os
import re
import signal
from pathlib import Path

import pytest

from nfield.checkpoint import FILE, load_checkpoint
from nfield.cli import main
from nfield.fields import BACKENDS
from nfield.saved_scene import load_scene_run
from nfield.training.hooks import Log
from nfield.training.loop import StepEvent

STUDENT = [
    *("--to", "hash", "--samples", "2048", "--hash.levels", "5", "--hash.log2-table-size", "11"),
    *("--hash.finest-resolution", "48", "--hash.hidden", "32"),
]


@pytest.fixture(scope="module")
def converted(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("converted") / "student"
    assert main(["convert", str(finished_run), "--out", str(out), "--steps", "12", "--views", "2", *STUDENT]) == 0
    return out


def test_a_conversion_leaves_a_run_and_a_report(converted: Path, finished_run: Path):
    names = {str(path.relative_to(converted)) for path in converted.rglob("*") if path.is_file()}
    expected = {FILE, "run.json", "log.jsonl", "curve.png", "report.json", "report.html"}
    assert names == expected | {"compare/000.png", "compare/001.png"}
    report = json.loads((converted / "report.json").read_text())
    assert report["teacher"]["run"] == str(finished_run)
    assert report["steps"] == 12
    assert report["inherited"] == ["color network"]  # the encodings, and so the density networks, differ in length
    assert report["levels"] == ["color", "density", "feature"]
    assert report["views"] == "held-out photos"
    assert len(report["each"]) == 2
    assert {"psnr", "ssim"} == set(report["student_to_teacher"]) == set(report["student_to_photos"])
    student = load_scene_run(converted).shown.field
    assert report["student"]["parameters"] == sum(p.numel() for p in student.parameters())


def test_the_page_needs_no_other_file(converted: Path):
    page = (converted / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == 8
    assert all(source.startswith("data:image/png;base64,") for source in sources)


def test_a_converted_run_is_a_run_like_any_other(converted: Path, tmp_path: Path):
    assert main(["eval", str(converted), "--views", "1"]) == 0
    assert main(["render", str(converted), "--frames", "1", "--size", "16", "16", "--out", str(tmp_path / "film")]) == 0
    again = ["convert", str(converted), "--out", str(tmp_path / "again"), "--steps", "2", "--views", "1", *STUDENT]
    assert main(again) == 0


OTHERS = {
    "vm": ["--vm.resolution", "16"],
    "cp": ["--cp.resolution", "16"],
    "dense": ["--dense.resolution", "16"],
    "mlp": ["--mlp.depth", "2", "--mlp.width", "16"],
    "rbf": ["--rbf.bases.count", "60", "--rbf.grid.levels", "4", "--rbf.grid.log2-table-size", "10"],
}


@pytest.mark.parametrize("backend", OTHERS)
def test_a_run_goes_to_every_backend_and_back(finished_run: Path, tmp_path: Path, backend: str):
    small = ["--steps", "3", "--views", "1", "--samples", "1024"]
    there = ["convert", str(finished_run), "--to", backend, "--out", str(tmp_path / "there"), *small]
    assert main([*there, *OTHERS[backend]]) == 0
    back = [
        "convert",
        str(tmp_path / "there"),
        "--out",
        str(tmp_path / "back"),
        "--steps",
        "3",
        "--views",
        "1",
        *STUDENT,
    ]
    assert main(back) == 0
    assert type(load_scene_run(tmp_path / "there").shown.field).__name__.lower().startswith(backend)
    assert json.loads((tmp_path / "back" / "report.json").read_text())["teacher"]["backend"] == backend


def test_a_conversion_without_its_photos_is_compared_from_random_cameras(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def gone(*_: object, **__: object) -> None:
        from nfield.errors import DataError

        raise DataError("moved away")

    monkeypatch.setattr("nfield.training.scene_run.load_scene", gone)
    words = ["convert", str(finished_run), "--out", str(tmp_path), "--steps", "2", "--views", "2", *STUDENT]
    assert main(words) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert "random cameras" in report["views"]
    assert "student_to_photos" not in report


def test_a_stopped_conversion_is_saved_and_goes_on(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def interrupt(log: Log, event: StepEvent) -> None:
        if event.moment.step == 3 and not event.last:
            os.kill(os.getpid(), signal.SIGINT)

    words = ["convert", str(finished_run), "--out", str(tmp_path), "--views", "1", *STUDENT]
    with monkeypatch.context() as patched:
        patched.setattr(Log, "__call__", interrupt)
        assert main([*words, "--steps", "1000"]) == 0
    assert "stopped at step 3, saved; to continue: nfield convert" in capsys.readouterr().out
    assert load_checkpoint(tmp_path).step == 3
    assert main([*words, "--resume", "--steps", "6"]) == 0
    assert load_checkpoint(tmp_path).step == 6
    assert json.loads((tmp_path / "report.json").read_text())["inherited"] == ["color network"]


def test_a_conversion_stops_where_the_student_is_near_enough(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("distill.fidelity._FIRST", 4)
    monkeypatch.setattr("distill.fidelity._EVERY", 0.0)
    monkeypatch.setattr("distill.fidelity._SHARE", 0.0)
    words = ["convert", str(finished_run), "--out", str(tmp_path), "--views", "1", *STUDENT, "--fidelity", "1.5"]
    assert main([*words, "--steps", "1000"]) == 0
    assert "stopped" not in capsys.readouterr().out
    step = load_checkpoint(tmp_path).step
    assert 4 <= step < 1000
    assert json.loads((tmp_path / "report.json").read_text())["fidelity_asked"] == 1.5


def test_what_was_hard_comes_again_where_it_is_asked_for(finished_run: Path, tmp_path: Path):
    words = ["convert", str(finished_run), "--out", str(tmp_path), "--views", "1", *STUDENT]
    assert main([*words, "--steps", "8", "--active", "rays", "points", "poses"]) == 0
    assert json.loads((tmp_path / "report.json").read_text())["active"] == ["poses", "rays", "points"]
    assert main([*words, "--resume", "--steps", "10"]) == 0
    assert json.loads((tmp_path / "report.json").read_text())["active"] == ["poses", "rays", "points"]


def test_active_levels_that_would_be_ignored_are_refused(
    finished_run: Path, converted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["convert", str(finished_run), *STUDENT, "--steps", "20"]
    assert main([*words, "--out", str(converted), "--resume", "--active", "rays"]) == 2
    assert "--active: is rays, but the run in" in capsys.readouterr().err
    assert main([*words, "--out", str(tmp_path), "--schedule", "rendered", "--active", "points"]) == 2
    assert "compares no points" in capsys.readouterr().err


def test_a_conversion_that_does_not_come_near_enough_says_so(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["convert", str(finished_run), "--out", str(tmp_path), "--views", "1", *STUDENT, "--fidelity", "99"]
    assert main([*words, "--steps", "5"]) == 0
    assert "the budget was spent before 99 dB were reached; to go on: nfield convert" in capsys.readouterr().out
    assert main([*words[:-2], "--resume", "--steps", "6"]) == 0
    assert "before 99 dB were reached" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--to", "hash", "--fidelity", "-3"], "--fidelity: is -3, expected a positive number of decibels"),
        (["--to", "voxels"], f"expected one of {', '.join(BACKENDS)}"),
        (["--to", "hash", "--out", "RUN"], "the teacher's own folder"),
        (["--to", "hash", "--samples", "5"], "--samples"),
    ],
)
def test_bad_options_are_one_line(
    finished_run: Path, tmp_path: Path, words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
):
    out = [] if "--out" in words else ["--out", str(tmp_path)]
    assert main(["convert", str(finished_run), *[w.replace("RUN", str(finished_run)) for w in words], *out]) == 2
    message = capsys.readouterr().err
    assert hint in message
    assert message.count("\n") == 1


def test_a_conversion_never_replaces_a_run(converted: Path, finished_run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["convert", str(finished_run), "--out", str(converted), *STUDENT]) == 2
    assert "--resume" in capsys.readouterr().err
    assert main(["convert", str(finished_run), "--out", str(finished_run / "x"), "--resume", *STUDENT]) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--schedule", "joint"],
        ["--samples", "4096"],
        ["--fresh"],
        ["--freeze"],
        ["--seed", "5"],
        ["--hash.levels", "7"],
    ],
)
def test_options_that_a_resumed_conversion_would_ignore_are_refused(
    finished_run: Path, converted: Path, words: list[str], capsys: pytest.CaptureFixture[str]
):
    before = (converted / FILE).read_bytes()
    asked = ["convert", str(finished_run), "--out", str(converted), "--to", "hash", "--resume", "--steps", "20", *words]
    assert main(asked) == 2
    error = capsys.readouterr().err
    assert f"{words[0]}: is " in error
    assert "was begun with" in error
    assert (converted / FILE).read_bytes() == before


def test_depths_of_teacher_and_student_are_compared(converted: Path):
    apart = json.loads((converted / "report.json").read_text())["depth_error"]
    assert apart is None or 0.0 <= apart["percent"] < 100.0
    assert apart is None or f"Depths differ by {apart['metres']} m" in (converted / "report.html").read_text()
