"""What masks hold beyond the body, and how cloth lies around legs, on masks and photos painted by hand."""

from dataclasses import replace

import numpy as np
import pytest

from avatars.body import BodyModel
from avatars.surface.garment.excess import Excess, find_excess, trouser_legs
from avatars.surface.garment.photographed import Photographed
from avatars.surface.garment.pixels import alike, pieces_of, to_nearest, widened
from avatars.surface.garment.regions import LEGS, limb_parts
from avatars.surface.garment.wrapping import Wrapping, wrapping
from nfield.cameras import Cameras
from tests.avatars.surface.garment.wearers import SIZE, photographed

_PIXEL = 0.005
"""Metres."""
_GREEN, _BLUE = (40, 140, 70), (40, 60, 120)


@pytest.fixture(scope="module")
def seen() -> Photographed:
    """The whole bare body with arms and legs a little apart; the mask is the body."""
    model = BodyModel.load()
    wearer = photographed(model, None, "a-pose")
    camera = Cameras.pinhole(3.4 / _PIXEL, SIZE)
    found = Photographed.of(
        model, wearer.body, rest=model.template, camera=camera, photo=wearer.photo, mask=wearer.mask
    )
    return replace(found, mask=found.part > 0)


def _grown(seen: Photographed, parts: tuple[str, ...], pixels: float) -> np.ndarray:
    """What lies beside parts of the body, up to some pixels away and nearer to them than to the rest."""
    _, row, column = to_nearest(seen.part > 0)
    return widened(seen.shows(parts), pixels, 1.0) & (seen.part == 0) & seen.shows(parts)[row, column]


def _found(seen: Photographed, loose: np.ndarray) -> Excess:
    return find_excess(replace(seen, mask=seen.mask | loose))


def test_a_body_that_explains_its_mask_wears_nothing_loose(seen: Photographed):
    excess = find_excess(seen)
    for pixels in (excess.cloth, excess.hair, *excess.sleeves):
        assert not pixels.any()
    assert excess.pixel == pytest.approx(_PIXEL, rel=0.02)


def test_what_stands_off_the_legs_is_cloth_of_its_leg(seen: Photographed):
    loose = _grown(seen, ("left leg",), 20.0)
    excess = _found(seen, loose)
    assert (excess.cloth & loose).sum() > 0.9 * loose.sum()
    assert not (excess.cloth & ~loose).any()
    assert not excess.hair.any()
    left, right = trouser_legs(replace(seen, mask=seen.mask | loose), excess)
    assert left.sum() > 0.95 * excess.cloth.sum()
    assert not (left & right).any()


def test_what_stands_off_an_arm_is_its_sleeve(seen: Photographed):
    excess = _found(seen, _grown(seen, ("right arm",), 14.0))
    assert not excess.cloth.any()
    assert not excess.sleeves[0].any()
    assert excess.sleeves[1].sum() > 300


def test_what_stands_off_the_head_is_hair(seen: Photographed):
    loose = _grown(seen, ("head",), 20.0)
    hat = loose.copy()
    hat[int(np.flatnonzero(seen.shows(("head",)).any(1))[0]) + 12 :] = False
    for pixels in (loose, hat):
        excess = _found(seen, pixels)
        assert (excess.hair & pixels).sum() > 0.9 * pixels.sum() > 200
        assert not excess.cloth.any()


def test_a_thin_rim_and_a_speck_are_nothing(seen: Photographed):
    rim = _grown(seen, (*LEGS, "torso"), 3.0)  # A centimetre.
    speck = np.zeros_like(seen.mask)
    row = int(seen.project(seen.body.joints[4].double().numpy())[0][1])
    speck[row : row + 5, 4:9] = True
    assert not (speck & seen.mask).any()
    excess = _found(seen, rim | speck)
    for pixels in (excess.cloth, excess.hair, *excess.sleeves):
        assert not pixels.any()


def _worn(seen: Photographed, cloth: np.ndarray, *, legs: tuple[int, int, int], between: bool) -> Wrapping:
    """Green cloth around legs of a colour; between them it hangs or the background shows."""
    photo = np.full((*seen.mask.shape, 3), 255, dtype=np.uint8)
    photo[seen.shows(LEGS)] = legs
    photo[cloth] = _GREEN
    left, right = (seen.silhouette(limb_parts(side, "leg")) for side in ("left", "right"))
    first, last = np.maximum.accumulate(left | right, 1), np.maximum.accumulate((left | right)[:, ::-1], 1)[:, ::-1]
    gap = first & last & (seen.part == 0)
    photo[gap] = _GREEN if between else (255, 255, 255)
    mask = seen.mask | cloth | gap if between else (seen.mask | cloth) & ~gap
    nothing = np.zeros_like(mask)
    excess = Excess(cloth, nothing, (nothing, nothing), _PIXEL)
    return wrapping(replace(seen, photo=photo, mask=mask), excess)


@pytest.fixture(scope="module")
def outside(seen: Photographed) -> np.ndarray:
    """Cloth beside the legs, to the outsides."""
    beside = _grown(seen, LEGS, 25.0)
    legs = seen.silhouette(LEGS)
    return beside & ~(np.maximum.accumulate(legs, 1) & np.maximum.accumulate(legs[:, ::-1], 1)[:, ::-1])


def test_legs_in_the_cloths_colour_with_cloth_between_them_wear_a_skirt(seen: Photographed, outside: np.ndarray):
    assert _worn(seen, outside, legs=_GREEN, between=True) is Wrapping.HULL


def test_legs_in_another_colour_come_out_of_an_open_coat(seen: Photographed, outside: np.ndarray):
    assert _worn(seen, outside, legs=_BLUE, between=True) is Wrapping.SHEET
    assert _worn(seen, outside, legs=_BLUE, between=False) is Wrapping.SHEET


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_is_beside_one_leg_alone_in_another_colour_is_carried(seen: Photographed, outside: np.ndarray, side: str):
    leg = seen.silhouette(limb_parts(side, "leg"))
    columns = np.flatnonzero(leg.any(0))
    of_side = np.zeros_like(outside)
    of_side[:, max(0, columns.min() - 30) : columns.max() + 30] = True
    other = seen.silhouette(limb_parts("right" if side == "left" else "left", "leg"))
    bag = outside & of_side & ~widened(other, 30.0, 1.0)
    assert bag.any()
    assert _worn(seen, bag, legs=_BLUE, between=False) is Wrapping.CARRIED
    assert _worn(seen, bag, legs=_GREEN, between=True) is Wrapping.HULL


def test_background_between_legs_in_the_cloths_colour_means_trousers(seen: Photographed, outside: np.ndarray):
    assert _worn(seen, outside, legs=_GREEN, between=False) is Wrapping.LEGS


def test_cloth_far_from_the_legs_goes_around_them(seen: Photographed):
    """Nothing of the legs is near: there is nothing to ask."""
    cloth = np.zeros_like(seen.mask)
    cloth[:40, :40] = True
    assert _worn(seen, cloth, legs=_BLUE, between=False) is Wrapping.HULL


def test_pieces_come_with_the_boxes_that_hold_them():
    pixels = np.zeros((9, 12), dtype=bool)
    pixels[1:4, 2:5], pixels[6, 7:12], pixels[4, 6] = True, True, True
    found = list(pieces_of(pixels))
    assert sorted(int(piece.sum()) for _, piece in found) == [1, 5, 9]
    whole = np.zeros_like(pixels)
    for box, piece in found:
        assert not (whole[box] & piece).any()
        whole[box] |= piece
    assert np.array_equal(whole, pixels)
    assert list(pieces_of(np.zeros((3, 3), dtype=bool))) == []


def test_the_nearest_pixel_is_that_of_a_search():
    pixels = np.random.default_rng(0).random((11, 13)) > 0.9
    distance, row, column = to_nearest(pixels)
    places = np.argwhere(pixels)
    for at in np.ndindex(pixels.shape):
        away = np.hypot(*(places - at).T)
        assert distance[at] == pytest.approx(away.min())
        assert np.hypot(row[at] - at[0], column[at] - at[1]) == pytest.approx(away.min())
        assert pixels[row[at], column[at]]
    assert np.isinf(to_nearest(np.zeros((2, 2), dtype=bool))[0]).all()


def test_a_pixel_widens_to_a_disc_in_metres():
    pixels = np.zeros((41, 41), dtype=bool)
    pixels[20, 20] = True
    row, column = np.indices(pixels.shape) - 20
    assert np.array_equal(widened(pixels, 0.06, 0.005), np.hypot(row, column) <= 12.0)
    assert not widened(np.zeros((4, 4), dtype=bool), 1.0, 0.005).any()


def test_colours_are_alike_within_a_distance_and_without_their_grain():
    """Stripes 30 pixels wide whose colours are 0, 6 and 20 apart from the first one's; grain of 8."""
    tones = np.repeat([100, 106, 120], 30)[None].repeat(30, 0)
    photo = np.stack([tones, np.full_like(tones, 90), np.full_like(tones, 80)], -1)
    grain = np.where(np.indices(tones.shape).sum(0) % 2, 8, -8)[..., None]
    sample = np.zeros(tones.shape, dtype=bool)
    sample[:, :20] = True
    asked = (np.full(3, 15), np.array([5, 45, 75]))
    for picture in (photo, photo + grain):
        found = alike(picture.astype(np.uint8), sample, asked, within=10.0)
        assert found.tolist() == [True, True, False]
    assert alike(photo.astype(np.uint8), sample, asked, within=3.0).tolist() == [True, False, False]
