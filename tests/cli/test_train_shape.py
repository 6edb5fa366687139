"""A mesh from the command line: what a run leaves, continuing, measuring, filming, exporting, and complaints."""

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import trimesh

from nfield.checkpoint import FILE, load_checkpoint
from nfield.cli import main
from nfield.export import EXPORTS
from nfield.rendering.image import never
from nfield.shapes import measures
from nfield.training.hooks import Log
from nfield.training.loop import StepEvent
from nfield.training.optim import OptimConfig
from tests.nfield.shapes.solids import ball_mesh, open_hemisphere
from viewer.camera import home_camera
from viewer.shape_run import load_subject

CENTER = np.array([50.0, -20.0, 7.0])
RADIUS = 4.0
RATES = {"grid": 1e-2, "features": 1e-2, "shift": 1e-2, "network": 1e-2}
"""For trainings of a second."""


def small(field: str) -> list[str]:
    sizes = ["levels", "4", "log2-table-size", "12", "finest-resolution", "24", "hidden", "32"]
    named = [f"--{field}.{word}" if word[0].isalpha() else word for word in sizes]
    return ["--field", field, *named, "--batch", "2048", "--resolution", "24"]


@pytest.fixture(autouse=True, scope="module")
def _quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "_VOLUME_POINTS", 1 << 15)
        patch.setattr(measures, "_SURFACE_POINTS", 1 << 13)
        patch.setattr(measures, "_DISTANCE_POINTS", 1 << 11)
        patch.setattr(
            "nfield.cli.train_shape.distance_optim",
            lambda: OptimConfig(rates=RATES, warmup=1, hold=0.0, final=0.1, decay="cosine"),
        )
        patch.setattr("nfield.cli.train_shape._POOL", 1 << 14)
        yield


@pytest.fixture(scope="module")
def ball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("meshes") / "ball.ply"
    ball_mesh(RADIUS, 3).apply_translation(CENTER).export(path)
    return path


@pytest.fixture(scope="module")
def fitted(ball: Path) -> Path:
    run = ball.parent / "run"
    assert main(["train", str(ball), "--out", str(run), "--steps", "150", *small("hash")]) == 0
    return run


def test_a_run_folder_holds_all_that_is_promised(fitted: Path):
    names = {path.name for path in fitted.iterdir()}
    assert {FILE, "run.json", "eval.json", "log.jsonl", "curve.png", "surface.png"} <= names
    found = json.loads((fitted / "eval.json").read_text())
    assert found["iou"] > 0.9
    assert found["resolution"] == 24
    assert found["mesh_triangles"] == 1280
    assert found["numbers"]["trainable"] == found["numbers"]["total"]


def test_eval_measures_what_was_measured(fitted: Path, ball: Path, capsys: pytest.CaptureFixture[str]):
    before = json.loads((fitted / "eval.json").read_text())
    assert main(["eval", str(fitted), "--resolution", "24", "--data", str(ball)]) == 0
    assert f"IoU {before['iou']:.4f}, normals {before['normal_error']:.2f}° off" in capsys.readouterr().out
    assert json.loads((fitted / "eval.json").read_text()) == before


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".glb"])
def test_the_exported_mesh_lies_where_the_users_mesh_lay(suffix: str, fitted: Path, tmp_path: Path):
    out = tmp_path / f"ball{suffix}"
    assert main(["export", str(fitted), "--to", "mesh", "--resolution", "32", "--out", str(out)]) == 0
    mesh = trimesh.load_mesh(out)
    assert mesh.bounds == pytest.approx(np.stack([CENTER - RADIUS, CENTER + RADIUS]), abs=0.15 * RADIUS)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.1)


def test_an_exported_mesh_can_have_fewer_triangles(fitted: Path, tmp_path: Path):
    words = ["export", str(fitted), "--to", "mesh", "--resolution", "48", "--faces", "500"]
    assert main([*words, "--out", str(tmp_path / "few.ply")]) == 0
    assert 100 < len(trimesh.load_mesh(tmp_path / "few.ply").faces) <= 500


def test_a_turntable_is_filmed(fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nfield.cli.kinds.shape._FILMED", 24)
    assert main(["render", str(fitted), "--frames", "3", "--size", "64", "64", "--out", str(tmp_path)]) == 0
    assert {"turntable.mp4", "strip.png", "frames"} <= {path.name for path in tmp_path.iterdir()}


def test_the_viewer_shows_surface_slices_and_mesh(fitted: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("viewer.shape_run._RESOLUTION", 24)
    subject = load_subject(fitted)
    assert list(subject.views) == ["surface", "slice across z", "slice across y", "slice across x", "mesh"]
    size = (48, 64)
    camera = home_camera(subject.home, size)
    pictures = {name: view(camera, size, never) for name, view in subject.views.items()}
    covered = {name: float((picture.opacity > 0).float().mean()) for name, picture in pictures.items() if picture}
    assert covered["surface"] == pytest.approx(covered["mesh"], rel=0.15)
    assert covered["slice across z"] > covered["surface"] > 0.1
    assert subject.facts["IoU"].startswith("0.9")
    assert load_subject(fitted).views["surface"](camera, size, lambda: True) is None


def test_a_mesh_that_is_gone_is_not_shown(fitted: Path, ball: Path, tmp_path: Path):
    run, moved = tmp_path / "run", tmp_path / "ball.ply"
    shutil.copytree(fitted, run)
    shutil.move(ball, moved)
    try:
        assert "mesh" not in load_subject(run).views
        assert main(["eval", str(run), "--resolution", "24"]) == 2
        assert main(["eval", str(run), "--resolution", "24", "--data", str(moved)]) == 0
    finally:
        shutil.move(moved, ball)


@pytest.mark.parametrize("field", ["rbf", "hash"])
def test_resuming_is_as_if_it_had_not_stopped(field: str, ball: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nfield.cli.train_shape._finish", lambda *_: None)  # so few steps make no surface
    words = ["train", str(ball), *small(field), "--steps", "20", "--out"]
    assert main([*words, str(tmp_path / "whole")]) == 0
    _stop_at(9, [*words, str(tmp_path / "parts")])
    assert load_checkpoint(tmp_path / "parts").step == 9
    assert main([*words[:-1], "--resume", "--out", str(tmp_path / "parts")]) == 0
    whole, parts = (load_checkpoint(tmp_path / name) for name in ("whole", "parts"))
    assert parts.step == 20
    assert all((whole.tensors[name] == parts.tensors[name]).all() for name in whole.tensors)


def _stop_at(step: int, words: list[str]) -> None:
    def interrupt(log: Log, event: StepEvent) -> None:
        if event.moment.step == step and not event.last:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Log, "__call__", interrupt)
        assert main(words) == 0


def test_an_open_mesh_is_trained_on_and_said_to_be_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    open_hemisphere().export(tmp_path / "half.stl")
    words = ["train", str(tmp_path / "half.stl"), *small("hash"), "--steps", "60", "--out", str(tmp_path / "run")]
    assert main(words) == 0
    assert "note: the surface is open at" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nowhere.obj"], "nowhere.obj: does not exist, expected a mesh file"),
        (["{ball}", "--field", "vm"], "--field: is 'vm', expected one of hash, rbf"),
        (["{ball}", "--steps", "0"], "steps: is 0"),
        (["{ball}", "--batch", "8"], "--batch: is 8, expected at least 256"),
        (["{ball}", "--resume"], "does not exist, expected the checkpoint of a run"),
        (["{ball}", "--rbf.hidden", "0"], "cannot be built"),
        (["{ball}", "--rbf.bases.neighbours", "99", "--rbf.log2-table-size", "10"], "neighbours"),
    ],
)
def test_complaints_are_one_line(
    words: list[str], expected: str, ball: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    capsys.readouterr()
    assert main(["train", *[word.format(ball=ball) for word in words], "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["convert", "--to", "vm", "--out", "{out}"], "has no density and no colours to convert"),
        (["render", "--motion", "walk"], "holds a mesh, which has no joints"),
        (["render", "--path", "a.json"], "holds a mesh, which is not filmed along a path"),
        (["view", "--motion", "walk"], "holds a mesh, which has no joints"),
        (["export", "--to", "cameras"], "expected one of mesh for a run of kind 'distance'"),
        (["export", "--to", "mesh", "--resolution", "4"], "--resolution: is 4, expected 8 to 4096 cubes"),
        (["export", "--to", "mesh", "--faces", "4"], "--faces: is 4, expected at least 100"),
    ],
)
def test_what_a_mesh_cannot_do_is_said(
    words: list[str], expected: str, fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    command, *rest = [word.format(out=tmp_path / "out") for word in words]
    assert main([command, str(fitted), *rest]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert "mesh" in EXPORTS["distance"]


def test_another_mesh_does_not_continue_a_run(fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    ball_mesh(1.0, 2).export(tmp_path / "other.ply")
    assert main(["train", str(tmp_path / "other.ply"), "--out", str(fitted), "--resume"]) == 2
    assert "lies elsewhere or is of another size than the mesh that the run in" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--field", "rbf"], ["--batch", "4096"], ["--seed", "4"], ["--hash.hidden", "16"]])
def test_options_that_a_resumed_run_would_ignore_are_refused(
    fitted: Path, ball: Path, words: list[str], capsys: pytest.CaptureFixture[str]
):
    backend = [] if words[0] == "--field" else ["--field", "hash"]
    assert main(["train", str(ball), "--out", str(fitted), "--resume", "--steps", "170", *backend, *words]) == 2
    error = capsys.readouterr().err
    assert f"{words[0]}: is {words[1]}, but the run in {fitted} was begun with" in error
