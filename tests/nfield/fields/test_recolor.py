import math

import pytest
import torch

from nfield.errors import OptionError
from nfield.fields.placement import Region
from nfield.fields.recolor import Recolor, luma

GOLD, BLUE, GREY = (1.0, 0.8, 0.1), (0.1, 0.2, 0.9), (0.4, 0.4, 0.4)


def applied(change: Recolor, *colors: tuple[float, float, float]) -> torch.Tensor:
    return change.of(torch.tensor(colors), torch.ones(len(colors)))


def test_no_change_changes_nothing():
    assert torch.allclose(applied(Recolor(), GOLD, BLUE, GREY), torch.tensor([GOLD, BLUE, GREY]), atol=1e-6)


def test_without_saturation_everything_is_grey_of_its_luma():
    grey = applied(Recolor(saturation=0.0), GOLD, BLUE)
    assert torch.allclose(grey, luma(torch.tensor([GOLD, BLUE]))[:, None].expand(2, 3), atol=2e-3)


def test_a_turn_of_the_hue_keeps_luma_and_grey_and_a_full_one_comes_back():
    soft = (0.5, 0.45, 0.35)  # nothing is clipped
    turned = applied(Recolor(hue=2.0), soft, GREY)
    assert torch.allclose(luma(turned), luma(torch.tensor([soft, GREY])), atol=2e-3)
    assert (turned[0] - torch.tensor(soft)).abs().max() > 0.1
    assert torch.allclose(turned[1], torch.tensor(GREY), atol=1e-3)
    assert torch.allclose(applied(Recolor(hue=2.0 * math.pi), soft), torch.tensor([soft]), atol=1e-5)


def test_paint_is_exact_at_the_mean_luma_and_keeps_light_and_shade():
    change = Recolor(paint=BLUE, luma=float(luma(torch.tensor([GOLD]))))
    half = tuple(0.5 * channel for channel in GOLD)
    lit, shaded = applied(change, GOLD, half)
    assert torch.allclose(lit, torch.tensor(BLUE), atol=2e-3)
    assert torch.allclose(shaded, 0.5 * torch.tensor(BLUE), atol=2e-3)


def test_only_one_colour_is_changed_however_brightly_it_is_lit():
    change = Recolor(only=GOLD, paint=BLUE)
    dim = tuple(0.4 * channel for channel in GOLD)
    chosen = change.chosen(torch.tensor([GOLD, dim, GREY, BLUE, (0.0, 0.0, 0.0)]))
    assert chosen.tolist() == pytest.approx([1.0, 1.0, 0.0, 0.0, 0.0], abs=1e-5)


def test_colours_change_where_they_should_alone():
    change = Recolor(saturation=0.0)
    both = change.of(torch.tensor([GOLD, GOLD]), torch.tensor([0.0, 1.0]))
    assert torch.equal(both[0], torch.tensor(GOLD))
    assert float(both[1].max() - both[1].min()) < 5e-3
    inside = Recolor(region=Region((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))).holds(torch.tensor([[0.5] * 3, [2.0] * 3]))
    assert inside.tolist() == [True, False]


def test_gradients_go_through_a_change():
    change = Recolor(paint=BLUE, luma=0.7, hue=0.5, saturation=0.8, brightness=0.9)
    color = torch.tensor([[0.5, 0.45, 0.35]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda c: change.of(c, torch.ones(1, dtype=torch.float64)), color)


@pytest.mark.parametrize("options", [{"tolerance": -1.0}, {"brightness": math.inf}, {"hue": math.nan}, {"luma": 0.0}])
def test_numbers_that_make_no_sense_are_refused(options: dict):
    with pytest.raises(OptionError, match="expected"):
        Recolor(**options)
