import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from avatars.surface.rings import RingConfig, Rings, complete_rings, unexplained
from avatars.surface.unrolled import CELL, smooth_mask

_ROWS, _COLUMNS = 100, 320
_FRONT = slice(_COLUMNS // 4, 3 * _COLUMNS // 4)
_RED, _BLUE, _WHITE = (0.7, 0.15, 0.12), (0.1, 0.15, 0.6), (0.95, 0.95, 0.95)
_CONFIG = RingConfig()


def _rings(front: np.ndarray) -> Rings:
    """A limb whose front half the photo shows, but for a rim; behind nothing is known."""
    facing = np.zeros((_ROWS, _COLUMNS), bool)
    facing[:, _FRONT] = True
    confidence = np.zeros((_ROWS, _COLUMNS))
    confidence[:, _FRONT.start + 8 : _FRONT.stop - 8] = 1.0
    return Rings(np.where(confidence[..., None] > 0.0, front, 0.0), confidence, facing)


def _cloth(color: tuple[float, float, float]) -> np.ndarray:
    return np.broadcast_to(np.array(color), (_ROWS, _COLUMNS, 3)).copy()


def _completed(rings: Rings, *, symmetric: bool = False) -> tuple[np.ndarray, np.ndarray]:
    source = (rings.confidence > _CONFIG.confidence) & ~unexplained(rings, _CONFIG)
    return complete_rings(rings, source, _CONFIG, symmetric=symmetric)


@pytest.mark.parametrize("symmetric", [True, False])
def test_stripes_stay_straight_all_around(symmetric: bool):
    """Bands of ten rows, with their own colours on every cell of the back."""
    color = np.array([_RED, _BLUE, _WHITE])[(np.arange(_ROWS) // 10) % 3][:, None]
    rings = _rings(np.broadcast_to(color, (_ROWS, _COLUMNS, 3)))
    result, known = _completed(rings, symmetric=symmetric)
    assert known.all()
    np.testing.assert_allclose(result, np.broadcast_to(color, result.shape), atol=1e-9)


def test_a_print_stays_in_front():
    """A blue square on a red shirt is on no cell of the back."""
    front = _cloth(_RED)
    front[40:62, 150:172] = _BLUE
    result, known = _completed(_rings(front))
    assert known.all()
    np.testing.assert_allclose(result, _cloth(_RED), atol=1e-9)


def test_the_whole_print_and_little_else_is_found():
    front = _cloth(_RED)
    front[40:62, 150:172] = _BLUE
    odd = unexplained(_rings(front), _CONFIG)
    assert odd[40:62, 150:172].all()
    rim = round(_CONFIG.print_margin / CELL) + 5
    assert not odd[: 40 - rim].any()
    assert not odd[:, : 150 - rim].any()
    assert not odd[:, 172 + rim :].any()


def test_plain_cloth_has_no_print_and_specks_are_none():
    assert not unexplained(_rings(_cloth(_RED)), _CONFIG).any()
    speck = _cloth(_RED)
    speck[40:45, 158:163] = _BLUE
    assert not unexplained(_rings(speck), _CONFIG).any()


def test_buttons_on_plain_cloth_stay_in_front():
    """Four white discs, a centimetre wide, down the middle of a red shirt."""
    front = _cloth(_RED)
    rows, columns = np.indices((_ROWS, _COLUMNS))
    for row in (15, 40, 65, 90):
        front[np.hypot(rows - row, columns - 160) * CELL < 0.005] = _WHITE
    result, known = _completed(_rings(front))
    assert known.all()
    np.testing.assert_allclose(result, _cloth(_RED), atol=1e-9)


def test_stripes_are_no_prints():
    color = np.array([_RED, _WHITE])[(np.arange(_ROWS) // 12) % 2][:, None]
    assert not unexplained(_rings(np.broadcast_to(color, (_ROWS, _COLUMNS, 3))), _CONFIG).any()


def test_nothing_seen_has_no_print():
    rings = replace(_rings(_cloth(_RED)), confidence=np.zeros((_ROWS, _COLUMNS)))
    assert not unexplained(rings, _CONFIG).any()


def test_a_pattern_all_over_is_no_print_and_goes_on_behind():
    """Blue squares on white, as many at the sides as in the middle."""
    rows, columns = np.indices((_ROWS, _COLUMNS))
    dots = (rows % 12 < 6) & (columns % 12 < 6)
    front = np.where(dots[..., None], _BLUE, _WHITE)
    rings = _rings(front)
    odd = unexplained(rings, _CONFIG)
    assert not odd[:, :150].any()
    assert not odd[:, 170:].any()
    result, _ = _completed(rings)
    back = np.concatenate([result[:, : _FRONT.start - 20], result[:, _FRONT.stop + 20 :]], 1)
    blue = np.linalg.norm(back - np.array(_BLUE), axis=-1) < np.linalg.norm(back - np.array(_WHITE), axis=-1)
    assert 0.15 < blue.mean() < 0.4  # As in front: a quarter.


def test_an_open_jacket_is_closed_behind():
    """A dark jacket whose opening, all the way down, shows a white shirt."""
    front = _cloth(_BLUE)
    front[:, 140:180] = _WHITE
    rings = _rings(front)
    assert unexplained(rings, _CONFIG)[:, 140:180].all()
    result, known = _completed(rings)
    assert known.all()
    back = np.r_[0 : _FRONT.start, _FRONT.stop : _COLUMNS]
    np.testing.assert_allclose(result[:, back], _cloth(_BLUE)[:, back], atol=1e-9)


@pytest.mark.parametrize("half", [30, 40])
def test_a_wide_open_jacket_with_light_on_it_is_closed_behind(half: int):
    """Its shirt is checked; the jacket darkens towards the sides, by more than what tells a pattern."""
    rows, columns = np.indices((_ROWS, _COLUMNS))
    away = np.abs(columns - _COLUMNS / 2) / (_COLUMNS / 4)
    jacket = np.array(_WHITE) * (1.0 - 0.35 * away[..., None] ** 2)
    checks = np.where(((rows // 12 + columns // 12) % 2)[..., None], _RED, (0.75, 0.6, 0.1))
    front = np.where((np.abs(columns - _COLUMNS / 2) < half)[..., None], checks, jacket)
    rings = _rings(front)
    assert unexplained(rings, _CONFIG)[:, 160 - half : 160 + half].mean() > 0.97
    result, known = _completed(rings)
    assert known.all()
    back = np.concatenate([result[:, : _FRONT.start - 10], result[:, _FRONT.stop + 10 :]], 1)
    assert np.ptp(back, axis=-1).max() < 0.08  # No colour but greys.


@pytest.mark.parametrize(("below", "goes_on"), [(_WHITE, True), (_RED, False)])
def test_rings_that_show_only_what_is_in_an_opening_take_the_jackets_colour(
    below: tuple[float, float, float], goes_on: bool
):
    """At its hem arms hide the jacket; trousers in another colour below it are no part of it."""
    front = _cloth(_BLUE)
    front[:, 130:190] = _WHITE
    front[:20] = below
    result, _ = _completed(_rings(front))
    back = result[2:14, np.r_[0 : _FRONT.start - 10, _FRONT.stop + 10 : _COLUMNS]]
    wanted = _BLUE if goes_on else below
    assert (np.linalg.norm(back - np.array(wanted), axis=-1) < 0.1).mean() > 0.9


def test_a_limb_of_which_only_a_side_is_seen_has_no_opening():
    """Nothing is seen of the middle, where an opening would be; warnings would be errors here."""
    rings = _rings(_cloth(_BLUE))
    rings.confidence[:, :185] = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not unexplained(rings, _CONFIG).any()


def test_upright_stripes_are_no_opening():
    columns = np.indices((_ROWS, _COLUMNS))[1]
    front = np.where((columns // 10 % 2)[..., None], _RED, _WHITE)
    odd = unexplained(_rings(front), _CONFIG)
    assert odd.mean() < 0.1


def test_cells_that_may_be_copied_keep_their_colours(generator_numpy: np.random.Generator):
    rings = _rings(generator_numpy.random((_ROWS, _COLUMNS, 3)))
    source = rings.confidence > 0.5
    for symmetric in (True, False):
        result, _ = complete_rings(rings, source, _CONFIG, symmetric=symmetric)
        kept = smooth_mask(source)
        assert kept.mean() > 0.3
        np.testing.assert_allclose(result[kept], rings.color[kept], atol=1e-9)


def test_grain_is_as_strong_behind_as_in_front(generator_numpy: np.random.Generator):
    front = np.array(_RED) + 0.05 * generator_numpy.standard_normal((_ROWS, _COLUMNS, 1))
    result, _ = _completed(_rings(np.clip(front, 0.0, 1.0)))
    back = np.concatenate([result[:, 20 : _FRONT.start - 5], result[:, _FRONT.stop + 5 : -20]], 1)
    assert back[..., 0].std() == pytest.approx(0.05, rel=0.1)
    np.testing.assert_allclose(back.mean((0, 1)), _RED, atol=0.01)


def _back(result: np.ndarray) -> np.ndarray:
    return np.concatenate([result[:, 20 : _FRONT.start - 20], result[:, _FRONT.stop + 20 : -20]], 1)


def test_light_on_folds_stays_in_front(generator_numpy: np.random.Generator):
    """Folds make the cloth a little darker and brighter over six centimetres; behind only its grain goes on."""
    rows, columns = np.indices((_ROWS, _COLUMNS))
    folds = 1.0 + 0.1 * np.sin(columns * CELL * 2.0 * np.pi / 0.06 + rows / 9.0)
    grain = 0.02 * generator_numpy.standard_normal((_ROWS, _COLUMNS, 1))
    rings = _rings(np.array(_RED) * folds[..., None] + grain)
    source = rings.confidence > 0.5
    behind, kept = (
        _back(complete_rings(rings, source, config, symmetric=False)[0])
        for config in (_CONFIG, replace(_CONFIG, folds=(0.0, 1e-3)))
    )
    smooth = [ndimage.gaussian_filter(part[..., 0], 4.0).std() for part in (behind, kept)]
    assert smooth[0] < 0.6 * smooth[1]
    assert behind[..., 1].std() > 0.7 * kept[..., 1].std()  # Almost grain alone.


def test_a_sharp_crease_stays_in_front(generator_numpy: np.random.Generator):
    """A dark line of four millimetres on plain cloth; behind, where it would be seen twice, its grain goes on."""
    grain = 0.02 * generator_numpy.standard_normal((_ROWS, _COLUMNS, 1))
    front = np.array(_RED) + grain
    crease = np.zeros((_ROWS, _COLUMNS), bool)
    crease[40:60, _FRONT.start + 40 : _FRONT.start + 43] = True
    rings = _rings(np.where(crease[..., None], 0.4 * front, front))
    source = rings.confidence > 0.5
    behind, copied = (
        _back(complete_rings(rings, source, config, symmetric=False)[0])
        for config in (_CONFIG, replace(_CONFIG, marks=np.inf))
    )
    usual = np.array(_RED)[0]
    assert (usual - copied[..., 0]).max() > 0.3
    assert (usual - behind[..., 0]).max() < 0.15
    assert behind[:30, :, 0].std() == pytest.approx(0.02, rel=0.15)


@pytest.mark.parametrize("second", [(0.45, 0.5, 0.05), (0.15, 0.02, 0.02)], ids=["other colour", "strong contrast"])
def test_broad_checks_go_on_behind(second: tuple[float, float, float]):
    rows, columns = np.indices((_ROWS, _COLUMNS))
    check = ((rows // 16 + columns // 16) % 2)[..., None]
    rings = _rings(np.where(check, _RED, second))
    result, _ = complete_rings(rings, rings.confidence > 0.5, _CONFIG, symmetric=False)
    np.testing.assert_allclose(_back(result).std((0, 1)), _back(np.where(check, _RED, second)).std((0, 1)), rtol=0.35)


def test_light_from_one_side_is_continued_without_a_step():
    """A shirt that grows brighter from left to right: neighbours around the ring differ little everywhere."""
    shade = np.linspace(0.3, 0.8, _COLUMNS)[None, :, None]
    result, _ = _completed(_rings(np.broadcast_to(shade, (_ROWS, _COLUMNS, 3))))
    around = np.concatenate([result, result[:, :1]], 1)
    assert np.abs(np.diff(around, axis=1)).max() < 0.02
    assert result.min() > 0.25
    assert result.max() < 0.85


def test_a_hidden_part_of_the_front_takes_its_mirror_images_detail():
    """An arm hides the left of the trunk; its pattern is seen on the right."""
    _, columns = np.indices((_ROWS, _COLUMNS))
    pattern = 0.5 + 0.2 * np.sin(np.minimum(columns, _COLUMNS - 1 - columns) * 2.0 * np.pi / 12.0)
    rings = _rings(np.repeat(pattern[..., None], 3, -1))
    source = rings.confidence > 0.5
    source[:, 95:125] = False
    result, _ = complete_rings(rings, source, _CONFIG, symmetric=True)
    hidden = np.abs(result[5:-5, 100:120] - pattern[5:-5, 100:120, None])
    assert hidden.mean() < 0.05
    plain, _ = complete_rings(rings, source, _CONFIG, symmetric=False)
    assert np.abs(plain[5:-5, 100:120] - pattern[5:-5, 100:120, None]).mean() > 2.0 * hidden.mean()


def test_rings_that_nothing_shows_are_continued_up_to_the_reach():
    rings = _rings(_cloth(_RED))
    source = rings.confidence > 0.5
    source[60:] = False
    config = replace(_CONFIG, reach=20 * CELL)
    result, known = complete_rings(rings, source, config, symmetric=True)
    edge = int(np.flatnonzero(smooth_mask(source).any(1)).max())
    assert edge == pytest.approx(59, abs=4)
    assert known[: edge + 21].all()
    assert not known[edge + 21 :].any()
    np.testing.assert_allclose(result[known], _cloth(_RED)[known], atol=1e-9)


def test_a_limb_that_is_not_seen_at_all_has_no_known_ring():
    rings = _rings(_cloth(_RED))
    _, known = complete_rings(rings, np.zeros((_ROWS, _COLUMNS), bool), _CONFIG, symmetric=True)
    assert not known.any()


@pytest.fixture
def generator_numpy() -> np.random.Generator:
    return np.random.default_rng(1)
