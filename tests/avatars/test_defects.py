"""Specks and pin holes, counted on drawn pictures."""

import numpy as np
import pytest
import torch

from avatars.defects import pin_holes, sharpness, small_gaps, specks


def person(size: int = 512) -> torch.Tensor:
    picture = torch.zeros(size, size)
    picture[size // 8 : -size // 8, size // 3 : -size // 3] = 1.0
    return picture


def test_a_whole_person_has_neither():
    assert specks(person()) == 0
    assert pin_holes(person() > 0.5, person() > 0.5) == 0


def test_an_empty_picture_has_neither():
    empty = torch.zeros(40, 40)
    assert specks(empty) == 0
    assert pin_holes(empty > 0.5, person(40) > 0.5) == 0


def test_pieces_beside_the_person_are_specks_however_small():
    picture = person()
    picture[5, 5], picture[20:30, 20:30], picture[500, 400] = 0.5, 1.0, 0.09
    assert specks(picture) == 3


def test_what_is_hardly_visible_is_no_speck():
    picture = person()
    picture[5, 5] = 0.08
    assert specks(picture) == 0


def test_a_piece_that_touches_by_a_corner_belongs_to_the_person():
    picture = person(96)
    picture[11, 31] = 1.0  # The person begins in row 12 and column 32.
    assert specks(picture) == 0
    picture[10, 29] = 1.0
    assert specks(picture) == 1


@pytest.mark.parametrize(("edge", "holes"), [(1, 1), (12, 1), (13, 0)])
def test_holes_below_150_pixels_are_counted(edge: int, holes: int):
    mask = person() > 0.5
    mask[200 : 200 + edge, 200 : 200 + edge] = False
    assert pin_holes(mask, person() > 0.5) == holes


def test_the_limit_shrinks_with_the_picture():
    mask = person(256) > 0.5
    mask[100:106, 100:106] = False  # 36 pixels; the limit is 37.5.
    mask[130:137, 100:107] = False
    assert pin_holes(mask, person(256) > 0.5) == 1


def test_gaps_that_the_truth_has_do_not_count():
    truth = person() > 0.5
    truth[200:210, 200:210] = False
    mask = truth.clone()
    mask[300:305, 200:205] = False
    assert pin_holes(mask, truth) == 1


@pytest.mark.parametrize(("row", "holes"), [(65, 0), (66, 1)])
def test_gaps_within_two_pixels_of_the_true_edge_do_not_count(row: int, holes: int):
    mask = person() > 0.5  # It begins in row 64.
    mask[row, 200] = False
    assert pin_holes(mask, person() > 0.5) == holes


def test_a_bay_of_the_outline_is_no_hole():
    mask = person() > 0.5
    mask[64:70, 200:203] = False  # Open to what is above the person.
    assert pin_holes(mask, person() > 0.5) == 0


def test_a_gap_that_leads_out_by_a_corner_only_is_enclosed():
    mask = person(96) > 0.5
    mask[12:15, 40], mask[15, 41] = False, False
    assert pin_holes(mask, person(96) > 0.5) == 1


def test_true_gaps_count_where_no_truth_is_known():
    mask = person() > 0.5
    mask[200:205, 200:205] = False
    mask[300:340, 200:240] = False
    assert small_gaps(mask) == 1


def test_a_gap_at_the_picture_s_edge_is_not_enclosed():
    mask = torch.ones(40, 40, dtype=torch.bool)
    mask[:2, 10] = False
    assert small_gaps(mask) == 0


def test_sharpness_is_that_of_the_inside():
    mask, random = person() > 0.5, np.random.default_rng(0)
    grain = 0.1 * random.standard_normal((512, 512))
    whole, half = sharpness(grain, mask), sharpness(0.5 * grain, mask)
    assert whole is not None
    assert half == pytest.approx(0.5 * whole)
    edge = sharpness(mask.double().numpy(), mask)
    assert edge == 0.0


def test_a_small_person_tells_no_sharpness():
    mask = torch.zeros(40, 40, dtype=torch.bool)
    mask[10:28, 10:28] = True
    assert sharpness(np.zeros((40, 40)), mask) is None
