import pytest
import torch

from avatars.perception.detector import Detection, anchors, decode, intersection_over_union, merge, once


def test_anchors_are_the_centres_of_their_cells():
    found = anchors()
    assert found.shape == (28 * 28 * 2 + 14 * 14 * 2 + 7 * 7 * 6, 2)
    torch.testing.assert_close(found[0], torch.tensor([0.5 / 28, 0.5 / 28]))
    torch.testing.assert_close(found[2], torch.tensor([1.5 / 28, 0.5 / 28]))
    torch.testing.assert_close(found[28 * 28 * 2], torch.tensor([0.5 / 14, 0.5 / 14]))
    torch.testing.assert_close(found[-1], torch.tensor([6.5 / 7, 6.5 / 7]))


def test_offsets_are_pixels_of_the_tile_from_the_anchor():
    raw = torch.tensor([[22.4, 0.0, 44.8, 89.6, 0.0, 0.0, 0.0, -22.4, 1.0, 2.0, 3.0, 4.0]])
    boxes, points = decode(raw, torch.tensor([[0.5, 0.5]]))
    torch.testing.assert_close(boxes, torch.tensor([[0.5, 0.3, 0.7, 0.7]]))
    torch.testing.assert_close(points[0, :2], torch.tensor([[0.5, 0.5], [0.5, 0.4]]))


def test_overlap_of_boxes_in_closed_form():
    others = torch.tensor([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 6.0, 6.0], [0.0, 0.0, 1.0, 1.0]])
    found = intersection_over_union(others[0], others)
    torch.testing.assert_close(found, torch.tensor([1.0, 2 / 6, 0.0, 0.25]))


def test_overlapping_boxes_merge_into_the_weighted_mean():
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [10.0, 0.0, 12.0, 2.0], [0.0, 0.0, 2.0, 1.8]])
    points = torch.tensor([1.0, 7.0, 4.0])[:, None, None].expand(3, 4, 2)
    (first, mean), (second, alone) = merge(boxes, points, torch.tensor([0.6, 0.9, 0.3]), overlap=0.3)
    assert first == pytest.approx(0.9)
    assert mean.unique().tolist() == [7.0]
    assert second == pytest.approx(0.6)
    torch.testing.assert_close(alone, torch.full((4, 2), (0.6 * 1 + 0.3 * 4) / 0.9))


def test_nothing_merges_to_nothing():
    assert merge(torch.zeros(0, 4), torch.zeros(0, 4, 2), torch.zeros(0), overlap=0.3) == []


def test_degenerate_box_stands_alone():
    boxes, points = torch.zeros(2, 4), torch.zeros(2, 4, 2)
    assert len(merge(boxes, points, torch.tensor([0.9, 0.8]), overlap=0.3)) == 2


def seen(score: float, column: float, radius: float) -> Detection:
    return Detection(score, torch.tensor([column, 50.0]), torch.tensor([column, 50.0 - radius]))


def test_person_seen_in_two_tiles_counts_once_with_the_better_score():
    best, again = seen(0.9, 100.0, 40.0), seen(0.8, 104.0, 44.0)
    neighbour, child = seen(0.7, 130.0, 40.0), seen(0.6, 100.0, 20.0)
    assert once([best, again, neighbour, child]) == [best, neighbour, child]
    assert once([]) == []
