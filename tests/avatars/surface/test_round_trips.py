"""The shipped body's colours, carried to unrolled limbs and to textures and back."""

import numpy as np
import pytest
import torch

from avatars.body import BodyModel
from avatars.surface.limbs import LIMBS, NAMES, memberships, unrolled
from avatars.surface.mesh import subdivide
from avatars.surface.parametrise import TextureLayout
from avatars.surface.textured import Texture
from avatars.surface.unrolled import CELL, Grid, reflect_rows, ring_distance
from nfield.texture_atlas import Atlas
from tests.avatars.surface.shapes import box, sphere


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return BodyModel.load()


@pytest.fixture(scope="module")
def dense(model: BodyModel) -> tuple[torch.Tensor, torch.Tensor]:
    """Points of the body, about a centimetre apart or less, and how much they belong to each limb."""
    finer = subdivide(model.faces, len(model.template))
    return finer.spread(model.template), memberships(finer.spread(model.weights), model.joint_names)


def _limb(dense: tuple[torch.Tensor, torch.Tensor], name: str) -> tuple[Grid, np.ndarray, np.ndarray, np.ndarray]:
    """The grid of a limb, and its points with their rows and columns."""
    shape, (points, member) = LIMBS[NAMES.index(name)], dense
    mine = member[:, NAMES.index(name)] > 0.5
    length, angle = unrolled(shape, points[mine], member[mine, NAMES.index(name)])
    grid = Grid.over(length.double().numpy(), shape.columns)
    row, column = grid.place(length.double().numpy(), angle.double().numpy())
    return grid, points[mine].double().numpy(), row, column


def _colors(points: np.ndarray) -> np.ndarray:
    """Smooth in space: waves of half a metre."""
    return 0.5 + 0.4 * np.sin(points * 4.0 * np.pi + [0.0, 1.0, 2.0])


@pytest.mark.parametrize("name", ["torso", "head", "left arm", "right leg"])
def test_colours_of_a_limb_come_back_from_its_rings(dense: tuple[torch.Tensor, torch.Tensor], name: str):
    grid, points, row, column = _limb(dense, name)
    image, weight = grid.splat(row, column, _colors(points), np.ones(len(points)))
    error = np.abs(grid.sample(image, row, column) - _colors(points)).max(1)
    assert np.median(error) < 0.01
    assert np.quantile(error, 0.95) < 0.12
    assert (grid.sample(weight[..., None], row, column) > 0.3).mean() > 0.95


@pytest.mark.parametrize("name", ["torso", "left arm"])
def test_hoops_around_a_limb_are_rows(dense: tuple[torch.Tensor, torch.Tensor], name: str):
    """Bands of 8 centimetres along the limb, seen in front only: continued around it they are the bands again."""
    grid, points, row, column = _limb(dense, name)
    along = points[:, LIMBS[NAMES.index(name)].along]
    bands = (np.floor(along / 0.08) % 2.0)[:, None]
    image, weight = grid.splat(row, column, bands, np.ones(len(points)))
    columns = np.arange(grid.shape[1])
    front = (weight > 0.0) & (columns > 0.3 * grid.shape[1]) & (columns < 0.7 * grid.shape[1])
    whole, known = reflect_rows(image, front)
    found = grid.sample(whole, row, column)[:, 0]
    inside = np.asarray(known.all(1))[row.astype(int).clip(0, grid.shape[0] - 1)]
    far = np.abs((along / 0.08 + 0.5) % 1.0 - 0.5) * 0.08 > 6.0 * CELL  # From the bands' edges.
    behind = points[:, 2] < np.median(points[:, 2])
    asked = inside & far & behind
    assert asked.sum() > 100
    assert (np.abs(found - bands[:, 0])[asked] < 0.5).mean() > 0.97


def test_the_distance_around_a_ring_is_that_of_a_search():
    mask = np.random.default_rng(0).random((7, 23)) > 0.85
    mask[3] = False
    mask[5], mask[5, 2] = False, True
    found = ring_distance(mask)
    for row, column in np.ndindex(mask.shape):
        places = np.flatnonzero(mask[row])
        if len(places) == 0:
            assert found[row, column] > 1e5
            continue
        away = np.abs(places - column)
        assert found[row, column] == np.minimum(away, 23 - away).min()


def _places(texture: Texture, faces: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Random faces and points on them, and what the texture shows there."""
    face = torch.randint(len(faces), (3000,), generator=generator)
    weight = torch.rand(3000, 3, generator=generator) + 0.1
    weight = weight / weight.sum(-1, keepdim=True)
    return torch.cat([face[:, None].float(), weight], -1), texture.at(face, weight)


def test_a_texture_of_positions_gives_each_point_its_own(model: BodyModel, generator: torch.Generator):
    """Texels are about 3 mm wide at this size; bilinear values of a linear function are exact within a triangle."""
    layout = TextureLayout.of_body(model)
    atlas = Atlas.of(layout, model.faces, size=700)
    values = torch.cat([atlas.at(model.template), torch.ones(len(atlas), 1)], -1)
    asked, shown = _places(Texture(layout, atlas.image(values)), model.faces, generator)
    expected = (model.template[model.faces[asked[:, 0].long()]] * asked[:, 1:, None]).sum(1)
    error = (shown[:, :3] - expected).norm(dim=-1)
    assert error.median() < 1e-3
    assert error.quantile(0.98) < 6e-3


def test_two_surfaces_share_a_texture_without_mixing(generator: torch.Generator):
    """A red ball on the upper page and a blue box on the lower one, each unwrapped anew."""
    ball, block = sphere(0.4, rounds=2), box((0.3, 0.9, 0.2))
    layout = TextureLayout.unwrapped(*ball).above(TextureLayout.unwrapped(*block))
    faces = torch.cat([ball[1], block[1] + len(ball[0])])
    atlas = Atlas.of(layout, faces, size=256)
    color = torch.tensor([1.0, 0.0, 0.0, 1.0]).repeat(len(faces), 1)
    color[len(ball[1]) :] = torch.tensor([0.0, 0.0, 1.0, 1.0])
    asked, shown = _places(Texture(layout, atlas.image(color[atlas.face])), faces, generator)
    torch.testing.assert_close(shown, color[asked[:, 0].long()], atol=1e-5, rtol=0)
