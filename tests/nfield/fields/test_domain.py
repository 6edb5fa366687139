"""Where fields are: boxes evenly, and with a contracted outside."""

import pytest
import torch

from nfield.fields.base import BuildContext
from nfield.fields.domain import Domain, contracted
from nfield.fields.hashgrid import HashConfig
from nfield.types import Box

CORNER = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.5, 0.5, 0.5]])


def test_ends_and_middle_stay_where_they_are():
    torch.testing.assert_close(contracted(CORNER, 0.25), CORNER)


@pytest.mark.parametrize("subject", [0.5, 0.25, 0.0625])
def test_the_subject_is_mapped_evenly_to_more_than_half_of_the_edges(subject: float, generator: torch.Generator):
    inside = 0.5 + subject * (torch.rand(50, 3, generator=generator) - 0.5)
    expected = 0.5 + (inside - 0.5) / subject / (2.0 - subject)
    torch.testing.assert_close(contracted(inside, subject), expected)


def test_distances_beyond_the_subject_count_by_their_inverse():
    # Twice and four times the subject's half edge, of eight: 2 - 1/2 and 2 - 1/4 of the whole's 2 - 1/8.
    points = torch.tensor([[0.5 + 2.0 / 16.0, 0.5, 0.5], [0.5, 0.5 - 4.0 / 16.0, 0.5]])
    found = 2.0 * contracted(points, 1.0 / 8.0) - 1.0
    assert found[0].tolist() == pytest.approx([1.5 / 1.875, 0.0, 0.0])
    assert found[1].tolist() == pytest.approx([0.0, -1.75 / 1.875, 0.0])


def test_directions_from_the_middle_are_kept(generator: torch.Generator):
    points = torch.rand(100, 3, generator=generator)
    before, after = points - 0.5, contracted(points, 0.25) - 0.5
    aligned = torch.nn.functional.cosine_similarity(before, after)
    torch.testing.assert_close(aligned, torch.ones(100))


def test_gradients_are_the_differences(generator: torch.Generator):
    points = torch.rand(40, 3, generator=generator).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda p: contracted(p, 0.25), points)


def test_presence_is_that_of_the_whole_box():
    box = Box.cube(4.0)
    points = torch.tensor([[3.9, 0.0, 0.0], [4.1, 0.0, 0.0], [0.5, 0.5, 0.5]])
    for subject in (1.0, 0.25):
        unit, presence = Domain(box, subject=subject)(points)
        assert presence.tolist() == [1.0, 0.0, 1.0]
        assert bool((unit[presence > 0.0] <= 1.0).all())


def test_a_field_with_a_subject_sees_more_cells_there():
    context = BuildContext(Box.cube(4.0), torch.Generator().manual_seed(0))
    even, contracting = (HashConfig(levels=2, subject=s).build(context) for s in (1.0, 0.25))
    points = torch.tensor([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0]])
    apart = [float((field.domain(points)[0][1] - field.domain(points)[0][0]).norm()) for field in (even, contracting)]
    assert apart[1] == pytest.approx(apart[0] * 4.0 / 1.75)
