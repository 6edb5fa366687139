"""A coat on two legs before a wall: what hangs between them, and what only looks a little like it."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from avatars.perception.hanging_cloth import with_hanging_cloth

WALL, COAT, LEGS = (150.0, 160.0, 170.0), (20.0, 110.0, 115.0), (40.0, 50.0, 90.0)
HEM = 300
"""Row at which the coat ends."""


def figure(side: int = 480) -> tuple[Tensor, Tensor, Tensor]:
    """A photo (1 3 h w), the true outline and the bay between the legs above the hem."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    aside = (columns - side / 2).abs()
    coat = (rows >= 60) & (rows < HEM) & (aside < 60 + 0.1 * rows)
    gap = (rows >= 180) & (aside < 0.2 * (rows - 180))
    legs = (rows >= 170) & (rows < 440) & (aside < 60) & ~gap
    photo = torch.empty(side, side, 3)
    for where, color in ((torch.ones_like(coat), WALL), (coat, COAT), (legs, LEGS)):
        photo[where] = torch.tensor(color)
    return photo.permute(2, 0, 1)[None], coat | legs, gap & (rows < HEM)


def overlap(first: Tensor, second: Tensor) -> float:
    return float((first & second).sum() / (first | second).sum())


@pytest.mark.parametrize("scale", [1, 2])
def test_the_inside_of_a_coat_between_the_legs_is_the_persons(scale: int, generator: torch.Generator):
    photo, person, bay = (
        torch.nn.functional.interpolate(plane.reshape(1, -1, 480, 480).float(), scale_factor=scale)
        for plane in figure()
    )
    photo = photo + 3.0 * torch.randn(photo.shape, generator=generator)
    photo = torch.where(bay > 0, 0.8 * photo, photo)  # It lies in the coat's shadow.
    lost = ((person > 0) & (bay == 0))[0, 0].float()
    found = with_hanging_cloth(lost, photo)
    assert overlap(lost > 0.5, person[0, 0] > 0) < 0.97
    assert overlap(found > 0.5, person[0, 0] > 0) > 0.99
    assert bool((found >= lost).all())


def test_the_wall_between_the_legs_is_not():
    photo, person, bay = figure()
    photo = torch.where(bay, torch.tensor(WALL)[None, :, None, None], photo)
    outline = (person & ~bay).float()
    assert torch.equal(with_hanging_cloth(outline, photo), outline)


def test_another_thing_between_the_legs_is_not():
    photo, person, bay = figure()
    photo = torch.where(bay, torch.tensor([200.0, 60.0, 40.0])[None, :, None, None], photo)
    outline = (person & ~bay).float()
    assert torch.equal(with_hanging_cloth(outline, photo), outline)


def test_a_shadow_as_dark_as_the_coat_that_fades_out_is_not():
    photo, person, bay = figure()
    rows = torch.arange(480.0)[:, None].expand(480, 480)
    fading = ((rows - 220.0) / 200.0).clamp(0.0, 1.0)
    between = torch.from_numpy(np.asarray(ndimage.binary_closing(person.numpy(), iterations=80)))
    shadow = torch.lerp(torch.tensor(COAT)[:, None, None], torch.tensor(WALL)[:, None, None], fading)
    photo = torch.where(between & ~(person & ~bay), shadow[None], photo)
    outline = (person & ~bay).float()
    assert torch.equal(with_hanging_cloth(outline, photo), outline)


@pytest.mark.parametrize("alpha", [torch.zeros(40, 60), torch.ones(40, 60), torch.eye(48, 60)])
def test_outlines_without_bays_stay(alpha: Tensor, generator: torch.Generator):
    photo = 255.0 * torch.rand(1, 3, *alpha.shape, generator=generator)
    assert torch.equal(with_hanging_cloth(alpha, photo), alpha)
