"""The truth is drawn once, read as it was drawn, and gone on with where drawing was stopped."""

import dataclasses
from pathlib import Path

import pytest
import torch

from avatars.benchmark.truth_cache import CachedTruth, Draws, draw, missing_views, truth_folder, truth_key
from avatars.benchmark.views import ViewPlan, held_out, planned_views
from avatars.body import BodyPose
from avatars.body.parts import PART_NAMES
from nfield.cameras import Cameras
from nfield.errors import DataError


@dataclasses.dataclass(frozen=True)
class Counting:
    """Counts the pictures that a generator draws, and may be stopped."""

    inner: Draws
    drawn: list[str]
    stop_at: int = 1000

    model = property(lambda self: self.inner.model)
    pose = property(lambda self: self.inner.pose)
    camera = property(lambda self: self.inner.camera)

    def photo(self):
        self.drawn.append("photo")
        return self.inner.photo()

    def shot(self, pose: BodyPose, cameras: Cameras, index: int):
        if len(self.drawn) == self.stop_at:
            raise KeyboardInterrupt
        self.drawn.append("view")
        return self.inner.shot(pose, cameras, index)


def draw_into(folder: Path, truth: Draws, plan: ViewPlan) -> list[tuple[int, int]]:
    seen: list[tuple[int, int]] = []
    around = held_out(truth.model, truth.pose, plan)
    draw(truth, folder, around, subject="me", labels=PART_NAMES, watch=lambda done, total: seen.append((done, total)))
    return seen


def test_views_are_read_as_they_were_drawn(painted_body: Draws, drawn: CachedTruth, plan: ViewPlan):
    for scene in held_out(painted_body.model, painted_body.pose, plan):
        for index, view in enumerate(scene.views):
            shot, read = painted_body.shot(scene.pose, scene.cameras, index), drawn.view(view.name)
            assert torch.allclose(read.color, shot.color, atol=0.5 / 255.0 + 1e-6)
            assert torch.equal(read.alpha, shot.alpha)
            assert torch.equal(read.labels, shot.labels)


def test_photo_body_and_camera_are_read_as_they_were(painted_body: Draws, drawn: CachedTruth):
    photo, alpha = drawn.photo()
    shot = painted_body.photo()
    assert torch.allclose(photo / 255.0, shot.color, atol=0.5 / 255.0 + 1e-6)
    assert torch.equal(alpha, shot.alpha)
    for name in ("rotations", "translation", "shape"):
        assert torch.allclose(getattr(drawn.pose, name), getattr(painted_body.pose, name))
    assert torch.equal(drawn.camera.intrinsics, painted_body.camera.intrinsics)
    assert torch.equal(drawn.camera.world_from_camera, painted_body.camera.world_from_camera)
    assert drawn.camera.size == painted_body.camera.size
    assert drawn.labels == PART_NAMES


def test_what_is_drawn_is_not_drawn_again(painted_body: Draws, plan: ViewPlan, tmp_path: Path):
    first, second = Counting(painted_body, []), Counting(painted_body, [])
    draw_into(tmp_path, first, plan)
    assert draw_into(tmp_path, second, plan) == [(10, 10)]
    assert first.drawn == ["photo"] + 9 * ["view"]
    assert second.drawn == []


def test_drawing_goes_on_where_it_was_stopped(painted_body: Draws, plan: ViewPlan, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        draw_into(tmp_path, Counting(painted_body, [], stop_at=4), plan)
    names = [view.name for view in planned_views(plan)]
    assert missing_views(tmp_path, names) == names[3:]
    rest = Counting(painted_body, [])
    assert draw_into(tmp_path, rest, plan)[0] == (4, 10)
    assert rest.drawn == 6 * ["view"]
    assert missing_views(tmp_path, names) == []


def test_a_view_whose_labels_are_missing_counts_as_not_drawn(painted_body: Draws, plan: ViewPlan, tmp_path: Path):
    draw_into(tmp_path, painted_body, plan)
    names = [view.name for view in planned_views(plan)]
    (tmp_path / f"{names[2]}-labels.png").unlink()
    assert missing_views(tmp_path, names) == [names[2]]


def test_keys_differ_where_causes_do(tmp_path: Path):
    assert truth_key("coat", 1) == truth_key("coat", 1)
    assert len({truth_key("coat", 1), truth_key("coat", 2), truth_key("skirt", 1)}) == 3
    assert truth_folder(tmp_path, "coat", "1f") == tmp_path / "truth" / "coat-1f"


def test_a_folder_without_truth_says_what_to_do(painted_body: Draws, tmp_path: Path):
    with pytest.raises(DataError, match="remove it, and it is drawn again"):
        CachedTruth.load(tmp_path, painted_body.model)


def test_a_damaged_picture_is_named(painted_body: Draws, plan: ViewPlan, tmp_path: Path):
    folder = truth_folder(tmp_path, "me", "0")
    draw_into(folder, painted_body, plan)
    name = planned_views(plan)[0].name
    (folder / f"{name}.png").write_bytes(b"half")
    with pytest.raises(DataError, match=name):
        CachedTruth.load(folder, painted_body.model).view(name)
