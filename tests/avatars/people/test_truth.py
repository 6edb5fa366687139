"""The truth is exact, repeatable, and one thing from every side."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from avatars.body import BodyPose
from avatars.body.pose_file import named_pose
from avatars.people.labels import LABELS
from avatars.people.stances import STANCES
from avatars.people.subject import LIGHTS, Subject, Tailored
from avatars.people.subjects import SUBJECTS, wardrobe_subjects
from avatars.people.tailor.hair import LongHairCut
from avatars.people.tailor.loose import CoatCut, SkirtCut
from avatars.people.truth import SIZE, Shot, Truth
from nfield.cameras import Cameras
from nfield.errors import DataError

Truths = Callable[[str], Truth]
Side = Callable[..., Cameras]
PRINTED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "emblem": lambda color: color[:, 2] > color[:, 0] + 0.02,  # The blue core of a disc on red.
    "lettering": lambda color: color.amax(1) < 0.35,  # Black on white.
}


@pytest.fixture(scope="module")
def photo(truth_of: Truths) -> Shot:
    return truth_of("emblem").photo()


def test_the_photo_is_what_its_camera_sees(truth_of: Truths, photo: Shot):
    truth = truth_of("emblem")
    shot = truth.shot(truth.pose, truth.camera, 0)
    assert (shot.alpha == photo.alpha).all()
    assert (shot.labels == photo.labels).all()
    assert (shot.depth == photo.depth).all()
    inside = photo.alpha == 1
    assert (shot.color[inside] - photo.color[inside]).abs().mean() < 0.02


def test_the_photo_has_its_size_and_values(photo: Shot):
    assert photo.color.shape == (SIZE, SIZE, 3)
    assert photo.color.min() >= 0
    assert photo.color.max() <= 1
    assert set(photo.labels.unique().tolist()) == set(range(LABELS.index("outer")))


def test_depth_labels_and_mask_say_the_same(photo: Shot):
    seen = photo.labels > 0
    assert (seen == (photo.depth > 0)).all()
    assert (photo.alpha[seen] > 0).all()
    assert (photo.alpha[~seen] < 1).all()
    assert ((photo.alpha > 0.5) == seen).float().mean() > 0.998


def test_views_are_over_white(truth_of: Truths, photo_side: Side):
    truth = truth_of("emblem")
    shot = truth.shot(truth.pose, photo_side(truth, 130.0, 96), 0)
    assert (shot.color[shot.alpha == 0] == 1).all()
    assert shot.color[shot.alpha == 1].mean() < 0.7


def test_the_body_lies_inside_the_dressed_person(truth_of: Truths, photo: Shot):
    from nfield.kernels.rasterize import rasterize

    truth = truth_of("emblem")
    vertices = truth.model.pose(truth.pose).vertices
    bare = rasterize(vertices, truth.model.faces, truth.camera.intrinsics[0], truth.camera.size).face >= 0
    assert (photo.alpha[bare] > 0).float().mean() > 0.999
    assert 0.75 < bare.sum() / (photo.alpha > 0.5).sum() < 0.97


def test_a_person_and_its_camera_moved_together_look_the_same(truth_of: Truths, photo_side: Side):
    truth = truth_of("long-hair")
    cameras = photo_side(truth, 200.0, 96)
    shift = torch.tensor([0.3, -0.2, 0.5])
    pose = replace(truth.pose, translation=truth.pose.translation + shift)
    world = cameras.world_from_camera.clone()
    world[:, :3, 3] += shift
    first = truth.shot(truth.pose, cameras, 0)
    second = truth.shot(pose, replace(cameras, world_from_camera=world), 0)
    assert ((first.alpha - second.alpha).abs() > 0).float().mean() < 0.005
    assert (first.color - second.color).abs().mean() < 0.002


def test_light_moves_with_the_camera(truth_of: Truths, photo_side: Side):
    """Half of a person that turned around is as bright as the same half of the picture before."""
    truth = truth_of("closed-coat")
    halves = []
    for azimuth in (0.0, 180.0):
        shot = truth.shot(truth.pose, photo_side(truth, azimuth, 96), 0)
        coat = shot.labels == LABELS.index("outer")
        columns = torch.arange(96)[None].expand(96, 96)
        middle = columns[coat].float().mean()
        halves.append(shot.color[coat & (columns < middle)].mean() - shot.color[coat & (columns > middle)].mean())
    assert halves[0] > 0.03
    assert halves[1] > 0.03


def test_flat_light_has_no_bright_side(truth_of: Truths, photo_side: Side):
    truth = truth_of("open-coat")
    shot = truth.shot(truth.pose, photo_side(truth, 180.0, 96), 0)
    coat = shot.labels == LABELS.index("outer")
    columns = torch.arange(96)[None].expand(96, 96)
    middle = columns[coat].float().mean()
    assert abs(shot.color[coat & (columns < middle)].mean() - shot.color[coat & (columns > middle)].mean()) < 0.02


@pytest.mark.parametrize(("name", "ink"), PRINTED.items())
def test_a_print_is_seen_in_front_and_not_behind(
    truth_of: Truths, upright_side: Side, name: str, ink: Callable[[torch.Tensor], torch.Tensor]
):
    truth = truth_of(name)
    pose = BodyPose(named_pose("t-pose"), torch.zeros(3), truth.pose.shape)
    shares = []
    for azimuth in (0.0, 180.0):
        shot = truth.shot(pose, upright_side(truth, pose, azimuth, 256), 0)
        top = (shot.labels == LABELS.index("top")) & (shot.alpha == 1)
        shares.append(float(ink(shot.color[top]).float().mean()))
    assert shares[0] > 0.008
    assert shares[1] < 0.1 * shares[0]


def test_stripes_go_on_behind(truth_of: Truths, upright_side: Side):
    truth = truth_of("stripes")
    pose = BodyPose(named_pose("t-pose"), torch.zeros(3), truth.pose.shape)
    crossings = []
    for azimuth in (0.0, 180.0):
        shot = truth.shot(pose, upright_side(truth, pose, azimuth, 300), 0)
        column = shot.color[:, 150].mean(1)[shot.labels[:, 150] == LABELS.index("top")]
        crossings.append(int((column > 0.5).int().diff().abs().sum()))
    assert crossings[0] >= 10
    assert abs(crossings[0] - crossings[1]) <= 2


def test_the_same_subject_is_the_same_person(photo_side: Side, truth_of: Truths):
    subject = truth_of("emblem").subject
    again = Truth.of(subject)
    cameras = photo_side(again, 45.0, 64)
    assert (again.shot(again.pose, cameras, 0).color == truth_of("emblem").shot(again.pose, cameras, 0).color).all()


def test_the_seed_changes_the_grain_only(truth_of: Truths, photo: Shot):
    truth = truth_of("emblem")
    other = replace(truth, subject=replace(truth.subject, seed=99)).photo()
    assert (other.alpha == photo.alpha).all()
    difference = (other.color - photo.color).abs()
    assert 0.002 < difference.mean() < 0.02
    assert difference.max() < 0.08


def test_a_person_fills_the_photo_whatever_the_stature(truth_of: Truths):
    for name in ("stripes", "knee-skirt"):
        truth = truth_of(name)
        points = truth.model.pose(truth.pose).vertices @ truth.camera.intrinsics[0].T
        rows, columns = points[:, 1] / points[:, 2], points[:, 0] / points[:, 2]
        assert 0.78 * SIZE < rows.max() - rows.min() < 0.92 * SIZE
        assert columns.min() > 20
        assert columns.max() < SIZE - 20


def test_there_are_ten_people_of_whom_four_wear_something_loose():
    assert len(SUBJECTS) >= 10
    assert len({subject.name for subject in SUBJECTS}) == len(SUBJECTS)
    loose = [
        subject.name
        for subject in SUBJECTS
        if isinstance(subject.outfit, Tailored)
        and any(isinstance(g.cut, CoatCut | SkirtCut | LongHairCut) for g in subject.outfit.garments)
    ]
    assert len(loose) >= 4
    assert {subject.light for subject in SUBJECTS} == set(LIGHTS)
    assert all(0 <= subject.yaw <= 35 for subject in SUBJECTS)
    assert len({subject.stance for subject in SUBJECTS}) == len(STANCES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stance": "lying"}, "stance is 'lying', expected one of relaxed"),
        ({"light": "dark"}, "light is 'dark', expected one of flat, soft key"),
        ({"yaw": 90.0}, "yaw is 90 degrees, expected 0 to 35"),
    ],
)
def test_a_subject_that_cannot_be_photographed_says_why(change: dict, message: str):
    with pytest.raises(DataError, match=message):
        replace(SUBJECTS[0], **change)


def test_subjects_of_a_wardrobe_are_one_for_each_suit_in_order(wardrobe: Path):
    subjects = wardrobe_subjects(wardrobe)
    assert [subject.name for subject in subjects] == ["suit_a+shoes01+short01", "suit_b+shoes01+short01"]
    assert subjects == wardrobe_subjects(wardrobe)


def test_a_subject_of_a_wardrobe_can_be_photographed(wardrobe: Path, photo_side: Side):
    truth = Truth.of(wardrobe_subjects(wardrobe)[0])
    shot = truth.shot(truth.pose, photo_side(truth, 0.0, 64), 0)
    assert shot.alpha.sum() > 100
    assert LABELS.index("skin") in shot.labels.unique().tolist()


def test_real_garments_make_people(shared_data: Path, photo_side: Side):
    folder = shared_data / "wardrobe"
    if not folder.is_dir():
        pytest.skip(f"no wardrobe in {shared_data}")
    subjects = wardrobe_subjects(folder)
    truth = Truth.of(subjects[-1])
    shot = truth.shot(truth.pose, photo_side(truth, 30.0, 96), 0)
    present = {LABELS[k] for k in shot.labels.unique().tolist()}
    assert {"skin", "top", "bottom", "hair", "shoes"} <= present
    assert isinstance(subjects[0], Subject)
    assert np.isfinite(shot.color.numpy()).all()
