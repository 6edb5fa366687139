import numpy as np
import pytest
from scipy import ndimage

from avatars.surface.hair import combed, hair_and_skin, hairless, nape, no_hair
from avatars.surface.rings import Rings

_ROWS, _COLUMNS, _CHIN = 120, 160, 25
_HAIR, _SKIN = np.array([0.12, 0.08, 0.05]), np.array([0.85, 0.62, 0.52])
_FACE = np.zeros((_ROWS, _COLUMNS), bool)
_FACE[_CHIN:80, 60:100] = True
_FOREHEAD = np.zeros((_ROWS, _COLUMNS), bool)
_FOREHEAD[80:90, 55:105] = True


def _head(hair: np.ndarray) -> Rings:
    """Neck and face are skin, a high forehead too, which no label names; above and beside is hair."""
    color = np.broadcast_to(hair, (_ROWS, _COLUMNS, 3)).copy()
    color[_FACE | _FOREHEAD] = _SKIN
    color[:_CHIN] = _SKIN
    facing = np.zeros((_ROWS, _COLUMNS), bool)
    facing[:, 40:120] = True
    return Rings(color, facing.astype(np.float64), facing)


def _texels(rings: Rings) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Every cell as a texel: colours, and which are scalp, face and seen."""
    scalp = np.zeros((_ROWS, _COLUMNS), bool)
    scalp[95:] = True
    return rings.color.reshape(-1, 3), (scalp.ravel(), _FACE.ravel(), rings.facing.ravel())


def _excluded(hair: np.ndarray) -> np.ndarray:
    rings = _head(hair)
    color, regions = _texels(rings)
    return hairless(rings, _FACE, hair_and_skin(color, regions), below=_CHIN)


def test_the_back_of_the_head_copies_no_face_and_no_forehead():
    excluded = _excluded(_HAIR)
    assert excluded[_FACE].all()
    assert excluded[_FOREHEAD].all()


def test_hair_may_be_copied_and_so_may_the_neck():
    excluded = _excluded(_HAIR)
    hair = ~_FACE & ~_FOREHEAD & (np.arange(_ROWS) >= _CHIN)[:, None]
    assert not excluded[hair].any()
    assert not excluded[:_CHIN].any()


def test_shading_of_the_hair_is_still_hair():
    rings = _head(_HAIR)
    lit = Rings(
        np.where((rings.color == _HAIR).all(-1)[..., None], 2.0 * _HAIR, rings.color), rings.confidence, rings.facing
    )
    color, regions = _texels(rings)
    assert not hairless(lit, _FACE, hair_and_skin(color, regions), below=_CHIN)[95:].any()


def test_light_hair_in_strong_light_is_no_skin():
    """Blond hair, half of it in the shade: what is lit is nearer to skin than to the hair's usual colour."""
    shade, light = np.array([0.30, 0.22, 0.13]), np.array([0.80, 0.64, 0.46])
    rings = _head(shade)
    hair = (rings.color == shade).all(-1) & (np.arange(_COLUMNS) < 72)
    rings.color[hair] = light
    excluded = hairless(rings, _FACE, hair_and_skin(*_texels(rings)), below=_CHIN)
    assert not excluded[95:].any()
    assert excluded[_FOREHEAD].all()


def test_hanging_hair_copies_neither_skin_nor_clothes():
    rings = _head(_HAIR)
    tones = hair_and_skin(*_texels(rings))
    assert tones is not None
    rings.color[:40, 40:60] = (0.9, 0.85, 0.1)
    found = no_hair(rings, tones)
    assert found[:40, 40:60].all()
    assert found[_FACE].all()
    assert not found[95:].any()


def test_a_bald_head_leaves_out_the_face_alone():
    """Its scalp is skin, which the back of the head is to show."""
    excluded = _excluded(_SKIN + 0.02)
    np.testing.assert_array_equal(excluded, _FACE & (np.arange(_ROWS) >= _CHIN)[:, None])


def test_a_head_of_which_too_little_is_seen_leaves_out_the_face_alone():
    rings = _head(_HAIR)
    color, (scalp, face, _) = _texels(rings)
    few = np.zeros(_ROWS * _COLUMNS, bool)
    few[:100] = True
    np.testing.assert_array_equal(hairless(rings, _FACE, hair_and_skin(color, (scalp, face, few)), below=_CHIN), _FACE)


@pytest.mark.parametrize("lowest", [25, 12, 0])
def test_hair_beside_the_neck_says_how_far_it_hangs_down_behind(lowest: int):
    rings = _head(_HAIR)
    rings.color[lowest:_CHIN, 40:50] = _HAIR
    assert nape(rings, _FACE, hair_and_skin(*_texels(_head(_HAIR))), chin=_CHIN) == lowest


def test_a_shadow_below_the_chin_is_no_hair():
    rings = _head(_HAIR)
    rings.color[10:_CHIN, 70:90] = _HAIR
    assert nape(rings, _FACE, hair_and_skin(*_texels(_head(_HAIR))), chin=_CHIN) == _CHIN


def test_a_collar_of_another_colour_is_no_hair():
    rings = _head(_HAIR)
    rings.color[10:_CHIN, 40:50] = (0.1, 0.1, 0.7)
    assert nape(rings, _FACE, hair_and_skin(*_texels(_head(_HAIR))), chin=_CHIN) == _CHIN


def _fringe(width: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strands of many browns, the darker the lower, seen in a fringe; all else is magenta."""
    random = np.random.default_rng(0)
    strands = 0.2 + 0.1 * random.random((1, 160, 1))
    hair = strands * np.linspace(0.5, 1.5, 40)[:, None, None] * np.array([1.0, 0.7, 0.5])
    source = np.zeros((40, 160), bool)
    source[20:30, 50 : 50 + width] = True
    return np.where(source[..., None], hair, (1.0, 0.0, 1.0)), np.ones(40, bool), source


def test_strands_run_straight_down_the_back_of_the_head():
    color, known, source = _fringe()
    known[3:9] = False
    result, filled = combed(color, known, (color, source), lowest=5)
    back = result[5:20, 120:]
    strands = back - back.mean(1, keepdims=True)
    np.testing.assert_allclose(strands, np.broadcast_to(strands[:1], strands.shape), atol=1e-9)
    assert 0.5 < back[0].std(0).mean() / color[20][source[20]].std(0).mean() < 2.0
    np.testing.assert_allclose(result[22:28, 120:].mean(1), np.median(color[22:28, 50:110], 1), rtol=0.15)
    assert filled.tolist() == [True] * 3 + [False] * 2 + [True] * 35


def test_what_is_seen_of_the_hair_and_what_lies_below_it_stays():
    color, known, source = _fringe()
    result, _ = combed(color, known, (color, source), lowest=5)
    inner = ndimage.binary_erosion(source, iterations=3)  # Beside the border it passes into what is combed.
    np.testing.assert_allclose(result[inner], color[inner])
    np.testing.assert_array_equal(result[:5], color[:5])


def test_a_few_cells_of_hair_tell_nothing():
    color, known, source = _fringe(width=12)
    result, filled = combed(color, known, (color, source), lowest=5)
    np.testing.assert_array_equal(result, color)
    np.testing.assert_array_equal(filled, known)


def test_what_was_given_is_not_changed():
    color, known, source = _fringe()
    known[:] = False
    known[20:30] = True
    before = color.copy(), known.copy()
    combed(color, known, (color, source), lowest=2)
    np.testing.assert_array_equal(color, before[0])
    np.testing.assert_array_equal(known, before[1])
