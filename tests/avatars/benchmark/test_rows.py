"""The rows that colour the bare body, on a body whose colours are known."""

import dataclasses
from pathlib import Path

import pytest
import torch

from avatars.benchmark.methods import Case, Method
from avatars.benchmark.rows import rows
from avatars.benchmark.rows.bare_body import BareBody, MeanColors, parts_in_photo, seen_by
from avatars.benchmark.rows.field import FieldMethod, budget
from avatars.benchmark.rows.projection import Projection, Texels
from avatars.benchmark.tracks import TRACKS
from avatars.benchmark.truth_cache import CachedTruth, Draws
from avatars.benchmark.views import ViewPlan, held_out
from avatars.body import BodyModel
from avatars.body.parts import PART_NAMES
from nfield.cli.fit import FitOptions, fit_config
from nfield.metrics import psnr


@pytest.fixture(scope="session")
def case(drawn: CachedTruth, model: BodyModel) -> Case:
    return TRACKS["A"].case(model, drawn, minutes=None, seed=0)


def test_the_table_opens_with_the_product_and_the_bare_bodies():
    assert list(rows())[:3] == ["today", "mean colours", "projection, mirrored fill"]
    assert all(isinstance(row, Method) for row in rows().values())


def test_the_product_is_a_row(tmp_path: Path):
    options = FitOptions(photo=tmp_path / "photo.png", out=tmp_path)
    row = rows()["texture space, network"]
    assert isinstance(row, FieldMethod)
    assert row.config() == fit_config(options)
    rules = rows()["texture space"]
    assert isinstance(rules, FieldMethod)
    assert rules.config() == fit_config(dataclasses.replace(options, guidance="rules"))


def test_each_ablation_differs_from_the_product():
    product = rows()["texture space"]
    ablations = [row for name, row in rows().items() if name.startswith("texture space - ")]
    assert len(ablations) >= 4
    assert isinstance(product, FieldMethod)
    for row in ablations:
        assert isinstance(row, FieldMethod)
        assert row.config() != product.config()


@pytest.mark.parametrize("method", [MeanColors(), Projection(size=256)], ids=["mean colours", "projection"])
def test_a_body_whose_parts_have_one_colour_is_met_from_everywhere(
    method: Method, case: Case, painted_body: Draws, plan: ViewPlan
):
    fitted = method.fit(case)
    for scene in held_out(painted_body.model, painted_body.pose, plan):
        render = fitted.posed(scene.pose)
        for index in range(len(scene.views)):
            shot, image = painted_body.shot(scene.pose, scene.cameras, index), render(scene.cameras, index)
            core = (image.opacity > 0.999) & (shot.alpha > 0.5)
            assert psnr(image.color, shot.color, mask=core) > 20.0
            assert float((image.opacity - shot.alpha).abs().mean()) < 0.02


def test_a_part_of_two_colours_takes_their_mean_by_area(case: Case):
    """Half of the photo is darkened, so that torso pixels have two values; the mean is that of a loop over them."""
    photo = case.photo.clone()
    photo[:, case.alpha.shape[1] // 2 :] //= 2
    fitted = MeanColors().fit(dataclasses.replace(case, photo=photo))
    seen = seen_by(case.model.pose(case.pose).vertices, case.model, case.camera, 0)
    torso = [
        photo[row, column].float() / 255.0
        for row, column in ((seen.face >= 0) & (case.alpha > 0.5)).nonzero().tolist()
        if PART_NAMES[case.model.parts[seen.face[row, column]]] == "torso"
    ]
    image = fitted.posed(case.pose)(case.camera, 0)
    middle = torch.cat([image.color[image.opacity > 0.999]])
    nearest = (middle - torch.stack(torso).mean(0)).abs().amax(-1).min()
    assert float(nearest) < 1e-5


def test_parts_that_the_photo_hides_take_the_other_sides_colour(case: Case, model: BodyModel):
    """Without the picture's left half no right arm is seen; from behind it has the left arm's colour."""
    alpha = case.alpha.clone()
    part = parts_in_photo(case)
    left, right = (PART_NAMES.index(name) for name in ("left arm", "right arm"))
    alpha[part == right] = 0.0
    skin = MeanColors().fit(dataclasses.replace(case, alpha=alpha))
    assert isinstance(skin, BareBody)
    colors = skin.skin.colors
    first = {label: colors[(model.parts == label).nonzero()[0, 0]] for label in (left, right)}
    assert torch.equal(first[left], first[right])


def test_the_background_is_white_and_the_body_opaque(case: Case):
    image = MeanColors().fit(case).posed(case.pose)(case.camera, 0)
    assert torch.equal(image.color[0, 0], torch.ones(3))
    assert float(image.opacity.max()) == 1.0
    assert float(image.opacity[0, 0]) == 0.0


def test_texels_lie_where_their_faces_do(model: BodyModel):
    texels = Texels.of(model, 128)
    places = texels.places(model.template)
    corners = model.template[model.faces[texels.face]]
    assert bool((places <= corners.amax(1) + 1e-5).all())
    assert bool((places >= corners.amin(1) - 1e-5).all())


def test_mirrored_texels_lie_on_the_other_side(model: BodyModel):
    texels = Texels.of(model, 128)
    here, there = texels.places(model.template), texels.mirrored(model).places(model.template)
    assert torch.allclose(here * torch.tensor([-1.0, 1.0, 1.0]), there, atol=1e-3)


def test_empty_texels_take_the_colour_of_their_neighbour(model: BodyModel):
    texels = Texels.of(model, 64)
    texture = texels.picture(torch.full((len(texels.row), 3), 0.25))
    assert torch.equal(texture, torch.full((64, 64, 3), 0.25))


def test_a_photo_that_shows_nothing_gives_a_grey_body(case: Case):
    blind = dataclasses.replace(case, alpha=torch.zeros_like(case.alpha))
    image = Projection(size=64).fit(blind).posed(case.pose)(case.camera, 0)
    assert torch.allclose(image.color[image.opacity > 0.999], torch.tensor(0.5), atol=1e-5)


def test_without_minutes_a_busy_machine_changes_no_result(case: Case):
    assert budget(case).least == 1.0
    assert budget(dataclasses.replace(case, minutes=0.5)).least < 1.0
