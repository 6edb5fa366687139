"""Colours of labels, against published pairs of colours and their differences."""

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb

from avatars.benchmark.metrics import label_differences

NAMES = ("background", "top", "shoes", "hair")


def picture(*labs: tuple[float, float, float]) -> torch.Tensor:
    """Vertical stripes, 20 pixels wide each."""
    columns = np.repeat(np.array(labs, np.float64), 20, axis=0)[None].repeat(20, axis=0)
    return torch.from_numpy(lab2rgb(columns))


def labels(*values: int) -> torch.Tensor:
    return torch.tensor(values).repeat_interleave(20)[None].repeat(20, 1)


# Sharma, Wu and Dalal 2005, table 1, pairs 20 and 23 (both within sRGB).
PAIRS = [
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
]


@pytest.mark.parametrize(("first", "second", "difference"), PAIRS)
def test_differences_are_the_published_ones(first: tuple, second: tuple, difference: float):
    ours, theirs = picture(first, (50, 0, 0)), picture(second, (50, 0, 0))
    full = torch.ones(20, 40)
    found = label_differences(ours, full, theirs, full, labels(1, 2), NAMES)
    assert found["top"] == pytest.approx(difference, abs=1e-3)
    assert found["shoes"] == pytest.approx(0.0, abs=1e-6)


def test_labels_that_hardly_show_and_the_background_are_left_out():
    ours, full = picture((50, 0, 0), (60, 0, 0)), torch.ones(20, 40)
    few = labels(0, 1)
    few[:4, 20:24] = 2
    assert set(label_differences(ours, full, ours, full, few, NAMES)) == {"top"}


def test_only_pixels_that_both_show_count():
    grey, split = picture((50, 0, 0), (50, 0, 0)), picture((50, 0, 0), (90, 0, 0))
    full, left = torch.ones(20, 40), torch.ones(20, 40)
    left[:, 20:] = 0.0
    whole = label_differences(split, full, grey, full, labels(1, 1), NAMES)["top"]
    half = label_differences(split, left, grey, full, labels(1, 1), NAMES)["top"]
    assert half == pytest.approx(0.0, abs=1e-6)
    assert whole > 15.0


def test_patterns_of_equal_means_are_equal():
    """The mean in CIELAB: stripes of L 40 and 60 are the same as plain 50."""
    stripes, plain = picture((40, 0, 0), (60, 0, 0)), picture((50, 0, 0), (50, 0, 0))
    full = torch.ones(20, 40)
    assert label_differences(stripes, full, plain, full, labels(3, 3), NAMES)["hair"] == pytest.approx(0.0, abs=1e-3)
