"""Cameras and tones in a run folder: learned, kept, gone on with, measured."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch

from nfield.checkpoint import load_checkpoint
from nfield.cli import main
from nfield.data.scenes import load_scene
from nfield.saved_scene import load_scene_run
from nfield.training.alignment import aligned_cameras

OPTIONS = ("--refine-cameras", "--refine-exposure", "--distortion", "0.001")


@pytest.fixture(scope="module")
def refined(scene_folder: Path, tiny_options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few steps, gone on with once."""
    run = tmp_path_factory.mktemp("refined")
    words = ["train", str(scene_folder), "--out", str(run)]
    assert main([*words, "--steps", "6", *OPTIONS, *tiny_options]) == 0
    early = load_checkpoint(run).tensors["poses.turns"]
    assert main([*words, "--resume", "--steps", "12"]) == 0
    assert not torch.equal(load_checkpoint(run).tensors["poses.turns"], early)
    return run


def test_corrections_and_their_moments_are_kept(refined: Path):
    tensors = load_checkpoint(refined).tensors
    for name in ("poses.turns", "poses.shifts", "tones.offsets", "tones.slopes", "optimizer.poses.0.first"):
        assert tensors[name].any(), name


def test_a_runs_cameras_are_the_refined_ones(refined: Path, scene_folder: Path):
    given = load_scene(scene_folder).train.cameras
    apart = (load_scene_run(refined).cameras.world_from_camera - given.world_from_camera).abs().max()
    assert 1e-4 < float(apart) < 0.2


def test_held_out_views_are_measured_aligned_too(
    refined: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    few = partial(aligned_cameras, steps=2, rays=32)  # a field that has hardly learned anything takes long to render
    monkeypatch.setattr("nfield.cli.kinds.scene.aligned_cameras", few)
    assert main(["eval", str(refined), "--align-views", "--views", "1", "--worst", "0"]) == 0
    assert "mean, aligned" in capsys.readouterr().out
    result = json.loads((refined / "eval.json").read_text())
    assert set(result["mean_aligned"]) == set(result["mean"])


def test_distortion_below_zero_is_refused(scene_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["train", str(scene_folder), "--out", str(tmp_path / "run"), "--distortion", "-1"]) != 0
    assert "--distortion: is -1, expected at least 0" in capsys.readouterr().err
