"""One cell from photo to figures, by methods whose faults are known."""

import dataclasses
import inspect
import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from avatars.benchmark.cell import Cell, Settings, finished, read_figures
from avatars.benchmark.measurement import measure, own_peak_memory
from avatars.benchmark.methods import ROWS, Case, Fitted, Render
from avatars.benchmark.tracks import Exact, PhotoOnly
from avatars.benchmark.truth_cache import CachedTruth, Draws
from avatars.benchmark.views import BINS, PHOTO_POSE, ViewPlan, held_out
from avatars.body import BodyPose
from nfield.cameras import Cameras
from nfield.rendering.image import Image

pytest.importorskip("flip_evaluator", reason="flip-evaluator is not installed (extra: bench)")


@dataclass(frozen=True)
class Known:
    """Shows the truth itself, with a speck and a pin hole where it is asked to; its body may be another one."""

    truth: Draws
    camera: Cameras
    pose: BodyPose
    faulty: bool = False

    def fit(self, case: Case) -> Fitted:
        return self

    def posed(self, pose: BodyPose) -> Render:
        def render(cameras: Cameras, index: int) -> Image:
            shot = self.truth.shot(pose, cameras, index)
            color, opacity = shot.color.clone(), shot.alpha.clone()
            if self.faulty:
                deep = int(torch.nn.functional.avg_pool2d(opacity[None], 5, 1, 2)[0].argmax())
                opacity.view(-1)[deep], opacity[0, 0] = 0.0, 1.0
            return Image(color, opacity, shot.depth)

        return render


@pytest.fixture
def settings(plan: ViewPlan) -> Settings:
    return Settings(plan, minutes=None, seed=0)


def figures_of(
    method: Known, drawn: CachedTruth, out: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> dict:
    monkeypatch.setitem(ROWS, "known", method)
    monkeypatch.setattr("avatars.benchmark.measurement.rows", lambda: ROWS)
    cell = Cell("painted", "A", "known")
    measure(cell, out, drawn, settings)
    figures = read_figures(cell.file(out))
    assert figures is not None
    return figures


def test_the_truth_itself_is_perfect(
    painted_body: Draws, drawn: CachedTruth, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    known = Known(painted_body, drawn.camera, drawn.pose)
    figures = figures_of(known, drawn, tmp_path, settings, monkeypatch)
    for name in BINS:
        bin_figures = figures["bins"][name]
        assert bin_figures["iou"] == 1.0
        assert bin_figures["psnr"] > 50.0  # The truth is kept in eight bits.
        assert bin_figures["sharpness"] == pytest.approx(1.0, abs=0.02)
        assert bin_figures["edges"] == pytest.approx(1.0, abs=0.02)
        assert bin_figures["specks"] == bin_figures["true_specks"]
        assert bin_figures["pin_holes"] == 0.0
        assert bin_figures["color_difference"] < 0.5
    assert figures["source"]["iou"] == 1.0
    assert abs(figures["print_on_back"]) < 0.05
    assert [figures["bins"][name]["views"] for name in BINS] == [1, 6, 1, 1]


def test_a_speck_and_a_pin_hole_in_each_picture_are_one_each_in_the_table(
    painted_body: Draws, drawn: CachedTruth, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    known = Known(painted_body, drawn.camera, drawn.pose, faulty=True)
    figures = figures_of(known, drawn, tmp_path, settings, monkeypatch)
    for name in BINS:
        assert figures["bins"][name]["specks"] == figures["bins"][name]["true_specks"] + 1.0
        assert figures["bins"][name]["pin_holes"] == 1.0


def test_a_cell_keeps_its_pictures_views_and_settings(
    painted_body: Draws, drawn: CachedTruth, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    known = Known(painted_body, drawn.camera, drawn.pose)
    figures = figures_of(known, drawn, tmp_path, settings, monkeypatch)
    cell = Cell("painted", "A", "known")
    pictures = cell.pictures(tmp_path)
    assert {path.stem for path in pictures.glob("*.png")} >= {"source", "photo-pose-e00-a180", "walk-e00-a000"}
    assert len(json.loads((pictures / "views.json").read_text())["views"]) == 9
    assert Settings.from_json(figures["settings"]) == settings
    assert cell.file(tmp_path).stat().st_size < 8000
    assert finished(cell, tmp_path, settings, drawn.key)
    assert not finished(cell, tmp_path, settings, "another key")
    assert not finished(cell, tmp_path, dataclasses.replace(settings, seed=1), drawn.key)
    assert not finished(cell, tmp_path, dataclasses.replace(settings, minutes=1.0), drawn.key)


def test_half_written_figures_are_none(tmp_path: Path, settings: Settings):
    cell = Cell("painted", "A", "known")
    cell.file(tmp_path).parent.mkdir(parents=True)
    for text in ('{"format": 2, "settings": {"pl', "", "[]", '{"format": 0}'):
        cell.file(tmp_path).write_text(text)
        assert read_figures(cell.file(tmp_path)) is None
        assert not finished(cell, tmp_path, settings, "key")


def test_track_a_compares_in_the_frame_of_the_truth(painted_body: Draws, drawn: CachedTruth, plan: ViewPlan):
    known = Known(painted_body, drawn.camera, drawn.pose)
    scene = held_out(painted_body.model, painted_body.pose, plan)[1]
    compared = Exact().compared(painted_body.model, known, scene, in_photo=False)
    assert compared.pose is scene.pose
    assert compared.cameras is scene.cameras


def test_track_c_lays_a_body_found_elsewhere_over_the_truth(painted_body: Draws, drawn: CachedTruth, plan: ViewPlan):
    """The pose that was found is the true one moved: aligned, its joints project where the true ones do."""
    model = painted_body.model
    scene = held_out(model, painted_body.pose, plan)[0]
    moved = BodyPose(drawn.pose.rotations, drawn.pose.translation + torch.tensor([0.4, -0.2, 2.0]), drawn.pose.shape)
    known = Known(painted_body, drawn.camera, moved)
    compared = PhotoOnly().compared(model, known, scene, in_photo=True)
    assert compared.pose is moved
    for index in range(len(scene.views)):
        found, _ = compared.cameras.project(model.joints(moved), index)
        true, _ = scene.cameras.project(model.joints(scene.pose), index)
        assert torch.allclose(found, true, atol=0.01)


def test_track_c_gives_other_poses_the_true_rotations_and_the_shape_that_was_found(
    painted_body: Draws, drawn: CachedTruth, plan: ViewPlan
):
    model, scene = painted_body.model, held_out(painted_body.model, painted_body.pose, plan)[1]
    tall = BodyPose(drawn.pose.rotations, drawn.pose.translation, torch.tensor([2.0] + 9 * [0.0]))
    compared = PhotoOnly().compared(model, Known(painted_body, drawn.camera, tall), scene, in_photo=False)
    assert torch.equal(compared.pose.rotations, scene.pose.rotations)
    assert torch.equal(compared.pose.shape, tall.shape)
    assert scene.views[0].pose != PHOTO_POSE
    middle = [
        cameras.project(model.joints(pose), 0)[0].mean(0)
        for cameras, pose in ((compared.cameras, compared.pose), (scene.cameras, scene.pose))
    ]
    assert torch.allclose(*middle, atol=1.0)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="this system does not tell a process's own peak")
def test_memory_is_that_of_the_process_itself_not_of_the_one_that_started_it():
    """This process holds torch and more; a bare interpreter, whose `getrusage` tells of that, does not."""
    source = textwrap.dedent(inspect.getsource(own_peak_memory))
    code = f"from pathlib import Path\n{source}\nprint(own_peak_memory())"
    shown = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True).stdout
    assert 0.001 < float(shown) < 0.1 < own_peak_memory() < 100.0
