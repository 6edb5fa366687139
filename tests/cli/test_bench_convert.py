"""`nfield bench convert`: the matrix as jobs, resumed, refused, and its tables."""

import dataclasses
import json
from pathlib import Path

import pytest

from distill.benchmark import job as jobs
from distill.benchmark.job import SMALLER, Job, Settings, jobs_of, launch, needs
from distill.benchmark.results import Results
from nfield.checkpoint import FILE
from nfield.cli import bench_convert, main
from nfield.cli.bench_convert import RESULTS, BenchConvertOptions, command_line, plan
from nfield.fields import BACKENDS


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands are run here instead of in processes of their own; gives those that were."""
    done: list[list[str]] = []

    def run(command: list[str], log: Path) -> bool:
        words = command[len(jobs._PROGRAM) :]
        done.append(words)
        return main(words) == 0

    monkeypatch.setattr(jobs, "run_logged", run)
    return done


def options(scene: Path, out: Path, *more: str) -> list[str]:
    few = ["--teachers", "mlp", "--students", "mlp", "--views", "2"]
    return [
        "bench",
        "convert",
        str(scene),
        "--out",
        str(out),
        "--teacher-minutes",
        "0.002",
        "--minutes",
        "0.001",
        *few,
        *more,
    ]


def test_a_matrix_is_trained_converted_measured_and_not_done_twice(
    scene_folder: Path, tmp_path: Path, in_this_process: list[list[str]]
):
    out = tmp_path / "matrix"
    assert main(options(scene_folder, out)) == 0
    assert [words[0] for words in in_this_process] == ["train", "eval", "train", "eval", "convert"]
    report = json.loads((out / "cells" / "mlp-mlp" / "report.json").read_text())
    taught, learned = report["teacher"]["parameters"], report["student"]["parameters"]
    assert learned < taught  # the diagonal's student is smaller
    assert report["depth_error"] is None or report["depth_error"]["metres"] >= 0.0
    text = (out / RESULTS).read_text()
    assert f"| **mlp** | {report['student_to_teacher']['psnr']:.2f} |" in text
    assert "| photos |" in text
    assert f"{learned:,}" in text
    in_this_process.clear()
    assert main(options(scene_folder, out)) == 0
    assert in_this_process == []
    (out / "cells" / "mlp-mlp" / "report.json").unlink()
    assert main(options(scene_folder, out)) == 0
    assert [words[0] for words in in_this_process] == ["convert"]
    assert "--resume" in in_this_process[0]


def test_other_settings_are_refused_and_change_nothing(
    scene_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bench_convert, "launch", lambda job: False)
    out = tmp_path / "matrix"
    assert main(options(scene_folder, out)) == 2
    assert "3 jobs failed" in capsys.readouterr().err
    assert main(options(scene_folder, out, "--minutes", "7")) == 2
    assert "were made with other data, minutes, views or size" in capsys.readouterr().err


def test_a_conversion_whose_teacher_failed_is_not_tried(tmp_path: Path):
    every = jobs_of(Settings(tmp_path, tmp_path, 2.0, 1.0, 2), ["hash"], ["vm"], [0])
    cell = every[-1]
    assert cell.name == "hash -> vm"
    assert [other.name for other in every if needs(cell, other)] == ["photos -> hash, 2 min"]


def test_the_whole_matrix_is_planned():
    every = plan(BenchConvertOptions(Path("data")))
    count = len(BACKENDS)
    assert len(every) == count + count + count**2
    assert set(SMALLER) == set(BACKENDS)
    cells = [one for one in every if one.teacher is not None]
    smaller = [one for one in cells if any("." in word and word.startswith("--") for word in one.commands()[0])]
    assert [one.teacher for one in smaller] == [one.student for one in smaller] == list(BACKENDS)


def test_seeds_have_folders_of_their_own(tmp_path: Path):
    every = plan(BenchConvertOptions(Path("data"), tmp_path, teachers=("hash",), students=("vm",), seeds=(0, 1, 2)))
    cells = [one for one in every if one.teacher is not None]
    assert [one.folder.name for one in cells] == ["hash-vm", "hash-vm-1", "hash-vm-2"]
    assert len({one.folder for one in every}) == len(every)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--teachers", "none"], "--teachers: 'none' is no backend"),
        (["--students", "none"], "--students: 'none' is no backend"),
        (["--minutes", "0"], "--minutes"),
        (["--views", "0"], "--views"),
        (["--seeds", "-1"], "--seeds"),
        (["--table-only"], "holds no figures yet"),
    ],
)
def test_what_cannot_be_done_is_answered_in_a_line(
    scene_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
):
    assert main(["bench", "convert", str(scene_folder), "--out", str(tmp_path / "out"), *words]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


def test_help_lists_options(capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "convert", "--help"]) == 0
    shown = capsys.readouterr().out
    for field in dataclasses.fields(BenchConvertOptions):
        assert field.name == "data" or f"--{field.name.replace('_', '-')}" in shown


def test_the_command_line_says_what_was_measured_and_not_where():
    asked = BenchConvertOptions(Path("/somewhere/lego"), Path("/else"), ("hash",), ("vm",), seeds=(0, 1))
    expected = "nfield bench convert lego --teachers hash --students vm --teacher-minutes 5 --minutes 2 --views 8"
    assert command_line(asked) == f"{expected} --seeds 0 1"


def test_seeds_are_shown_with_their_spread(tmp_path: Path):
    settings = Settings(tmp_path, tmp_path, 2.0, 1.0, 2)
    every = jobs_of(settings, ["hash"], ["vm"], [0, 1])
    for index, one in enumerate(every):
        one.folder.mkdir(parents=True)
        write_figures(one, 30.0 + index)
    text = Results(every, "command", "smaller").markdown()
    assert "| **hash** | 34.50 +-1.00 |" in text
    assert "| photos | 32.50 +-1.00 |" in text
    assert "| converged | 31.00 |" in text


def write_figures(job: Job, psnr: float) -> None:
    both = {"psnr": psnr, "ssim": 0.9}
    if job.teacher is None:
        figures = {"mean": both, "megabytes": 1.0, "seconds": 9.0, "size": [4, 5]}
        (job.folder / "eval.json").write_text(json.dumps(figures))
        return
    side = {"parameters": 10, "field_megabytes": 1.0, "ms_per_view": 3.0}
    figures = {
        **dict.fromkeys(("student_to_teacher", "student_to_teacher_on_its_grid"), both),
        **{"student": side, "teacher": side, "seconds": 5.0, "size": [4, 5], "inherited": [], "depth_error": None},
    }
    (job.folder / "report.json").write_text(json.dumps(figures))


def test_a_process_that_dies_is_a_failure_with_a_log(tmp_path: Path):
    (job, *_) = jobs_of(Settings(tmp_path / "nothing", tmp_path, 2.0, 1.0, 2), ["hash"], ["hash"], [0])
    assert not launch(job)
    assert "error:" in job.log.read_text()
    assert not (job.folder / FILE).exists()
