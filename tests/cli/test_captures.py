"""Captures with habits through the commands: what is said, what a run keeps, that it is measured as trained."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nfield.checkpoint import load_checkpoint
from nfield.cli import main
from nfield.data.conventions import write_poses
from nfield.saved_scene import load_scene_run
from tests.nfield.data.captures import HEIGHT, WIDTH, edit, write_capture

_OFFSET = np.array([500_000.0, 5_400_000.0, 300.0])


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """Fisheye pictures of two sizes and with masks, in OpenCV's convention, far from the origin."""
    path = write_capture(tmp_path / "data", aabb_scale=None, camera_model="OPENCV_FISHEYE", k1=0.01)
    Image.new("L", (WIDTH, HEIGHT), 255).save(tmp_path / "mask.png")

    def habits(content: dict) -> None:
        poses = np.array([frame["transform_matrix"] for frame in content["frames"]]) * np.array([1.0, -1.0, -1.0, 1.0])
        poses[:, :3, 3] += _OFFSET
        for frame, pose in zip(content["frames"], write_poses(poses, "opencv"), strict=True):
            frame |= {"transform_matrix": pose.tolist(), "mask_path": str(tmp_path / "mask.png")}
        first = path.parent / content["frames"][1]["file_path"]
        Image.open(first).crop((0, 0, WIDTH, HEIGHT // 2)).save(first)
        Image.new("L", (WIDTH, HEIGHT // 2), 255).save(tmp_path / "half.png")
        content["frames"][1] |= {"h": HEIGHT // 2, "cy": HEIGHT / 2, "mask_path": str(tmp_path / "half.png")}

    edit(path, habits)
    return path


def test_a_run_keeps_how_its_capture_was_read(
    tmp_path: Path, survey: Path, tiny_options: list[str], capsys: pytest.CaptureFixture[str]
):
    words = ["train", str(survey), "--out", str(tmp_path / "run"), "--steps", "3", "--views", "1", *tiny_options]
    assert main(words) == 2
    assert "give --convention opencv" in capsys.readouterr().err
    assert main([*words, "--convention", "opencv"]) == 0
    saved = load_scene_run(tmp_path / "run")
    assert load_checkpoint(tmp_path / "run").extra["plan"]["convention"] == "opencv"
    users = saved.record.world.user_from_scene(saved.cameras.origins.double().numpy())
    assert np.abs(users - _OFFSET).max() < 10.0
    assert saved.cameras.sizes is not None
    assert saved.cameras.projection is not None
    assert sorted(map(tuple, saved.cameras.sizes.unique(dim=0).tolist())) == [(HEIGHT // 2, WIDTH), (HEIGHT, WIDTH)]
    assert torch.equal(saved.cameras.projection, torch.ones(8, dtype=torch.int64))
    assert main(["eval", str(tmp_path / "run")]) == 0
    measured = json.loads((tmp_path / "run" / "eval.json").read_text())
    assert [view["view"] for view in measured["views"]] == ["images/0000.png", "images/0008.png"]


def test_what_was_found_is_said(tmp_path: Path, tiny_options: list[str], capsys: pytest.CaptureFixture[str]):
    path = write_capture(tmp_path / "data")
    path.write_text(path.read_text().replace("images/", "C:\\\\shots\\\\"))
    words = ["train", str(path), "--out", str(tmp_path / "run"), "--steps", "2", "--views", "1", *tiny_options]
    assert main(words) == 0
    assert "note: " in (said := capsys.readouterr().out)
    assert "10 images are not where file_path says and were found by their names" in said
