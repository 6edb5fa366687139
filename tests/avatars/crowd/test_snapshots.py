"""Small pictures show what they say, and are those of the exact renderer."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.crowd.person import Split, drawn_build, drawn_dye
from avatars.crowd.shards import Shard
from avatars.crowd.snapshots import (
    FRAMES,
    LEAST_COVERED,
    PLACE,
    Snapshot,
    Viewpoint,
    drawn_viewpoint,
    parts_of,
    shown,
    snapshot,
)
from avatars.people.figure import Figure
from avatars.people.lighting import Light

Take = Callable[[float, str], np.ndarray]
FLAT = Light((0.0, -2.0, -2.0), key=0.0, sky=(1.3, 1.3, 1.3), ground=(1.0, 1.0, 1.0))
SIZE = 64


@pytest.fixture(scope="module")
def figure(model: BodyModel):
    return drawn_build(Split.TRAINING, 1).sewn(model)


@pytest.fixture(scope="module")
def seen(figure: Figure):
    pose = BodyPose(torch.zeros(24, 3), torch.zeros(3), torch.tensor(drawn_build(Split.TRAINING, 1).shape))
    vertices = figure.model.pose(pose).vertices

    def looked(azimuth: float, frame: str = "full") -> Snapshot:
        return snapshot(figure, vertices, parts_of(figure), Viewpoint(azimuth, 0.0, 2.2, frame, FLAT), SIZE)

    return looked


@pytest.fixture(scope="module")
def take(figure: Figure, seen: Callable[..., Snapshot]):
    dye = drawn_dye(Split.TRAINING, drawn_build(Split.TRAINING, 1), 1)
    return lambda azimuth, frame: seen(azimuth, frame).developed(figure, dye.surfaces)


def test_a_whole_person_fills_its_picture_and_touches_no_border(take: Take):
    alpha = take(0.0, "full")[..., 3] > 0
    rows, columns = np.nonzero(alpha.any(1))[0], np.nonzero(alpha.any(0))[0]
    assert 0.85 * SIZE < max(np.ptp(rows), np.ptp(columns)) < SIZE - 1
    assert not alpha[0].any()
    assert not alpha[-1].any()


def test_the_back_of_a_head_shows_no_face(take: Take):
    faces = [take(azimuth, "head")[..., :3].astype(float).reshape(-1, 3) for azimuth in (0.0, 180.0)]
    spread = [face.std(0).mean() for face in faces]
    assert np.abs(faces[0] - faces[1]).mean() > 10.0
    assert min(spread) > 5.0


def test_left_and_right_are_mirror_images_of_a_symmetric_stance(take: Take):
    left, right = take(90.0, "full")[..., 3] > 127, take(-90.0, "full")[..., 3] > 127
    overlap = (left & right[:, ::-1]).sum() / (left | right[:, ::-1]).sum()
    assert overlap > 0.9


def test_dyes_change_colours_and_nothing_else(shard_of: Callable[[Split, int], Shard]):
    shard = shard_of(Split.TRAINING, 0)
    assert (shard.pictures[0, ..., 3] == shard.pictures[1, ..., 3]).all()
    assert (shard.pictures[0, ..., :3] != shard.pictures[1, ..., :3]).any()


SIDES = [(0.0, "front"), (44.0, "front"), (46.0, "side"), (270.0, "side"), (180.0, "back")]


@pytest.mark.parametrize(("azimuth", "view"), SIDES)
def test_views_are_named_by_their_azimuth(azimuth: float, view: str):
    assert Viewpoint(azimuth, 0.0, 2.0, "full", FLAT).view == view


def test_pictures_show_only_what_their_frame_and_side_show():
    facts = {
        "hair": "long", "top": "tunic", "top color": "red", "top cloth": "lettered", "top second color": "white",
        "bottom": "jeans", "bottom color": "blue", "shoes color": "black", "bag": "backpack", "bag color": "green",
    }  # fmt: skip
    front, back = (Viewpoint(azimuth, 0.0, 2.0, "full", FLAT) for azimuth in (0.0, 180.0))
    dressed = {"top": 0.4, "bottom": 0.4, "bag": 0.0}
    assert "top cloth" in shown(facts, front, dressed)
    assert "top second color" not in shown(facts, back, dressed)
    assert "top color" in shown(facts, back, dressed)
    head = shown(facts, replace(front, frame="head"), dressed)
    assert head == {"hair": "long", "view": "front"}


def test_garments_that_are_hardly_seen_are_not_spoken_of():
    facts = {"top color": "red", "outer color": "grey", "outer": "open coat", "shoes color": "black"}
    front, back = (Viewpoint(azimuth, 0.0, 2.0, "full", FLAT) for azimuth in (0.0, 180.0))
    assert "top color" in shown(facts, front, {"outer": 0.5, "top": LEAST_COVERED})
    behind = shown(facts, back, {"outer": 0.7, "top": 0.5 * LEAST_COVERED})
    assert behind == {"outer color": "grey", "outer": "open coat", "shoes color": "black", "view": "back"}


def test_what_is_covered_is_what_is_seen_of_each_garment(seen: Callable[[float], Snapshot]):
    places = drawn_build(Split.TRAINING, 1).places
    for azimuth in (0.0, 180.0):
        shot = seen(azimuth)
        covered = shot.covered(places)
        assert sum(covered.values()) == pytest.approx(1.0)
        assert set(covered) == set(places)
        assert min(covered["top"], covered["bottom"]) > 0.1
        assert covered["hair"] == pytest.approx((shot.points.material >= places.index("hair")).mean())


def test_random_viewpoints_see_all_sides():
    generator = np.random.default_rng(0)
    views = [drawn_viewpoint("full", generator).view for _ in range(300)]
    assert min(views.count(view) for view in ("front", "side", "back")) > 70
    assert all(frame in FRAMES for frame in ("full", "head", "torso"))


def test_places_are_those_of_the_body_at_rest(seen: Callable[[float], Snapshot]):
    front, back = (seen(azimuth).places() for azimuth in (0.0, 180.0))
    cells = SIZE // PLACE
    assert front.shape == (cells, cells, 3)
    body = front[:, cells // 2 - 1 : cells // 2 + 1].mean(1)
    head, shoes = np.nonzero(np.abs(body).sum(1) > 0.02)[0][[0, -1]]
    assert body[head + 1, 1] > 0.2
    assert body[shoes - 1, 1] < -0.5
    assert front[..., 2].sum() > 0.0 > back[..., 2].sum()
    left = front[: cells // 2, cells // 2 :, 0].sum()
    assert left > 0.0 > front[: cells // 2, : cells // 2, 0].sum()
