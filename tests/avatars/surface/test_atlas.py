import pytest
import torch
from torch import Tensor

from avatars.body import BodyModel
from avatars.surface.parametrise import TextureLayout
from nfield.texture_atlas import Atlas

_SQUARE = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
_FACES = torch.tensor([[0, 1, 2], [0, 2, 3]])


def _barycentric(corners: Tensor, point: Tensor) -> Tensor:
    system = torch.cat([corners.T, torch.ones(1, 3)]).double()
    return torch.linalg.solve(system, torch.cat([point, torch.ones(1)]).double())


def _directly(uv: Tensor, uv_faces: Tensor, faces: Tensor, values: Tensor, size: int) -> dict[int, Tensor]:
    """Values at the middle of each texel: the triangle that holds it is looked for, one by one."""
    found = {}
    for row in range(size):
        for column in range(size):
            point = torch.tensor([(column + 0.5) / size, 1.0 - (row + 0.5) / size])
            for uv_face, face in zip(uv_faces, faces, strict=True):
                weight = _barycentric(uv[uv_face], point)
                if weight.min() > -1e-6:
                    found.setdefault(row * size + column, (values[face] * weight[:, None].float()).sum(0))
    return found


def test_a_square_has_the_texels_of_its_area():
    for size in (4, 7, 16):
        assert len(Atlas.of(TextureLayout(_SQUARE, _FACES), _FACES, size=size)) == size * size
    assert len(Atlas.of(TextureLayout(0.25 + 0.5 * _SQUARE, _FACES), _FACES, size=16)) == 8 * 8


def test_texels_lie_where_a_search_for_their_triangle_finds_them(generator: torch.Generator):
    """Two triangles of a bent square, apart from each other in the texture."""
    uv = torch.tensor([[0.05, 0.1], [0.9, 0.15], [0.6, 0.5], [0.1, 0.55], [0.8, 0.6], [0.3, 0.95]])
    uv_faces, values = torch.tensor([[0, 1, 2], [3, 4, 5]]), torch.randn(4, 3, generator=generator)
    atlas = Atlas.of(TextureLayout(uv, uv_faces), _FACES, size=20)
    expected = _directly(uv, uv_faces, _FACES, values, 20)
    assert atlas.index.tolist() == sorted(expected)
    torch.testing.assert_close(
        atlas.at(values), torch.stack([expected[i] for i in atlas.index.tolist()]), atol=1e-5, rtol=0
    )


def test_the_first_row_is_the_highest_v():
    atlas = Atlas.of(TextureLayout(_SQUARE, _FACES), _FACES, size=8)
    shown = atlas.image(atlas.at(_SQUARE))
    middles = (torch.arange(8) + 0.5) / 8
    torch.testing.assert_close(shown[:, 0, 1], middles.flip(0))
    torch.testing.assert_close(shown[0, :, 0], middles)


def test_beside_the_charts_an_image_takes_the_nearest_texels_value():
    uv = torch.tensor([[0.1, 0.1], [0.5, 0.2], [0.2, 0.6], [0.7, 0.6], [0.95, 0.7], [0.8, 0.95]])
    atlas = Atlas.of(TextureLayout(uv, torch.tensor([[0, 1, 2], [3, 4, 5]])), _FACES, size=24)
    number = torch.arange(len(atlas), dtype=torch.float32)[:, None]
    image = atlas.image(number)
    place = torch.stack([atlas.index // 24, atlas.index % 24], -1)
    for row in range(24):
        for column in range(24):
            away = (place - torch.tensor([row, column])).square().sum(-1)
            shown = int(image[row, column, 0])
            assert away[shown] == away.min()


def test_an_image_keeps_each_texels_own_value(generator: torch.Generator):
    atlas = Atlas.of(TextureLayout(0.3 + 0.4 * _SQUARE, _FACES), _FACES, size=32)
    values = torch.rand(len(atlas), 4, generator=generator)
    assert torch.equal(atlas.image(values).reshape(-1, 4)[atlas.index], values)


def test_the_texels_of_the_body_lie_on_its_triangles():
    model = BodyModel.load()
    layout = TextureLayout.of_body(model)
    atlas = Atlas.of(layout, model.faces, size=64)
    a, b, c = model.template[model.faces[atlas.face]].unbind(1)
    normal = torch.nn.functional.normalize(torch.linalg.cross(b - a, c - a), dim=-1)
    point = atlas.at(model.template)
    assert ((point - a) * normal).sum(-1).abs().max() < 1e-5
    torch.testing.assert_close(atlas.barycentric.sum(-1), torch.ones(len(atlas)))
    assert atlas.barycentric.min() > -1e-5


@pytest.mark.parametrize("size", [16, 48])
def test_constants_stay_constant_between_corners(size: int):
    atlas = Atlas.of(TextureLayout(_SQUARE, _FACES), _FACES, size=size)
    torch.testing.assert_close(atlas.at(torch.full((4, 2), 0.3)), torch.full((size * size, 2), 0.3))


def test_pages_are_textures_one_above_the_other():
    """Two squares, the upper one of the first page: the second's texels begin where the first's page ends."""
    upper, lower = TextureLayout(_SQUARE, _FACES), TextureLayout(0.25 + 0.5 * _SQUARE, _FACES)
    both = upper.above(lower)
    assert both.pages == 2
    atlas = Atlas.of(both, torch.cat([_FACES, _FACES + 4]), size=16)
    assert atlas.size == (32, 16)
    alone = [Atlas.of(layout, _FACES, size=16) for layout in (upper, lower)]
    assert atlas.index.tolist() == [*alone[0].index.tolist(), *(alone[1].index + 16 * 16).tolist()]
    place = torch.cat([_SQUARE, 5.0 + _SQUARE])
    expected = torch.cat([alone[0].at(_SQUARE), 5.0 + alone[1].at(_SQUARE)])
    torch.testing.assert_close(atlas.at(place), expected, atol=1e-5, rtol=0)
    assert atlas.image(atlas.at(place)).shape == (32, 16, 2)
