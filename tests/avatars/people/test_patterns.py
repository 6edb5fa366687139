"""Prints lie on the chest only; stripes go all around; every paint answers for no points, too."""

import numpy as np
import pytest

from avatars.body import BodyModel
from avatars.people.cloth_paint import ClothPaint, Folds, Grain, ShoePaint
from avatars.people.cloths import denim, emblazoned, felt, knitted, lettered, pinstriped, plaid, plain, striped
from avatars.people.figure import eyes_of
from avatars.people.finish import MARKS, Eyes, Paint
from avatars.people.patterns import Bands, Emblem, LegLayout, Lettering, Pattern, Stripes, TorsoLayout, Trim
from avatars.people.skin_paint import EyePaint, HairPaint, SkinPaint

WHITE, BLACK = (0.7, 0.7, 0.7), (0.02, 0.02, 0.02)
EYES = Eyes(np.array([[0.03, 0.455, 0.1], [-0.03, 0.455, 0.1]]), 0.015)
PAINTS = (
    plain(WHITE, 1), striped(WHITE, BLACK, 2), plaid(WHITE, BLACK, BLACK, 3), lettered(WHITE, BLACK, 4),
    emblazoned(WHITE, BLACK, WHITE, 5), denim(WHITE, BLACK, 6), pinstriped(WHITE, BLACK, 7), knitted(WHITE, BLACK, 8),
    felt(WHITE, 9), ShoePaint(WHITE, BLACK, BLACK), SkinPaint(), EyePaint(), HairPaint(),
)  # fmt: skip


def ring(height: float, *, count: int = 360) -> np.ndarray:
    """Points around the trunk, the first in front, counter-clockwise as seen from above."""
    angle = 2 * np.pi * np.arange(count) / count
    return np.stack([0.15 * np.sin(angle), np.full(count, height), 0.01 + 0.11 * np.cos(angle)], 1)


def white(points: np.ndarray) -> np.ndarray:
    return np.tile(WHITE, (len(points), 1))


def changed(pattern: Pattern, points: np.ndarray) -> np.ndarray:
    return np.abs(pattern.over(points, white(points)) - white(points)).max(1) > 0.05


@pytest.mark.parametrize(
    "pattern", [Emblem((0.0, 0.085), 0.06, BLACK), Lettering((0.0, 0.085), 0.006, (6, 5), BLACK, 3)]
)
def test_a_print_is_in_front_only(pattern: Pattern):
    rows = [changed(pattern, ring(height)) for height in np.linspace(0.02, 0.15, 60)]
    front = np.cos(2 * np.pi * np.arange(360) / 360) > 0
    assert np.any(rows)
    assert not np.any([row & ~front for row in rows])


def test_a_print_is_not_on_sleeves_below_the_chest_nor_trousers():
    sleeve = np.stack([np.linspace(0.21, 0.6, 50), np.full(50, 0.1), np.full(50, 0.05)], 1)
    legs = ring(-0.5)
    for pattern in (Emblem((0.0, 0.085), 0.4, BLACK), Lettering((0.0, 0.085), 0.006, (6, 5), BLACK, 3)):
        assert not changed(pattern, sleeve).any()
        assert not changed(pattern, legs).any()


def test_letters_are_chosen_by_the_seed_and_kept_by_it():
    points = np.stack([np.tile(np.linspace(-0.1, 0.1, 80), 40), np.repeat(np.linspace(0.02, 0.15, 40), 80)], 1)
    points = np.concatenate([points, np.full((len(points), 1), 0.1)], 1)
    first, again, other = (changed(Lettering((0.0, 0.085), 0.006, (6, 5), BLACK, s), points) for s in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


def test_stripes_around_the_body_are_level_on_the_trunk():
    stripes = Stripes(0.045, 0.42, BLACK, TorsoLayout())
    for height in np.linspace(-0.2, 0.15, 30):
        color = stripes.over(ring(height), white(ring(height)))
        assert np.ptp(color, axis=0).max() < 1e-9


def test_stripes_cover_their_share():
    line = np.stack([np.zeros(4500), np.linspace(-0.3, 0.15, 4500), np.full(4500, 0.1)], 1)
    color = Stripes(0.045, 0.42, BLACK, TorsoLayout()).over(line, white(line))
    share = (WHITE[0] - color[:, 0]).mean() / (WHITE[0] - BLACK[0])
    assert share == pytest.approx(0.42, abs=0.01)


def test_stripes_along_the_body_are_as_many_as_fit_around_it():
    along = Stripes(0.03, 0.3, BLACK, TorsoLayout(), axis=0)
    color = along.over(ring(0.0, count=7200), white(ring(0.0, count=7200)))[:, 0]
    edges = np.count_nonzero(np.diff(color < 0.4))
    assert edges == pytest.approx(2 * 2 * np.pi * 0.16 / 0.03, abs=3)


def test_stripes_on_sleeves_go_around_the_arm():
    around_arm = np.array([[0.4, 0.226 + 0.05 * np.sin(a), -0.02 + 0.05 * np.cos(a)] for a in np.linspace(0, 6.2, 50)])
    color = Stripes(0.045, 0.42, BLACK, TorsoLayout()).over(around_arm, white(around_arm))
    assert np.ptp(color, axis=0).max() < 1e-9


def test_both_legs_are_laid_out_alike():
    right = np.array([[-0.15, -0.7, 0.03], [-0.05, -0.5, -0.02]])
    left = right * [-1.0, 1.0, 1.0]
    assert np.allclose(LegLayout().coordinates(left), LegLayout().coordinates(right))


def test_bands_lie_at_their_heights_and_not_on_sleeves():
    bands = Bands(((0.04, 0.02),), BLACK)
    assert changed(bands, ring(0.04)).all()
    assert not changed(bands, ring(0.07)).any()
    assert not changed(bands, np.array([[0.3, 0.04, 0.0]])).any()


def test_a_trim_is_beyond_its_reach():
    assert changed(Trim(0.32, BLACK), np.array([[0.33, 0.2, 0.0], [-0.33, 0.2, 0.0]])).all()
    assert not changed(Trim(0.32, BLACK), np.array([[0.31, 0.2, 0.0]])).any()


@pytest.mark.parametrize("paint", PAINTS)
def test_a_paint_gives_colours_that_light_can_answer_for(paint: Paint):
    points = np.random.default_rng(0).uniform([-0.2, -1.1, -0.1], [0.2, 0.5, 0.15], (500, 3))
    marks = np.random.default_rng(1).uniform(size=(500, len(MARKS) + 1))
    finish = paint.finish(points, marks, EYES)
    assert finish.albedo.shape == finish.bump.shape == (500, 3)
    assert (finish.albedo >= 0).all()
    assert (finish.albedo <= 1).all()
    assert np.isfinite(finish.bump).all()
    assert (finish.gloss >= 0).all()


@pytest.mark.parametrize("paint", PAINTS)
def test_a_paint_answers_for_no_points(paint: Paint):
    assert paint.finish(np.zeros((0, 3)), np.zeros((0, len(MARKS) + 1)), EYES).albedo.shape == (0, 3)


def test_a_paint_does_not_depend_on_the_other_points_seen():
    points = np.random.default_rng(2).uniform([-0.2, -1.15, -0.1], [0.2, 0.5, 0.15], (200, 3))
    marks = np.zeros((200, len(MARKS) + 1))
    for paint in PAINTS:
        whole, part = paint.finish(points, marks, EYES), paint.finish(points[50:60], marks[50:60], EYES)
        assert np.allclose(whole.albedo[50:60], part.albedo, atol=1e-6)


def test_grain_and_folds_are_those_of_their_seed():
    points = np.random.default_rng(3).normal(size=(100, 3))
    first, other = (
        ClothPaint(WHITE, grains=(Grain(0.01, 0.1, s),), folds=Folds(0.1, 0.3, s)).finish(
            points, np.zeros((100, 6)), EYES
        )
        for s in (1, 2)
    )
    assert np.abs(first.albedo - other.albedo).max() > 0.01
    assert np.abs(first.bump - other.bump).max() > 0.05
    assert np.abs(first.albedo / WHITE[0] - 1.0).max() <= 0.1 + 1e-6


def test_the_face_is_in_front_only(model: BodyModel):
    eyes = eyes_of(model)
    skin = SkinPaint()
    middle = eyes.centers.mean(0)
    marks = np.zeros((400, len(MARKS) + 1))
    generator = np.random.default_rng(4)
    spread = generator.uniform([-0.06, -0.06, 0.0], [0.06, 0.06, 0.02], (400, 3))
    front, back = middle + spread, middle + spread * [1, 1, -1] - [0.0, 0.0, 0.16]
    tone = np.array(skin.tone)
    assert np.abs(skin.finish(front, marks, eyes).albedo - tone).max() > 0.2
    assert np.abs(skin.finish(back, marks, eyes).albedo / tone - 1.0).max() < 0.12


def test_scalp_near_hair_takes_its_colour(model: BodyModel):
    eyes = eyes_of(model)
    paint = SkinPaint(hair=(0.5, 0.1, 0.02))
    crown = np.tile(eyes.centers.mean(0) + np.array([0.0, 0.1, -0.05]), (2, 1))
    marks = np.zeros((2, len(MARKS) + 1))
    marks[1, -1] = 1.0
    bare, covered = paint.finish(crown, marks, eyes).albedo
    assert np.linalg.norm(covered - paint.hair) < 0.3 * np.linalg.norm(bare - paint.hair)


def test_the_sole_of_a_shoe_is_at_the_ground():
    shoe = ShoePaint(WHITE, BLACK, WHITE, ground=-1.2)
    points = np.array([[0.1, -1.19, 0.0], [0.1, -1.12, 0.0]])
    sole, upper = shoe.finish(points, np.zeros((2, 6)), EYES).albedo
    assert np.allclose(sole, BLACK, atol=0.01)
    assert np.allclose(upper, WHITE, atol=0.01)
