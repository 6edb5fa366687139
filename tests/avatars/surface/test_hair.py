import numpy as np
import pytest

from avatars.surface.hair import hair_rings, hairless
from avatars.surface.rings import Rings
from avatars.surface.unrolled import there_and_back

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
    return hairless(rings, _FACE, color, regions, below=_CHIN)


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
    assert not hairless(lit, _FACE, color, regions, below=_CHIN)[95:].any()


def test_a_bald_head_leaves_out_the_face_alone():
    """Its scalp is skin, which the back of the head is to show."""
    excluded = _excluded(_SKIN + 0.02)
    np.testing.assert_array_equal(excluded, _FACE & (np.arange(_ROWS) >= _CHIN)[:, None])


def test_a_head_of_which_too_little_is_seen_leaves_out_the_face_alone():
    rings = _head(_HAIR)
    color, (scalp, face, _) = _texels(rings)
    few = np.zeros(_ROWS * _COLUMNS, bool)
    few[:100] = True
    np.testing.assert_array_equal(hairless(rings, _FACE, color, (scalp, face, few), below=_CHIN), _FACE)


def test_the_nape_continues_the_hair_above_it_there_and_back():
    random = np.random.default_rng(0)
    color, known, source = random.random((30, 6, 3)), np.ones(30, bool), np.zeros((30, 6), bool)
    known[5:9] = False
    source[15:20, 2:5] = True
    result, filled = hair_rings(color, known, source, lowest=5)
    walk = [15, 16, 17, 18, 19, 19, 18, 17, 16, 15]  # Rows downwards from 14: the rings that show hair, mirrored.
    for row, wanted in zip(range(14, 4, -1), walk, strict=True):
        np.testing.assert_array_equal(result[row], color[wanted])
    assert filled.all()
    np.testing.assert_array_equal(result[:5], color[:5])
    np.testing.assert_array_equal(result[15:], color[15:])


def test_only_rings_above_the_nape_that_were_copied_and_are_known_count():
    color, known, source = np.arange(20.0)[:, None, None].repeat(3, -1), np.ones(20, bool), np.zeros((20, 1), bool)
    source[[2, 8, 9, 12]] = True  # Row 2 lies below the nape,
    known[8] = False  # and row 8 is not known.
    result, _ = hair_rings(color, known, source, lowest=4)
    assert result[4:9, 0, 0].tolist() == [
        9.0 if k == 0 else 12.0 for k in there_and_back(np.arange(5, 0, -1), np.full(5, 2))
    ]


@pytest.mark.parametrize("row", [None, 1])
def test_without_hair_above_the_nape_nothing_changes(row: int | None):
    color, known, source = np.random.default_rng(0).random((9, 4, 3)), np.zeros(9, bool), np.zeros((9, 4), bool)
    if row is not None:
        source[row], known[row] = True, True
    result, filled = hair_rings(color, known, source, lowest=3)
    np.testing.assert_array_equal(result, color)
    np.testing.assert_array_equal(filled, known)


def test_what_was_given_is_not_changed():
    color, known, source = np.zeros((9, 2, 3)), np.zeros(9, bool), np.zeros((9, 2), bool)
    color[6:], known[6:], source[6:] = 1.0, True, True
    result, filled = hair_rings(color, known, source, lowest=2)
    assert (color[:6] == 0.0).all()
    assert not known[:6].any()
    assert (result[2:] == 1.0).all()
    assert filled[2:].all()
