"""Moves of Gaussians: what does nothing becomes a copy, and the image stays about as it was."""

import math

import pytest
import torch

from nfield.cameras import Cameras
from nfield.kernels.gaussians import Splats, splat
from nfield.splats.relocation import Relocation, shared


def balls(opacities: list[float], *, scale: float = 0.15) -> Splats:
    count = len(opacities)
    places = torch.tensor([[0.4 * index, 0.0, 3.0] for index in range(count)])
    turned = torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(count, 1)
    harmonics = torch.ones(count, 1, 3) * torch.arange(count)[:, None, None]
    return Splats(places, turned, torch.full((count, 3), math.log(scale)), torch.tensor(opacities).logit(), harmonics)


@pytest.mark.parametrize("copies", [1, 2, 3, 6])
def test_copies_together_are_as_opaque_as_the_one_they_are_of(copies: int):
    each, _ = shared(torch.tensor([0.8]), torch.tensor([copies]))
    assert 1.0 - (1.0 - float(each)) ** copies == pytest.approx(0.8, abs=1e-5)


@pytest.mark.parametrize("copies", [1, 2, 3, 6])
@pytest.mark.parametrize("opacity", [0.1, 0.6, 0.95])
def test_copies_stop_as_much_light_along_a_line_as_the_one_they_are_of(copies: int, opacity: float):
    each, shrink = shared(torch.tensor([opacity]), torch.tensor([copies]))
    x = torch.linspace(-12.0, 12.0, 20001, dtype=torch.float64)
    one = opacity * torch.exp(-0.5 * x.square())
    together = 1.0 - (1.0 - float(each) * torch.exp(-0.5 * (x / float(shrink)).square())) ** copies
    assert float(together.sum()) == pytest.approx(float(one.sum()), rel=1e-4)


def test_the_dead_become_copies_of_the_living(generator: torch.Generator):
    splats = balls([0.9, 0.001, 0.5, 0.002])
    dead = splats.opacity_logits.sigmoid() < 0.01
    move = Relocation.draw(dead, torch.tensor([1.0, 9.0, 0.0, 9.0]), generator=generator)
    assert move.dead.tolist() == [1, 3]
    assert move.source.tolist() == [0, 0]  # of the living, the other one has no weight
    moved = move.applied(splats)
    for part in moved.parts:
        assert torch.equal(part[1], part[0])
        assert torch.equal(part[3], part[0])
    assert moved.opacity_logits.sigmoid()[0].item() == pytest.approx(1.0 - 0.1 ** (1.0 / 3.0), abs=1e-5)
    assert torch.equal(moved.means[2], splats.means[2])


def test_the_image_stays_about_as_it_was(generator: torch.Generator):
    splats, cameras = balls([0.8, 0.0005, 0.0005]), Cameras.pinhole(60.0, (48, 48))
    move = Relocation.draw(splats.opacity_logits < -4.0, torch.ones(3), generator=generator)
    before, after = (splat(each, cameras, 0).alpha for each in (splats, move.applied(splats)))
    assert float((before - after).abs().max()) < 0.08
    assert float(after.sum()) == pytest.approx(float(before.sum()), rel=0.15)


@pytest.mark.parametrize("dead", [[False, False], [True, True]])
def test_nothing_moves_where_nobody_is_dead_or_nobody_lives(dead: list[bool], generator: torch.Generator):
    splats = balls([0.5, 0.5])
    move = Relocation.draw(torch.tensor(dead), torch.ones(2), generator=generator)
    assert len(move.dead) == 0
    for found, expected in zip(move.applied(splats).parts, splats.parts, strict=True):
        torch.testing.assert_close(found, expected)
