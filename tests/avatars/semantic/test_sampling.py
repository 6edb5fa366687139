"""Parts and sides are drawn as ELICIT's tables say, and compared with what they say."""

from collections import Counter

import torch
from scipy.stats import chisquare

from avatars.semantic.directions import Direction, SidedPart
from avatars.semantic.sampling import FULL, PARTS, PartSampling

_DRAWS = 20_000


def test_sides_are_those_of_a_ring_around_the_person():
    """Facing z: a camera before it sees the front, one at +x its left side."""
    assert [Direction.of(angle) for angle in (0.0, 90.0, 180.0, 270.0)] == list(Direction)
    for side in Direction:
        angles = [(side.value + offset) % 360.0 for offset in (-44.0, 0.0, 44.0)]
        assert {Direction.of(angle) for angle in angles} == {side}


def test_azimuths_of_a_side_are_drawn_evenly_and_from_nowhere_else(generator: torch.Generator):
    for side in Direction:
        angles = [side.draw(generator) for _ in range(2000)]
        assert {Direction.of(angle) for angle in angles} == {side}
        bins = Counter(int(((angle - side.value + 45.0) % 360.0) // 15.0) for angle in angles)
        assert chisquare([bins[index] for index in range(6)]).pvalue > 1e-3


def test_the_nearest_azimuth_of_a_side_is_within_it_and_no_other_is_nearer():
    for side in Direction:
        own = [angle for angle in range(360) if abs((angle - side.value + 180.0) % 360.0 - 180.0) <= 35.0]
        for azimuth in range(0, 360, 7):
            found = side.nearest(float(azimuth))
            assert Direction.of(found) is side
            best = min(abs((angle - azimuth + 180.0) % 360.0 - 180.0) for angle in own)
            assert abs(abs((found - azimuth + 180.0) % 360.0 - 180.0) - best) < 1e-6


def test_parts_and_sides_are_drawn_as_often_as_the_table_says(generator: torch.Generator):
    sampling = PartSampling()
    drawn = Counter(sampling.draw(generator) for _ in range(_DRAWS))
    order = (Direction.FRONT, Direction.LEFT, Direction.RIGHT, Direction.BACK)
    expected = {
        SidedPart(part, side): _DRAWS * share * of_side
        for part, (share, sides) in sampling.table.items()
        for side, of_side in zip(order, sides, strict=True)
        if of_side > 0.0
    }
    assert set(drawn) <= set(expected)
    assert chisquare([drawn[key] for key in expected], list(expected.values())).pvalue > 0.01


def test_the_table_is_elicits():
    """Its marginals: front .375, left .215, right .215, back .195 (specification of the release)."""
    table = PartSampling().table
    assert abs(sum(share for share, _ in table.values()) - 1.0) < 1e-9
    assert set(table) <= set(PARTS)
    marginals = [sum(share * sides[index] for share, sides in table.values()) for index in range(4)]
    assert [round(value, 3) for value in marginals] == [0.375, 0.215, 0.215, 0.195]
    assert all(abs(sum(sides) - 1.0) < 1e-9 for _, sides in table.values())


def test_faces_and_prints_are_no_reference_for_what_lies_behind():
    own = PartSampling().self_references
    sides = {Direction.LEFT, Direction.RIGHT}
    for part in ("head", "torso", FULL, "left leg", "right thigh"):
        assert set(own[SidedPart(part, Direction.BACK)]) == sides
    assert own[SidedPart("head", Direction.LEFT)] == (Direction.FRONT,)
    assert not any(key.direction is Direction.FRONT for key in own)
    assert SidedPart("left arm", Direction.BACK) not in own


def test_samplings_are_options_equal_by_what_they_say():
    assert PartSampling() == PartSampling()
    assert hash(PartSampling()) == hash(PartSampling())
    assert PartSampling(self_references={}) != PartSampling()
