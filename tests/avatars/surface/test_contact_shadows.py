from dataclasses import replace

import pytest
import torch

from avatars.surface.contact_shadows import with_contact_shadows
from avatars.surface.limbs import LIMBS, NAMES
from avatars.surface.texels import Texels

_PITCH = 0.002
_WIDE, _HIGH = 150, 100
_CLOTH = torch.tensor([0.4, 0.5, 0.7])


def _texels(*, gap: float = 0.0, limb: str = "torso") -> tuple[Texels, torch.Tensor]:
    """A trunk of 30 x 20 cm that faces the camera, and right of it, beyond a gap, an arm; and each one's column."""
    rows, columns = torch.meshgrid(torch.arange(_HIGH), torch.arange(_WIDE), indexing="ij")
    trunk = torch.stack([columns, rows], -1).reshape(-1, 2) * _PITCH
    arm = trunk[trunk[:, 0] < 0.08] + torch.tensor([_WIDE * _PITCH + gap, 0.0])
    place = torch.cat([trunk, arm])
    member = torch.zeros(len(place), len(LIMBS))
    member[: len(trunk), NAMES.index(limb)], member[len(trunk) :, NAMES.index("left arm")] = 1.0, 1.0
    flags = torch.zeros(len(place), dtype=torch.bool)
    texels = Texels(
        rest=torch.zeros(len(place), 3),
        member=member,
        color=_CLOTH.repeat(len(place), 1),
        confidence=torch.ones(len(place)),
        place=place,
        facing=~flags,
        face=flags,
        scalp=flags,
        beside_hand=flags,
        lining=flags,
        shaded=flags,
    )
    column = torch.where(member[:, NAMES.index(limb)] > 0.0, (place[:, 0] / _PITCH).round(), -1.0)
    return texels, column


def _darkened(texels: Texels, where: torch.Tensor, factor: float = 0.3) -> Texels:
    return replace(texels, color=torch.where(where[:, None], factor * texels.color, texels.color))


def _shaded(texels: Texels) -> torch.Tensor:
    return with_contact_shadows(texels).shaded


@pytest.mark.parametrize("limb", ["torso", "left leg"])
def test_a_dark_border_beside_an_arm_is_a_shadow_and_nothing_else(limb: str):
    texels, column = _texels(limb=limb)
    dark = column >= _WIDE - 6
    found = _shaded(_darkened(texels, dark))
    assert found[dark].all()
    assert not found[column < _WIDE - 9].any()
    assert not found[column < 0].any()


def test_of_an_evenly_coloured_trunk_nothing_is_shaded():
    assert not _shaded(_texels()[0]).any()


def test_a_stripe_down_a_border_without_an_arm_stays():
    texels, column = _texels()
    assert not _shaded(_darkened(texels, (column >= 0) & (column < 6))).any()


def test_an_arm_that_is_held_away_casts_no_shadow():
    texels, column = _texels(gap=0.1)
    assert not _shaded(_darkened(texels, column >= _WIDE - 6)).any()


def test_light_that_falls_off_softly_stays():
    texels, column = _texels()
    assert not _shaded(_darkened(texels, column >= _WIDE - 6, 0.85)).any()


def test_a_short_dark_spot_at_the_border_is_a_pattern():
    texels, column = _texels()
    row = texels.place[:, 1] / _PITCH
    assert not _shaded(_darkened(texels, (column >= _WIDE - 6) & (row > 40) & (row < 46))).any()


def test_colours_and_confidence_stay():
    texels, column = _texels()
    texels = _darkened(texels, column >= _WIDE - 6)
    found = with_contact_shadows(texels)
    assert torch.equal(found.color, texels.color)
    assert torch.equal(found.confidence, texels.confidence)
    assert not texels.shaded.any()  # What was given is not changed.


def test_without_an_arm_the_texels_are_returned():
    texels, _ = _texels()
    armless = replace(texels, facing=torch.zeros_like(texels.facing))
    assert with_contact_shadows(armless) is armless
