"""Kinds of runs: every command does with a run what its kind says, and refuses what it cannot do by one line."""

import csv
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nfield.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from nfield.cli import main
from nfield.cli.kinds import KINDS, RunKind, kind_at, kind_named
from nfield.data.picture_files import write_png
from nfield.errors import CheckpointError
from nfield.export import EXPORTS


@pytest.fixture(scope="module")
def picture_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("picture")
    write_png(folder / "noise.png", torch.rand(12, 16, 3, generator=torch.Generator().manual_seed(0)))
    words = ["train", str(folder / "noise.png"), "--field", "hash", "--steps", "5", "--out", str(folder / "run")]
    assert main(words) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def avatar_run(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that says that it is of an avatar; nothing that is asked of it here looks further."""
    folder = tmp_path_factory.mktemp("avatar")
    save_checkpoint(folder, _renamed(load_checkpoint(finished_run), "avatar"))
    return folder


def _renamed(checkpoint: Checkpoint, kind: str) -> Checkpoint:
    return replace(checkpoint, kind=kind)


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_answers_the_protocol_under_the_name_of_its_checkpoints(name: str):
    kind = kind_named(name)
    assert isinstance(kind, RunKind)
    assert kind.name == name


def test_the_kind_of_a_file_is_what_its_ending_says(tmp_path: Path):
    kind = kind_at(tmp_path / "scene.PLY")
    assert isinstance(kind, RunKind)
    assert kind.name == "splats"


def test_a_folder_that_is_called_like_a_file_is_a_run(finished_run: Path, tmp_path: Path):
    shutil.copytree(finished_run, tmp_path / "run.ply")
    assert kind_at(tmp_path / "run.ply").name == "radiance"


def test_the_kind_of_a_folder_is_its_checkpoints(finished_run: Path, picture_run: Path, avatar_run: Path):
    found = [kind_at(run).name for run in (finished_run, picture_run, avatar_run)]
    assert found == ["radiance", "image", "avatar"]


def test_the_kind_of_avatars_brings_its_formats_along():
    kind_named("avatar")
    assert {"glb", "obj", "ply"} <= set(EXPORTS["avatar"])


@pytest.mark.parametrize("command", ["eval", "render", "view", "convert"])
def test_every_command_refuses_kinds_that_nobody_knows(
    command: str, finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    foreign, out = tmp_path / "foreign", tmp_path / "out"
    save_checkpoint(foreign, _renamed(load_checkpoint(finished_run), "hologram"))
    words = ["--to", "vm", "--out", str(out)] if command == "convert" else []
    assert main([command, str(foreign), *words]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"unknown kind 'hologram', expected one of {', '.join(KINDS)}" in error
    with pytest.raises(CheckpointError, match="hologram"):
        kind_at(foreign)


@pytest.mark.parametrize(
    ("kind", "words", "expected"),
    [
        ("avatar", ["eval"], "has no held-out photos to be measured on"),
        ("image", ["convert", "--to", "vm", "--out", "{out}"], "has no volume to convert"),
        ("image", ["render", "--motion", "walk"], "holds a picture, which has no joints"),
        ("image", ["render", "--path", "a.json"], "holds a picture, which is not filmed along a path"),
        ("image", ["edit", "extent"], "cannot be edited"),
        ("avatar", ["render", "--path", "a.json"], "holds an avatar, which is not filmed along a path"),
        ("image", ["view", "--motion", "walk"], "holds a picture, which has no joints"),
        ("radiance", ["render", "--motion", "walk"], "holds a scene, which has no joints"),
    ],
)
def test_what_a_kind_cannot_do_is_said(
    kind: str, words: list[str], expected: str, request: pytest.FixtureRequest, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    fixture = {"avatar": "avatar_run", "image": "picture_run", "radiance": "finished_run"}[kind]
    command, *rest = [word.format(out=tmp_path / "out") for word in words]
    action = [rest.pop(0)] if command == "edit" else []
    assert main([command, *action, str(request.getfixturevalue(fixture)), *rest]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


def test_pictures_are_measured_and_decoded_as_pictures(picture_run: Path, tmp_path: Path):
    assert main(["eval", str(picture_run)]) == 0
    assert (picture_run / "eval.json").is_file()
    assert main(["render", str(picture_run), "--size", "24", "32", "--out", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["decoded.png"]


def test_a_scene_is_measured_view_by_view_into_two_files_and_pictures(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    assert main(["eval", str(run), "--worst", "1"]) == 0
    measured = json.loads((run / "eval.json").read_text())
    with (run / "eval.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["view"] for row in rows] == [view["view"] for view in measured["views"]]
    assert [float(row["psnr"]) for row in rows] == [view["psnr"] for view in measured["views"]]
    assert len(list((run / "worst").iterdir())) == 1
    assert "PSNR" in capsys.readouterr().out
    assert main(["eval", str(run), "--lpips", str(tmp_path / "gone.safetensors")]) == 2
    assert "gone.safetensors: does not exist, expected the weights of LPIPS" in capsys.readouterr().err


def test_a_scene_is_measured_without_flip_where_its_package_is_missing(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "flip_evaluator", None)
    shutil.copytree(finished_run, tmp_path / "run")
    assert main(["eval", str(tmp_path / "run")]) == 0
    assert "note: without FLIP: " in (said := capsys.readouterr().out)
    assert "pip install 'nfield[bench]'" in said
    assert set(json.loads((tmp_path / "run" / "eval.json").read_text())["mean"]) == {"psnr", "ssim"}
