"""Heads whose other half, cheeks and back are known: skin in front, hair behind."""

import numpy as np
import pytest

from avatars.surface.hair import Tones, hair_and_skin
from avatars.surface.head import cheeks, complete_head, with_face
from avatars.surface.rings import RingConfig, Rings

_ROWS, _COLUMNS, _CHIN, _TOP = 130, 360, 40, 110
_HAIR, _SKIN, _LIPS = np.array([0.12, 0.08, 0.05]), np.array([0.85, 0.62, 0.52]), np.array([0.7, 0.2, 0.2])
_MIDDLE = _COLUMNS // 2
_FACE = np.zeros((_ROWS, _COLUMNS), bool)
_FACE[_CHIN:_TOP, _MIDDLE - 50 : _MIDDLE + 50] = True
_CONFIG = RingConfig()


def _head(*, ears: bool, seen: tuple[int, int] = (-85, 85)) -> Rings:
    """Skin on face, neck and, where ears are free, beside the face; lips on its left half, a mole on its right.

    Args:
        ears: Whether skin goes on from the face to the ears.
        seen: From which to which column, counted from the middle, the photo shows it.
    """
    color = np.broadcast_to(_HAIR, (_ROWS, _COLUMNS, 3)).copy()
    color[:_CHIN] = _SKIN
    color[_FACE] = _SKIN
    if ears:
        color[_CHIN:90, _MIDDLE - 100 : _MIDDLE + 100] = _SKIN
    color[50:55, _MIDDLE - 15 : _MIDDLE + 15] = _LIPS
    facing = np.zeros((_ROWS, _COLUMNS), bool)
    facing[:, _MIDDLE + seen[0] : _MIDDLE + seen[1]] = True
    return Rings(np.where(facing[..., None], color, 0.0), facing.astype(np.float64), facing)


def _tones() -> Tones:
    colors = np.concatenate([np.tile(_HAIR, (300, 1)), np.tile(_SKIN, (300, 1))])
    scalp = np.arange(600) < 300
    found = hair_and_skin(colors, (scalp, ~scalp, np.ones(600, bool)))
    assert found is not None
    return found


def _completed(rings: Rings) -> np.ndarray:
    color, known = complete_head(rings, rings.confidence > 0.5, _FACE, _tones(), _CONFIG, chin=_CHIN)
    assert known.all()
    return color


def _near(color: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return np.linalg.norm(color - wanted, axis=-1) < 0.1


def test_cheeks_reach_the_ears_where_skin_is_seen_beside_the_face():
    whole = cheeks(_head(ears=True), _FACE, _tones(), chin=_CHIN)
    assert whole[_FACE].all()
    assert whole[60, _MIDDLE - 95 : _MIDDLE + 95].all()
    assert not whole[:, : _MIDDLE - 101].any()
    assert not whole[:, _MIDDLE + 101 :].any()
    assert not whole[_TOP:].any()
    assert not whole[:_CHIN].any()


def test_hair_beside_the_face_is_no_cheek():
    np.testing.assert_array_equal(cheeks(_head(ears=False), _FACE, _tones(), chin=_CHIN), _FACE)


@pytest.mark.parametrize("ears", [True, False])
def test_a_side_that_is_not_seen_is_like_the_other(ears: bool):
    whole = cheeks(_head(ears=ears, seen=(-85, 30)), _FACE, _tones(), chin=_CHIN)
    beside = whole[60, _MIDDLE + 55 : _MIDDLE + 95]
    assert beside.all() if ears else not beside.any()


def test_hair_over_one_ear_leaves_the_other_free():
    rings = _head(ears=True)
    rings.color[:, _MIDDLE + 50 : _MIDDLE + 85] = _HAIR
    whole = cheeks(rings, _FACE, _tones(), chin=_CHIN)
    assert whole[60, _MIDDLE - 95 : _MIDDLE - 55].all()
    assert not whole[60, _MIDDLE + 51 :].any()


def test_without_tones_there_is_only_the_face():
    np.testing.assert_array_equal(cheeks(_head(ears=True), _FACE, None, chin=_CHIN), _FACE)


def test_a_hidden_half_of_the_face_is_the_mirror_image_of_the_other():
    color = _completed(_head(ears=True, seen=(-85, 4)))
    face = color[_CHIN:_TOP, _MIDDLE - 45 : _MIDDLE + 45]
    np.testing.assert_allclose(face, face[:, ::-1], atol=0.02)
    assert _near(color[52, _MIDDLE + 5 : _MIDDLE + 14], _LIPS).all()
    assert _near(color[70, _MIDDLE + 5 : _MIDDLE + 90], _SKIN).all()


def test_the_back_is_hair_down_to_the_chin_and_skin_below():
    color = _completed(_head(ears=True))
    back = np.r_[0:60, _COLUMNS - 60 : _COLUMNS]
    assert _near(color[_CHIN + 2 :, back], _HAIR).mean() > 0.97
    assert _near(color[: _CHIN - 2, back], _SKIN).mean() > 0.97


def test_what_is_seen_of_the_face_stays():
    rings = _head(ears=True)
    color = _completed(rings)
    seen = _FACE & (rings.confidence > 0.5)
    np.testing.assert_allclose(color[seen], rings.color[seen], atol=1e-9)


def test_rings_without_any_face_are_left_alone():
    rings = _head(ears=True, seen=(100, 170))
    base = np.full((_ROWS, _COLUMNS, 3), 0.3)
    np.testing.assert_array_equal(with_face(base, np.ones(_ROWS, bool), rings, _FACE, rings.confidence > 0.5), base)


def test_hair_that_hangs_over_a_cheek_is_not_copied_over_the_other():
    rings = _head(ears=True, seen=(-85, 30))
    rings.color[_CHIN:90, _MIDDLE - 60 : _MIDDLE - 55] = _HAIR
    color = _completed(rings)
    assert not _near(color[_CHIN + 2 : 78, _MIDDLE + 32 : _MIDDLE + 95], _HAIR).any()


@pytest.mark.parametrize("hair", [False, True])
def test_where_only_the_face_is_seen_its_border_tells_what_is_beside_it(hair: bool):
    rings = _head(ears=True, seen=(-45, 45))
    if hair:
        rings.color[:, _MIDDLE - 45 : _MIDDLE - 33] = rings.color[:, _MIDDLE + 33 : _MIDDLE + 45] = _HAIR
    whole = cheeks(rings, _FACE, _tones(), chin=_CHIN)
    assert whole[60, _MIDDLE - 95 : _MIDDLE - 55].any() != hair
    assert whole[60, _MIDDLE + 55 : _MIDDLE + 95].any() != hair


def test_a_cheek_has_no_second_eye():
    """What is near the border of what is seen of the face is not repeated beyond it, and shade there fades."""
    rings = _head(ears=True, seen=(-40, 40))
    eye = np.s_[70:76, _MIDDLE + 22 : _MIDDLE + 30]
    rings.color[eye] = rings.color[70:76, _MIDDLE - 30 : _MIDDLE - 22] = 0.1
    rings.color[:, _MIDDLE + 34 : _MIDDLE + 40] *= 0.8
    color = _completed(rings)
    assert _near(color[_CHIN + 2 : 78, _MIDDLE + 60 : _MIDDLE + 95], _SKIN).all()
    assert _near(color[_CHIN + 2 : 78, _MIDDLE - 95 : _MIDDLE - 42], _SKIN).all()
    np.testing.assert_allclose(color[eye], 0.1, atol=1e-9)


def test_the_mirror_image_of_a_cheek_begins_in_the_light_of_its_side():
    """Light from the left: where the right cheek is hidden, the bright left one shows no seam."""
    rings = _head(ears=True, seen=(-85, 20))
    turn = (np.arange(_COLUMNS) - _MIDDLE) / 100.0
    light = np.clip(1.0 - 0.4 * np.maximum(turn, 0.0) / 0.2, 0.6, 1.0)[None, :, None]
    lit = Rings(rings.color * light, rings.confidence, rings.facing)
    color = _completed(lit)
    seam = color[70:85, _MIDDLE + 15 : _MIDDLE + 25].mean(0)
    assert np.abs(np.diff(seam, axis=0)).max() < 0.1  # 0.33 where the mirror image is taken as it is
    assert _near(color[60:78, _MIDDLE + 85 : _MIDDLE + 95], _SKIN).all()


@pytest.mark.parametrize("cloth", [None, (0.1, 0.2, 0.6)])
def test_the_neck_is_light_behind_unless_it_is_dressed(cloth: tuple[float, float, float] | None):
    rings = _head(ears=True)
    neck = 0.6 * _SKIN if cloth is None else np.array(cloth)
    shown = rings.color.copy()
    shown[:_CHIN] = np.where(rings.facing[:_CHIN, :, None], neck, 0.0)
    color = _completed(Rings(shown, rings.confidence, rings.facing))
    expected = _SKIN if cloth is None else neck
    assert _near(color[5 : _CHIN - 15, :60], expected).all()
    assert _near(color[5 : _CHIN - 15, _MIDDLE - 60 : _MIDDLE + 60], neck).all()
