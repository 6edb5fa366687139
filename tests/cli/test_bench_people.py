"""`nfield bench people`: what it offers, refuses, plans and writes."""

import dataclasses
import sys
from pathlib import Path

import pytest

from avatars.benchmark.job import Job
from avatars.benchmark.views import PLANS, ViewPlan
from avatars.people.subjects import SUBJECTS
from nfield.cli import bench_people, main
from nfield.cli.bench_people import BenchPeopleOptions, command_line, plan

SOMEBODY = SUBJECTS[0].name


def test_help_lists_options_and_examples(capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "people", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "usage: nfield bench people" in shown
    assert "nfield bench people --quick" in shown.split("examples:")[1]
    for field in dataclasses.fields(BenchPeopleOptions):
        assert f"--{field.name.replace('_', '-')}" in shown


def test_help_of_bench_points_to_people(capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "--help"]) == 0
    assert "nfield bench people --help" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--subjects", "nobody"], ["--subjects: 'nobody' is nobody", SOMEBODY]),
        (["--rows", "yesterday"], ["--rows: 'yesterday' is no row", "today; mean colours; projection, mirrored fill"]),
        (["--minutes", "0"], ["--minutes: is 0, expected a positive number"]),
        (["--table-only"], ["holds no figures yet; run nfield bench people --out"]),
    ],
)
def test_what_cannot_be_done_is_answered_in_a_line(
    options: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["bench", "people", "--out", str(tmp_path / "run"), *options]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert all(word in error for word in words)
    assert not (tmp_path / "run").exists()


def test_an_unknown_track_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "people", "--tracks", "B"]) == 2
    assert "A" in capsys.readouterr().err


def test_by_default_everybody_is_measured_on_both_tracks_by_all_methods():
    benchmark = plan(BenchPeopleOptions())
    assert benchmark.tracks == ("A", "C")
    assert benchmark.rows[:3] == ("today", "mean colours", "projection, mirrored fill")
    assert benchmark.settings.plan == ViewPlan()
    assert benchmark.settings.minutes is None
    assert SOMEBODY in benchmark.keys
    assert len(set(benchmark.keys.values())) == len(benchmark.keys)


def test_ablations_are_measured_on_demand():
    benchmark = plan(BenchPeopleOptions())
    assert not any(" - " in name for name in benchmark.rows)
    every = plan(BenchPeopleOptions(ablations=True)).rows
    assert set(every) > set(benchmark.rows)
    assert "texture space - no core" in every
    assert plan(BenchPeopleOptions(rows=("texture space - no core",))).rows == ("texture space - no core",)


def test_quick_means_two_people_track_a_few_views_and_short_fits():
    benchmark = plan(BenchPeopleOptions(quick=True))
    assert len(benchmark.keys) == 2
    assert benchmark.tracks == ("A",)
    assert benchmark.settings.plan == PLANS["few"]
    assert benchmark.settings.minutes == 0.5


def test_what_is_given_goes_before_what_quick_means():
    benchmark = plan(BenchPeopleOptions(quick=True, minutes=0.1, views="third", tracks=("C",), subjects=(SOMEBODY,)))
    assert benchmark.settings.plan == PLANS["third"]
    assert (benchmark.settings.minutes, benchmark.tracks, list(benchmark.keys)) == (0.1, ("C",), [SOMEBODY])


def test_the_command_is_told_without_places_of_this_machine():
    options = BenchPeopleOptions(
        out=Path("/home/me/out"),
        wardrobe=Path("/home/me/clothes"),
        ablations=True,
        rows=("mean colours",),
        quick=True,
        views="third",
        seed=2,
    )
    assert command_line(options) == (
        "nfield bench people --rows 'mean colours' --ablations --wardrobe WARDROBE --views third --quick --seed 2"
    )
    assert command_line(BenchPeopleOptions()) == "nfield bench people"


def test_failures_are_told_at_the_end_with_their_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    tried: list[str] = []

    def fails(job: Job) -> bool:
        tried.append(job.name)
        return False

    monkeypatch.setattr(bench_people, "launch", fails)
    monkeypatch.setattr(bench_people, "require_flip", lambda: None)
    options = ["--quick", "--subjects", SOMEBODY, "--rows", "today", "--out", str(tmp_path)]
    assert main(["bench", "people", *options]) == 2
    shown = capsys.readouterr()
    assert tried == [f"{SOMEBODY}, truth"]
    assert f"1/2 {SOMEBODY}, truth ..." in shown.out
    assert "2 jobs failed" in shown.err
    assert str(tmp_path / "logs" / SOMEBODY / "truth.txt") in shown.err


def test_without_flip_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "flip_evaluator", None)
    assert main(["bench", "people", "--quick", "--out", str(tmp_path / "run")]) == 2
    assert "pip install 'nfield[bench]'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
