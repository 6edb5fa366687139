import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nfield.cameras import Cameras
from nfield.checkpoint import FILE, load_checkpoint, save_checkpoint
from nfield.cli import main
from nfield.data.world import World
from nfield.editing import between_worlds, extent, opened
from nfield.errors import CheckpointError
from nfield.fields.edited import EditedField
from nfield.metrics import psnr
from nfield.saved_scene import SavedScene, load_scene_run

HALF = ["-0.2", "-3", "-3", "3", "3", "3"]
"""A box that cuts the scene in two."""


@pytest.fixture(scope="module")
def run(scene_folder: Path, tmp_path_factory: pytest.TempPathFactory, tiny_options: list[str]) -> Path:
    folder = tmp_path_factory.mktemp("edited") / "scene"
    assert main(["train", str(scene_folder), "--out", str(folder), "--steps", "150", *tiny_options]) == 0
    return folder


@pytest.fixture(scope="module")
def half(run: Path) -> Path:
    folder = run.parent / "half"
    assert main(["edit", "crop", str(run), "--box", *HALF, "--out", str(folder)]) == 0
    return folder


def edited(run: Path, out: Path, action: str, *options: str) -> SavedScene:
    assert main(["edit", action, str(run), "--out", str(out), *options]) == 0
    return load_scene_run(out)


def views(saved: SavedScene, cameras: Cameras | None = None) -> list[torch.Tensor]:
    cameras = saved.cameras if cameras is None else cameras
    return [saved.shown.image(cameras, index).color for index in range(3)]


def agreement(ones: list[torch.Tensor], others: list[torch.Tensor]) -> float:
    return min(psnr(one, other) for one, other in zip(ones, others, strict=True))


def test_a_crop_and_what_it_leaves_are_the_scene(run: Path, half: Path, tmp_path: Path):
    part = load_scene_run(half)
    edited(run, tmp_path / "rest", "erase", "--box", *HALF)
    both = edited(tmp_path / "rest", tmp_path / "both", "add", "--other", str(half))
    before = load_scene_run(run)
    assert agreement(views(part), views(before)) < 25.0
    assert agreement(views(both), views(before)) > 33.0
    left = extent(opened(part))
    assert left is not None
    assert -0.25 < float(left.low[0]) < -0.1  # nothing beyond the cut, and the box is drawn around it
    assert float(part.shown.box.low[0]) > float(before.shown.box.low[0])


def test_a_scene_that_is_turned_looks_as_it_did_from_a_turned_camera(run: Path, tmp_path: Path):
    before = load_scene_run(run)
    turned = edited(
        run, tmp_path / "turned", "move", "--turn", "70", "--by", "0.3", "0", "0.2", "--center", "0", "0", "0"
    )
    angle = math.radians(70.0)
    motion = torch.eye(4)
    axis = torch.tensor(before.record.orbit.up)
    cross = torch.linalg.cross(torch.eye(3), axis.expand(3, 3))
    motion[:3, :3] = torch.matrix_exp(-angle * cross.T)
    motion[:3, 3] = torch.tensor([0.3, 0.0, 0.2])
    moved = replace(before.cameras, world_from_camera=motion @ before.cameras.world_from_camera)
    assert agreement(views(turned, moved), views(before)) > 33.0
    assert agreement(views(turned), views(before)) < 30.0


def test_a_copy_stays_where_it_was_and_a_scale_is_a_size(run: Path, tmp_path: Path):
    first = extent(opened(load_scene_run(run)))
    twice = extent(opened(edited(run, tmp_path / "twice", "move", "--by", "0", "0", "1", "--copy")))
    small = extent(opened(edited(run, tmp_path / "small", "move", "--scale", "0.5")))
    assert first is not None
    assert twice is not None
    assert small is not None
    assert torch.allclose(twice.size, first.size + torch.tensor([0.0, 0.0, 1.0]), atol=1e-3)
    assert torch.allclose(small.size, 0.5 * first.size, atol=1e-3)


def test_without_saturation_a_scene_is_grey(run: Path, tmp_path: Path):
    grey = edited(run, tmp_path / "grey", "recolor", "--saturation", "0")
    for view in views(grey):
        assert float((view.amax(-1) - view.amin(-1)).max()) < 0.02


def test_paint_covers_the_chosen_colour(run: Path, tmp_path: Path):
    blue = edited(run, tmp_path / "blue", "recolor", "--paint", "#2040ff", "--box", *HALF)
    (piece,) = opened(blue).pieces
    (change,) = piece.colors
    assert change.paint == pytest.approx((32 / 255, 64 / 255, 1.0))
    assert 0.0 < change.luma < 1.0
    difference = torch.stack(views(blue)) - torch.stack(views(load_scene_run(run)))
    assert float(difference[..., 2].amax()) > 0.1


def test_an_edit_leaves_a_picture_and_a_record(half: Path):
    assert {path.name for path in half.iterdir()} >= {FILE, "run.json", "preview.png"}
    assert "after nfield edit crop" in json.loads((half / "run.json").read_text())["what"]


def test_an_edited_run_is_converted_exported_and_filmed_like_any_other(
    half: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    baked = tmp_path / "baked"
    student = ["--to", "dense", "--dense.resolution", "16", "--steps", "3", "--views", "1", "--samples", "1024"]
    assert main(["convert", str(half), "--out", str(baked), *student]) == 0
    assert not isinstance(load_scene_run(baked).shown.field, EditedField)
    for made in (half, baked):
        film = ["--frames", "1", "--size", "16", "16", "--out", str(tmp_path / "film")]
        assert main(["render", str(made), *film]) == 0
        capsys.readouterr()
        assert main(["eval", str(made)]) == 2
        assert "edited" in capsys.readouterr().err
    cloud = tmp_path / "cloud.ply"
    assert main(["export", str(half), "--to", "pointcloud", "--out", str(cloud)]) == 0
    assert cloud.stat().st_size > 1000


def test_an_edited_run_is_not_trained_on(half: Path, scene_folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["train", str(scene_folder), "--out", str(half), "--resume"]) == 2
    assert "edited" in capsys.readouterr().err


def test_extents_are_told_in_the_users_coordinates(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["edit", "extent", str(run)]) == 0
    near = capsys.readouterr().out.splitlines()[0]
    far = in_another_world(run, tmp_path / "far", World((1000.0, 0.0, 0.0), 0.5))
    assert main(["edit", "extent", str(far)]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    middles = [np.array(text.split("middle")[1].split(), dtype=float) for text in (near, line)]
    assert middles[1] == pytest.approx(2.0 * middles[0] + np.array([1000.0, 0.0, 0.0]), abs=1.0)


def test_scenes_of_other_worlds_meet_where_their_files_have_them(run: Path, tmp_path: Path):
    far = opened(load_scene_run(in_another_world(run, tmp_path / "far", World((10.0, 0.0, 0.0), 0.5))))
    near = opened(load_scene_run(run))
    placement = between_worlds(near, far)
    scene = torch.tensor([[1.0, 2.0, 3.0]])
    user = far.record.world.user_from_scene(scene.numpy())
    assert np.allclose(placement.of(scene).numpy(), near.record.world.scene_from_user(user))


def in_another_world(run: Path, folder: Path, world: World) -> Path:
    checkpoint = load_checkpoint(run)
    scene = {**checkpoint.extra["scene"], "world": {"origin": list(world.origin), "scale": world.scale}}
    save_checkpoint(folder, replace(checkpoint, extra={**checkpoint.extra, "scene": scene}))
    return folder


WRONG = {
    "no action": ([], "{extent,crop,erase,move,add,recolor}"),
    "another action": (["bend", "RUN"], "'bend' is not an edit"),
    "nothing left": (
        ["crop", "RUN", "--box", "50", "50", "50", "51", "51", "51", "--out", "OUT"],
        "nothing would be left",
    ),
    "inverted": (["erase", "RUN", "--box", "1", "0", "0", "0", "1", "1", "--out", "OUT"], "--box: is 1 0 0 0 1 1"),
    "nan": (["erase", "RUN", "--box", "nan", "0", "0", "1", "1", "1", "--out", "OUT"], "--box"),
    "no motion": (["move", "RUN", "--out", "OUT"], "nothing says how it is moved"),
    "no size": (["move", "RUN", "--scale", "0", "--out", "OUT"], "--scale"),
    "no axis": (["move", "RUN", "--turn", "5", "--axis", "0", "0", "0", "--out", "OUT"], "axis"),
    "no change": (["recolor", "RUN", "--out", "OUT"], "nothing says what colours become"),
    "no colour": (["recolor", "RUN", "--paint", "blurple", "--out", "OUT"], "'blurple'"),
    "not there": (
        ["recolor", "RUN", "--only", "#00ff00", "--tolerance", "0", "--hue", "9", "--out", "OUT"],
        "no surface",
    ),
    "no run": (["crop", "NONE", "--box", *HALF, "--out", "OUT"], "does not exist"),
    "no other run": (["add", "RUN", "--other", "NONE", "--out", "OUT"], "does not exist"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
):
    words, expected = WRONG[case]
    places = {"RUN": str(run), "OUT": str(tmp_path / "out"), "NONE": str(tmp_path / "none")}
    assert main(["edit", *(places.get(word, word) for word in words)]) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "out" / FILE).exists()


def test_no_run_is_overwritten(run: Path, capsys: pytest.CaptureFixture[str]):
    before = (run / FILE).read_bytes()
    assert main(["edit", "crop", str(run), "--box", *HALF, "--out", str(run)]) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert (run / FILE).read_bytes() == before


def test_an_edited_run_whose_grid_is_of_another_size_is_refused(half: Path, tmp_path: Path):
    checkpoint = load_checkpoint(half)
    tensors = {**checkpoint.tensors, "field.sources.0.words": torch.zeros(1, 2, 2, 2, dtype=torch.int64)}
    save_checkpoint(tmp_path / "bad", replace(checkpoint, tensors=tensors))
    with pytest.raises(CheckpointError, match="do not fit its options"):
        load_scene_run(tmp_path / "bad")
