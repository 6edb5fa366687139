from itertools import combinations

import pytest

from nfield.data.posing.pairs import MOST_EXHAUSTIVE, all_pairs, neighbours, pairs_of_photos


def _names(count: int) -> list[str]:
    return [f"{index:04d}.jpg" for index in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 11, 40])
def test_no_picture_is_compared_twice_or_with_itself(count: int):
    for found in (all_pairs(_names(count)), neighbours(_names(count))):
        unordered = {frozenset(pair) for pair in found}
        assert len(unordered) == len(found)
        assert all(len(pair) == 2 for pair in unordered)


def test_few_pictures_are_all_neighbours():
    assert set(neighbours(_names(12))) == set(combinations(_names(12), 2))


def test_neighbours_follow_each_other_the_first_follows_the_last_and_some_lie_far_apart():
    names = _names(200)
    found = {frozenset(pair) for pair in neighbours(names)}
    assert frozenset((names[50], names[60])) in found
    assert frozenset((names[50], names[61])) not in found
    assert frozenset((names[195], names[3])) in found
    assert frozenset((names[50], names[50 + 64])) in found
    assert len(found) < 200 * 16


def test_many_photos_are_not_all_compared():
    few, many = _names(MOST_EXHAUSTIVE), _names(MOST_EXHAUSTIVE + 220)
    assert len(pairs_of_photos(few)) == MOST_EXHAUSTIVE * (MOST_EXHAUSTIVE - 1) // 2
    assert len(pairs_of_photos(many)) < 30 * len(many)
