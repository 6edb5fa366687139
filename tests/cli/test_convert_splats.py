"""Splats from a file to a field: the run, its report, continuing, and what is refused."""

import json
from pathlib import Path

import pytest
import torch

from nfield.checkpoint import FILE, load_checkpoint
from nfield.cli import convert_splats, main
from nfield.export.splat_file import write_splats
from nfield.saved_scene import load_scene_run
from tests.splat_ball import CENTER, red_ball


@pytest.fixture(scope="module", autouse=True)
def _few_small_views():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convert_splats, "_VIEWS", 12)
        patch.setattr(convert_splats, "_EDGE", 32)
        yield


@pytest.fixture(scope="module")
def ball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("splats") / "ball.ply"
    write_splats(path, red_ball(torch.Generator().manual_seed(0)), up=(0.0, 0.0, 1.0))
    return path


@pytest.fixture(scope="module")
def words(ball: Path, tiny_options: list[str]) -> list[str]:
    return ["convert", str(ball), "--to", "hash", "--views", "2", *tiny_options]


@pytest.fixture(scope="module")
def converted(ball: Path, words: list[str]) -> Path:
    out = ball.parent / "run"
    assert main([*words, "--out", str(out), "--steps", "150"]) == 0
    return out


def test_a_field_learns_what_splats_show(converted: Path, ball: Path):
    report = json.loads((converted / "report.json").read_text())
    assert report["student_to_teacher"]["psnr"] > 17.0
    assert report["teacher"]["backend"] == "splats"
    assert report["teacher"]["run"] == str(ball)
    assert len(report["each"]) == 2
    page = (converted / "report.html").read_text()
    assert "splats to hash" in page
    assert "None" not in page
    assert {path.name for path in (converted / "compare").iterdir()} == {"000.png", "001.png"}


def test_the_run_is_a_scene_in_the_world_of_the_file(
    converted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    world = load_scene_run(converted).record.world
    assert world.user_from_scene(torch.zeros(1, 3).numpy())[0] == pytest.approx(CENTER, abs=0.1)
    assert main(["render", str(converted), "--frames", "1", "--size", "16", "16", "--out", str(tmp_path)]) == 0
    assert main(["eval", str(converted)]) == 2
    assert "converted from splats" in capsys.readouterr().err


def test_a_conversion_that_was_stopped_goes_on(converted: Path, words: list[str], tmp_path: Path):
    assert main([*words, "--out", str(tmp_path), "--steps", "5"]) == 0
    assert main([*words, "--out", str(tmp_path), "--resume", "--steps", "9"]) == 0
    assert load_checkpoint(tmp_path).step == 9


def test_enough_is_enough(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([*words, "--out", str(tmp_path), "--steps", "400", "--fidelity", "5"]) == 0
    assert load_checkpoint(tmp_path).step < 400
    assert "before" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "hint"),
    [
        (["--schedule", "joint"], "--schedule: is for teachers that are fields"),
        (["--active", "rays"], "--active: is for teachers that are fields"),
        (["--fresh"], "--fresh: is for teachers that are fields"),
    ],
)
def test_what_only_fields_can_do_is_refused(
    words: list[str], tmp_path: Path, more: list[str], hint: str, capsys: pytest.CaptureFixture[str]
):
    assert main([*words, "--out", str(tmp_path / "run"), "--steps", "2", *more]) == 2
    assert hint in capsys.readouterr().err
    assert not (tmp_path / "run" / FILE).exists()


def test_other_options_than_it_was_begun_with_are_refused(
    converted: Path, words: list[str], capsys: pytest.CaptureFixture[str]
):
    assert main([*words, "--out", str(converted), "--resume", "--seed", "4"]) == 2
    assert "--seed: is 4, but the run in" in capsys.readouterr().err


def test_a_run_of_another_kind_is_not_continued(
    finished_run: Path, words: list[str], capsys: pytest.CaptureFixture[str]
):
    assert main([*words, "--out", str(finished_run), "--resume"]) == 2
    assert "was not converted from splats" in capsys.readouterr().err


def test_a_mesh_is_no_cloud_of_splats(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "mesh.ply"
    head = "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    path.write_text(f"{head}0 0 0\n")
    assert main(["convert", str(path), "--to", "hash", "--out", str(tmp_path / "run")]) == 2
    assert str(path) in capsys.readouterr().err
