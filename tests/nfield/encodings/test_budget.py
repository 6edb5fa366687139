"""The counts of NeuRBF's release: every row of the table in its specification."""

import itertools
import math

import pytest

from nfield.encodings.budget import Budget

IMAGES = [
    # longer edge, reference, own grid, kernels, total, trainable
    (256, 142_755, 33_280, 2_776, 142_751, 128_871),
    (768, 864_499, 295_424, 15_197, 864_472, 788_487),
    (2040, 4_905_747, 2_081_312, 76_153, 4_905_732, 4_524_967),
    (6114, 37_144_563, 18_691_024, 498_561, 37_144_540, 34_651_735),
    (8000, 61_435_779, 32_000_512, 795_365, 61_435_776, 57_458_951),
]
DISTANCES = [
    (15, 950_417, 472_040, 23_600, 950_409, 856_009),
    (14, 497_617, 245_640, 12_280, 497_609, 448_489),
    (16, 1_802_385, 898_024, 44_899, 1_802_373, 1_622_777),
    (13, 260_289, 126_976, 6_347, 260_285, 234_897),
]


def grid(levels: int, features: int, finest: int, *, dims: int, log2_table: int) -> int:
    """Numbers of a hash grid as the release counts them, in double precision."""
    growth = 2.0 ** (math.log2(finest / 16) / (levels - 1))
    resolutions = [math.ceil(16 * growth**level - 1.0) + 1 for level in range(levels)]
    return features * sum(min(2**log2_table, (r**dims + 7) // 8 * 8) for r in resolutions)


def network(*widths: int) -> int:
    return sum((a + 1) * b for a, b in itertools.pairwise(widths))


@pytest.mark.parametrize(("edge", "reference", "own", "kernels", "total", "trainable"), IMAGES)
def test_counts_of_pictures(edge: int, reference: int, own: int, kernels: int, total: int, trainable: int):
    assert grid(16, 2, edge // 2, dims=2, log2_table=24) + network(32, 64, 64, 3) == reference
    budget = Budget(reference, own + network(36, 64, 64, 3) + 36, trained=32, frozen=2 + 3)
    assert budget.kernels == kernels
    assert budget.total(kernels) == total
    assert budget.trainable(kernels) == trainable


@pytest.mark.parametrize(("log2_table", "reference", "own", "kernels", "total", "trainable"), DISTANCES)
def test_counts_of_distance_fields(log2_table: int, reference: int, own: int, kernels: int, total: int, trainable: int):
    budget = Budget(reference, own + network(32, 64, 64, 1) + 32, trained=16, frozen=3 + 1)
    assert budget.kernels == kernels
    assert budget.total(kernels) == total
    assert budget.trainable(kernels) == trainable


def test_a_reference_that_is_too_small_affords_nothing():
    assert Budget(100, 200, 32, 5).kernels == 0
