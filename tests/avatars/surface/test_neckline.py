"""Which skin of a trunk stays in front."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from avatars.surface.neckline import bared, skin_tone
from avatars.surface.rings import RingConfig, Rings

_SKIN, _CLOTH = np.array([0.8, 0.6, 0.5]), np.array([0.1, 0.2, 0.6])
_TONE = rgb2lab(_SKIN[None])[0]
_HEIGHT, _WIDTH = 300, 400
_ANGLE = np.abs((np.arange(_WIDTH) + 0.5) / _WIDTH - 0.5) * 2.0  # 0 in the middle of the front, 0.5 at the sides
_ROW = np.arange(_HEIGHT)[:, None]


def _trunk(skin: np.ndarray, cloth: np.ndarray = _CLOTH) -> Rings:
    color = np.where(skin[..., None], _SKIN, cloth)
    facing = np.broadcast_to(_ANGLE < 0.5, (_HEIGHT, _WIDTH))
    return Rings(color, (facing & (_ANGLE < 0.45)).astype(np.float64), facing)


@pytest.mark.parametrize("cloth", [_CLOTH, np.array([0.8, 0.72, 0.66])], ids=["blue", "pale"])
def test_the_skin_of_a_neckline_stays_in_front_up_to_where_it_is_wide(cloth: np.ndarray):
    """A round neck: it begins in the middle, and higher up it shows nothing else."""
    skin = 0.5 * np.sqrt(np.clip((_ROW - 200) / 100.0, 0.0, 1.0)) > _ANGLE
    rings = _trunk(skin, cloth)
    assert np.linalg.norm(rgb2lab(cloth[None]) - _TONE) > 15.0
    found = bared(rings, _TONE, RingConfig())
    assert found[skin & (rings.confidence > 0)].all()
    assert not found[_ROW[:, 0] < 190].any()


@pytest.mark.parametrize("rows", [slice(180, 300), slice(0, 60)], ids=["strapless", "short top"])
def test_skin_that_begins_with_whole_rings_goes_on_behind(rows: slice):
    skin = np.zeros((_HEIGHT, _WIDTH), bool)
    skin[rows] = True
    assert not bared(_trunk(skin), _TONE, RingConfig()).any()


def test_stripes_in_the_colour_of_skin_are_no_neckline():
    skin = np.broadcast_to(_ROW % 16 < 7, (_HEIGHT, _WIDTH))
    assert not bared(_trunk(skin), _TONE, RingConfig()).any()


def test_a_bare_trunk_is_no_neckline():
    skin = np.broadcast_to(_ANGLE < 0.4, (_HEIGHT, _WIDTH))
    assert not bared(_trunk(skin), _TONE, RingConfig()).any()


def test_an_open_shirt_stays_in_front():
    skin = np.broadcast_to(_ANGLE < 0.1, (_HEIGHT, _WIDTH))
    found = bared(_trunk(skin), _TONE, RingConfig())
    assert found[skin].all()
    assert found.mean() < 1.5 * skin.mean()


def test_the_tone_of_skin_is_that_of_the_face_where_enough_of_it_is_seen():
    color = np.concatenate([np.tile(_SKIN, (300, 1)), np.tile(_CLOTH, (300, 1))])
    face, seen = np.arange(600) < 300, np.ones(600, bool)
    np.testing.assert_allclose(skin_tone(color, face, seen), _TONE, atol=1e-6)
    assert skin_tone(color, face, np.arange(600) > 150) is None
