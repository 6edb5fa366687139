import math

import pytest
import torch

from nfield.errors import OptionError
from nfield.fields.placement import Placement, Region

FIRST = Placement.about((1.0, -2.0, 0.5), axis=(1.0, 2.0, -1.0), angle=0.7, scale=1.5, shift=(0.1, 0.2, 0.3))
SECOND = Placement.about((0.0, 1.0, 0.0), axis=(0.0, 1.0, 0.0), angle=-2.0, scale=0.4, shift=(3.0, 0.0, -1.0))


def points(generator: torch.Generator) -> torch.Tensor:
    return torch.randn(50, 3, generator=generator, dtype=torch.float64)


def test_back_undoes_a_placement(generator: torch.Generator):
    given = points(generator)
    assert torch.allclose(FIRST.back(FIRST.of(given)), given)


def test_after_is_one_and_then_the_other(generator: torch.Generator):
    given = points(generator)
    assert torch.allclose(SECOND.after(FIRST).of(given), SECOND.of(FIRST.of(given)))


def test_lengths_are_scaled_and_the_centre_is_shifted_alone(generator: torch.Generator):
    given = points(generator)
    placed = FIRST.of(given)
    assert torch.allclose(torch.pdist(placed), 1.5 * torch.pdist(given))
    center = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    assert torch.allclose(FIRST.of(center) - center, torch.tensor([[0.1, 0.2, 0.3]], dtype=torch.float64))


def test_directions_are_turned_back_as_differences_of_points_are(generator: torch.Generator):
    start = points(generator)
    along = torch.nn.functional.normalize(points(generator), dim=-1)
    moved = FIRST.of(start + along) - FIRST.of(start)
    assert torch.allclose(FIRST.turned_back(moved / 1.5), along)


@pytest.mark.parametrize(
    "options",
    [
        {"scale": 0.0},
        {"scale": math.nan},
        {"shift": (0.0, math.inf, 0.0)},
        {"turn": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0))},
        {"turn": ((2.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))},
    ],
)
def test_what_is_no_similarity_is_refused(options: dict):
    with pytest.raises(OptionError, match="expected"):
        Placement(**options)


def test_an_axis_of_no_direction_is_refused():
    with pytest.raises(OptionError, match="not zero"):
        Placement.about((0.0, 0.0, 0.0), axis=(0.0, 0.0, 0.0), angle=1.0, scale=1.0, shift=(0.0, 0.0, 0.0))


def test_a_region_holds_its_lower_faces_and_not_its_upper_ones():
    region = Region((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    corners = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.5, 0.5], [0.5, 0.5, 0.999], [0.5, -1e-6, 0.5]])
    assert region.holds(corners).tolist() == [True, False, True, False]


def test_a_region_seen_from_a_placement_holds_what_is_placed_in_it(generator: torch.Generator):
    region = Region((0.0, -4.0, -4.0), (9.0, 9.0, 9.0))
    given = 2.0 * points(generator)
    held = region.seen_from(FIRST).seen_from(SECOND).holds(given)
    assert 0 < held.sum() < len(held)
    assert torch.equal(held, region.holds(FIRST.of(SECOND.of(given))))


def test_an_empty_region_is_refused():
    with pytest.raises(OptionError, match="smallest corner first"):
        Region((0.0, 0.0, 0.0), (1.0, 0.0, 1.0))
