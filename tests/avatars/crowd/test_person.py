"""Who is drawn: the same each time, other people in each half, one set of colours on several builds."""

import numpy as np
import pytest

from avatars.body import BodyModel
from avatars.crowd.garments import CLOTHS
from avatars.crowd.hair import HELD_OUT, STYLES
from avatars.crowd.person import Split, drawn_build, drawn_dye
from avatars.people.finish import Eyes

MANY = range(60)


def pairs(split: Split) -> set[tuple[str, str]]:
    worn = [dict(drawn_build(split, number).worn) for number in MANY]
    return {(kinds["top"].name, kinds["bottom"].name) for kinds in worn}


def test_a_number_always_gives_the_same_person():
    first, second = (drawn_build(Split.TRAINING, 7) for _ in range(2))
    assert first.shape == second.shape
    assert first.cuts == second.cuts
    assert drawn_dye(Split.TRAINING, first, 3) == drawn_dye(Split.TRAINING, second, 3)


def test_the_halves_share_no_outfit_and_no_hair_style():
    assert not pairs(Split.TRAINING) & pairs(Split.HELD_OUT)
    styles = [{STYLES.index(drawn_build(split, number).hair) for number in MANY} for split in Split]
    assert not styles[0] & styles[1]
    assert styles[1] <= HELD_OUT


def test_every_held_out_hair_style_has_a_sibling_of_the_same_word():
    seen = {STYLES[place].words for place in range(len(STYLES)) if place not in HELD_OUT}
    assert all(STYLES[place].words in seen for place in HELD_OUT)
    assert len(STYLES) >= 20


def test_a_dye_keeps_its_colours_on_another_build():
    builds = [drawn_build(Split.TRAINING, number) for number in (2, 3)]
    facts = [drawn_dye(Split.TRAINING, build, 5).facts for build in builds]
    for name in ("top color", "bottom color", "shoes color", "skin"):
        assert facts[0][name] == facts[1][name]
    assert drawn_dye(Split.TRAINING, builds[0], 6).facts != facts[0]


@pytest.mark.parametrize("number", [0, 3, 11])
def test_a_dye_has_a_paint_for_each_surface_of_the_sewn_figure(model: BodyModel, number: int):
    build = drawn_build(Split.TRAINING, number)
    figure, dye = build.sewn(model), drawn_dye(Split.TRAINING, build, number)
    assert [surface.label for surface in dye.surfaces] == [surface.label for surface in figure.surfaces]
    assert set(np.unique(figure.material)) <= set(range(len(dye.surfaces)))


@pytest.mark.parametrize("name", CLOTHS)
def test_cloth_shows_its_second_colour_only_where_it_says_so(name: str):
    points = np.random.default_rng(0).uniform([-0.15, -0.2, 0.05], [0.15, 0.2, 0.1], (4000, 3))
    eyes, marks = Eyes(np.zeros((2, 3)), 0.01), np.zeros((len(points), 6))
    others = ((0.0, 0.0, 0.0), (0.9, 0.0, 0.0))
    painted = [CLOTHS[name].paint((0.5, 0.5, 0.5), other, 4).finish(points, marks, eyes) for other in others]
    assert (np.abs(painted[0].albedo - painted[1].albedo).max() > 0.1) == CLOTHS[name].two
