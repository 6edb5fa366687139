"""Sheets keep their surface when they are cut, refined, joined or smoothed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import named_pose
from avatars.people.sheet import Sheet, closed_with, cut, join, refined, relaxed, smoothed
from avatars.people.tailor.garment import bound

EDGE = 5


@pytest.fixture
def square() -> Sheet:
    """A flat square of 2 (EDGE - 1)^2 triangles that face +z, with slightly uneven points."""
    x, y = np.meshgrid(np.arange(EDGE) / (EDGE - 1), np.arange(EDGE) / (EDGE - 1))
    points = np.stack([x.ravel(), y.ravel(), np.zeros(EDGE * EDGE)], 1)
    grid = np.arange(EDGE * EDGE).reshape(EDGE, EDGE)
    a, b, c, d = (part.ravel() for part in (grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    count = len(points)
    return Sheet(sparse.csr_matrix(sparse.identity(count)), points, faces, np.zeros((count, 24)), np.zeros(count))


def area(sheet: Sheet) -> float:
    a, b, c = (sheet.points[sheet.faces[:, k]] for k in range(3))
    return 0.5 * float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())


def edge_lengths(sheet: Sheet) -> np.ndarray:
    pairs = np.concatenate([sheet.faces[:, [0, 1]], sheet.faces[:, [1, 2]], sheet.faces[:, [2, 0]]])
    return np.linalg.norm(sheet.points[pairs[:, 0]] - sheet.points[pairs[:, 1]], axis=1)


def facing(sheet: Sheet) -> np.ndarray:
    a, b, c = (sheet.points[sheet.faces[:, k]] for k in range(3))
    return np.cross(b - a, c - a)[:, 2]


def test_a_cut_leaves_no_face_on_both_sides(square: Sheet):
    height = square.points[:, 0] + 0.3 * square.points[:, 1] - 0.61
    parted, carry = cut(square, height)
    carried = carry @ height
    high, low = carried[parted.faces].max(1), carried[parted.faces].min(1)
    assert ((high < 1e-9) | (low > -1e-9)).all()


def test_a_cut_changes_neither_area_nor_rim_nor_orientation(square: Sheet):
    parted, _ = cut(square, square.points[:, 0] - 0.37)
    assert area(parted) == pytest.approx(1.0)
    assert (facing(parted) > 0).all()
    rim = parted.points[parted.rim()]
    assert np.linalg.norm(rim[:, 0] - rim[:, 1], axis=1).sum() == pytest.approx(4.0)


def test_a_cut_halves_the_square_along_the_line(square: Sheet):
    height = square.points[:, 0] - 0.37
    parted, carry = cut(square, height)
    left = parted.part((carry @ height)[parted.faces].mean(1) < 0)
    assert area(left) == pytest.approx(0.37)


def test_a_cut_carries_points_and_bindings_alike(square: Sheet):
    parted, carry = cut(square, square.points[:, 1] - 0.4)
    assert np.allclose(parted.points, carry @ square.points)
    assert np.allclose(parted.binding @ square.points, parted.points)
    assert np.allclose(np.asarray(parted.binding.sum(1)), 1.0)


def test_a_cut_that_meets_nothing_is_the_sheet(square: Sheet):
    parted, carry = cut(square, np.ones(len(square.points)))
    assert parted is square
    assert (carry @ square.points == square.points).all()


def test_the_body_is_closed_and_stays_closed_after_cuts(model: BodyModel):
    body = Sheet.of_body(model)
    assert len(body.rim()) == 0
    parted, carry = cut(body, body.points[:, 1] + 0.2)
    again, _ = cut(parted, (carry @ body.points)[:, 0] - 0.07)
    assert len(again.rim()) == 0


@pytest.mark.parametrize("longest", [0.3, 0.2, 0.05])
def test_refining_bounds_edges_and_keeps_the_surface(square: Sheet, longest: float):
    fine = refined(square, longest)
    assert edge_lengths(fine).max() <= longest + 1e-9
    assert area(fine) == pytest.approx(1.0)
    assert (facing(fine) > 0).all()
    assert np.allclose(fine.binding @ square.points, fine.points)


def test_refining_leaves_no_cracks(square: Sheet):
    bent = square.moved(square.points * [1.0, 0.35, 1.0])  # Edges of different lengths: 1, 2 or 3 of a face are halved.
    fine = refined(bent, 0.17)
    rim = fine.points[fine.rim()]
    assert np.linalg.norm(rim[:, 0] - rim[:, 1], axis=1).sum() == pytest.approx(2.7)


def test_a_sheet_that_is_fine_enough_stays(square: Sheet):
    assert refined(square, 1.0) is square


def test_a_part_keeps_only_the_points_that_it_needs(square: Sheet):
    chosen = np.zeros(len(square.faces), dtype=bool)
    chosen[0] = True
    part = square.part(chosen)
    assert len(part.points) == 3
    assert np.allclose(part.points[part.faces[0]], square.points[square.faces[0]])


def test_joined_sheets_do_not_touch(square: Sheet):
    both = join([square, square.moved(square.points + np.array([2.0, 0.0, 0.0]))])
    assert area(both) == pytest.approx(2.0)
    assert len(both.points) == 2 * len(square.points)
    assert np.intersect1d(both.faces[: len(square.faces)], both.faces[len(square.faces) :]).size == 0


def test_a_strip_along_the_rim_closes_two_layers_up_to_the_lower_one(square: Sheet):
    lower = square.moved(square.points - [0.0, 0.0, 0.1])
    closed = closed_with(square.moved(square.points + np.array([0.0, 0.0, 0.2])), lower, square.rim())
    assert area(closed) == pytest.approx(1.0 + 4.0 * 0.3)
    rim = closed.points[closed.rim()]
    assert np.allclose(rim[..., 2], -0.1)


def test_normals_of_a_flat_sheet_point_out_of_it(square: Sheet):
    assert np.allclose(square.normals(), [0.0, 0.0, 1.0])


def test_smoothing_keeps_constants_and_lowers_a_spike(square: Sheet):
    spike = np.zeros((len(square.points), 2))
    spike[:, 1] = 3.0
    spike[12, 0] = 1.0
    soft = smoothed(square, spike, 0.3)
    assert np.allclose(soft[:, 1], 3.0)
    assert 0.0 < soft[12, 0] < 0.5
    assert soft[:, 0].argmax() == 12


def test_no_smoothing_changes_nothing(square: Sheet):
    values = np.random.default_rng(0).normal(size=(len(square.points), 3))
    assert np.allclose(smoothed(square, values, 0.0), values)


def test_relaxing_blurs_what_points_hang_on_but_not_where_they_are(square: Sheet):
    loose = relaxed(square, 2)
    assert (loose.points == square.points).all()
    assert np.allclose(np.asarray(loose.binding.sum(1)), 1.0)
    assert (np.diff(loose.binding.indptr) > 1).all()


def test_the_model_of_the_whole_body_poses_as_the_body(model: BodyModel):
    shape = torch.tensor([0.5, -1.0, 0.7, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0])
    pose = BodyPose(named_pose("kick"), torch.tensor([0.1, 0.2, 0.3]), shape)
    same = bound(model, Sheet.of_body(model))
    assert torch.allclose(same.pose(pose).vertices, model.pose(pose).vertices, atol=1e-5)


def test_own_weights_replace_those_of_the_binding_by_their_share(model: BodyModel):
    body = Sheet.of_body(model)
    pelvis = np.zeros((len(body.points), 24))
    pelvis[:, 0] = 1.0
    half = replace(body, weights=pelvis, own=np.full(len(body.points), 0.5))
    weights = bound(model, half).weights
    assert torch.allclose(weights[:, 0], 0.5 + 0.5 * model.weights[:, 0], atol=1e-6)
    assert torch.allclose(bound(model, half).pose_dirs, 0.5 * model.pose_dirs, atol=1e-7)
