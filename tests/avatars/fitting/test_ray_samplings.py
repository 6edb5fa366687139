"""Rays of the photo and of painted pictures: which pixels are drawn, and what is known at their ends."""

import pytest
import torch
from torch import Tensor

from avatars.fitting.painted_rays import PaintedDrawer, PaintedRays
from avatars.fitting.photo_confidence import PhotoConfidence
from avatars.fitting.photo_rays import PhotoDrawer, PhotoRays, PhotoTarget
from avatars.fitting.rendering import random_members
from avatars.fitting.weights import Constant, Linear, WeightSchedule
from avatars.posed.rendered_field import RenderedField
from avatars.surface.views import BodyViews
from nfield.cameras import Cameras, look_at
from nfield.data.base import PosedImages
from nfield.data.picture_stack import PictureStack
from nfield.fields import BuildContext, HashConfig
from nfield.types import Box
from tests.avatars.fitting.fakes import COLOR, KnownRenderer

_SIZE = (12, 16)
_CAMERA = Cameras.pinhole(20.0, _SIZE)
_BOX = Box(torch.tensor([-1.0, -1.0, 1.0]), torch.tensor([1.0, 1.0, 3.0]))


@pytest.fixture
def shown(generator: torch.Generator) -> RenderedField:
    """What draws rays does not ask it; it passes it on."""
    field = HashConfig(levels=2, log2_table_size=8).build(BuildContext(_BOX, generator))
    return RenderedField(field, KnownRenderer(lambda: (COLOR, COLOR[:, 0])))


def _numbered(*leading: int) -> Tensor:
    """Pictures whose colours say where each pixel is: row, column and picture, times ten."""
    row, column = torch.meshgrid(torch.arange(_SIZE[0]), torch.arange(_SIZE[1]), indexing="ij")
    picture = torch.zeros_like(row)
    pixels = torch.stack([row, column, picture], -1).expand(*leading, *_SIZE, 3).clone()
    if leading:
        pixels[..., 2] = torch.arange(leading[0])[:, None, None]
    return (10 * pixels).to(torch.uint8)


def _confidence() -> PhotoConfidence:
    """Another one of each pixel."""
    color = torch.linspace(0.0, 1.0, _SIZE[0] * _SIZE[1]).reshape(_SIZE)
    return PhotoConfidence(color, 1.0 - color)


def _target(alpha: Tensor, ends: float = 9.0) -> PhotoTarget:
    return PhotoTarget(
        _CAMERA,
        _numbered(),
        alpha,
        _confidence(),
        _BOX,
        torch.full(_SIZE, ends),
    )


def _person() -> Tensor:
    alpha = torch.zeros(_SIZE)
    alpha[4:8, 5:9] = 1.0
    alpha[4, 5] = 0.01  # Too faint to be of the person.
    return alpha


def _places(color: Tensor) -> Tensor:
    return (color * 25.5).round().long()


def test_pixels_of_the_person_and_beside_it_are_those_of_a_search():
    target = _target(_person())
    person = {(row, column) for row in range(4, 8) for column in range(5, 9)} - {(4, 5)}
    assert {divmod(i, 16) for i in target.on_person().tolist()} == person
    near = {
        (row, column)
        for row in range(12)
        for column in range(16)
        if (row, column) not in person and any((row - a) ** 2 + (column - b) ** 2 <= 4 for a, b in person)
    }
    assert {divmod(i, 16) for i in target.beside(2).tolist()} == near


def test_rays_of_the_photo_go_through_the_middles_of_their_pixels():
    index = torch.tensor([0, 37, 191])
    rays = _target(_person()).rays(index)
    pixel, _ = _CAMERA.project(rays.origins + 2.5 * rays.dirs, 0)
    middles = torch.stack([index % 16, index // 16], -1) + 0.5
    torch.testing.assert_close(pixel, middles, atol=1e-4, rtol=0)


def test_rays_of_the_photo_end_in_the_body_or_where_they_leave_the_box():
    index = torch.tensor([16 * 6 + 8])
    leaves = _target(_person()).rays(index)
    assert float((leaves.far * leaves.dirs[:, 2])[0]) == pytest.approx(3.0, abs=1e-4)
    assert float((leaves.near * leaves.dirs[:, 2])[0]) == pytest.approx(1.0, abs=1e-4)
    assert float(_target(_person(), ends=1.7).rays(index).far[0]) == pytest.approx(1.7)


def test_the_photos_rays_are_drawn_on_the_person_first_then_beside_it(shown: RenderedField, generator: torch.Generator):
    target = _target(_person())
    batch = PhotoDrawer(shown, target, PhotoRays(count=4000, surroundings=0.25, reach=2)).draw(generator)
    assert len(batch.rays) == 4000
    assert batch.reported == 3000
    rows, columns, _ = _places(batch.color).unbind(-1)
    torch.testing.assert_close(batch.confidence, _confidence().color[rows, columns])
    torch.testing.assert_close(batch.alpha_confidence, _confidence().alpha[rows, columns])
    place = _places(batch.color)
    index = place[:, 0] * 16 + place[:, 1]
    assert set(index[:3000].tolist()) == set(target.on_person().tolist())
    assert set(index[3000:].tolist()) == set(target.beside(2).tolist())
    assert torch.equal(batch.alpha, target.alpha.reshape(-1)[index])
    pixel, _ = _CAMERA.project(batch.rays.origins + 2.0 * batch.rays.dirs, 0)
    torch.testing.assert_close(pixel, place[:, [1, 0]] + 0.5, atol=1e-3, rtol=0)


def test_where_the_person_fills_the_photo_all_rays_are_on_it(shown: RenderedField, generator: torch.Generator):
    batch = PhotoDrawer(shown, _target(torch.ones(_SIZE)), PhotoRays(count=100)).draw(generator)
    assert batch.reported == len(batch.rays) == 100


def _views() -> BodyViews:
    """Two pictures of a body in the middle, whose left half the photo shows."""
    images = torch.cat([_numbered(2), torch.zeros(2, *_SIZE, 1, dtype=torch.uint8)], -1)
    images[:, 3:9, 5:11, 3] = 255
    visibility = torch.zeros(2, *_SIZE, dtype=torch.uint8)
    visibility[:, :, :8] = 255
    visibility[:, 4, 9] = 102
    places = torch.tensor([[0.0, 0.0, -3.0], [3.0, 0.0, 0.0]])
    cameras = Cameras.pinhole(
        20.0, _SIZE, world_from_camera=look_at(places, torch.zeros(3), torch.tensor([0.0, 1.0, 0]))
    )
    box = Box.cube(1.0)
    return BodyViews(
        PosedImages(cameras, PictureStack.of_one_size(images), box, box, True, None, ("a", "b")), visibility
    )


def test_painted_rays_are_shared_out_between_hidden_shown_and_beside(shown: RenderedField, generator: torch.Generator):
    views = _views()
    config = PaintedRays(count=2000, hidden=0.5, shown=0.2, margin=1)
    batch = PaintedDrawer(shown, views, config).draw(generator)
    row, column, picture = _places(batch.color).T
    body = (row >= 3) & (row < 9) & (column >= 5) & (column < 11)
    assert body.sum() == 1400
    assert (body & (column < 8)).sum() == 400
    assert torch.equal(batch.alpha, body.float())
    away = torch.maximum((row - 8).clamp_min(3 - row), (column - 10).clamp_min(5 - column))
    assert away[~body].unique().tolist() == [1]
    assert 0.4 < picture.float().mean() < 0.6


def test_painted_rays_go_through_the_middles_of_their_pixels(shown: RenderedField, generator: torch.Generator):
    views = _views()
    batch = PaintedDrawer(shown, views, PaintedRays(count=300)).draw(generator)
    place = _places(batch.color)
    for picture in (0, 1):
        mine = place[:, 2] == picture
        pixel, _ = views.images.cameras.project((batch.rays.origins + 3.0 * batch.rays.dirs)[mine], picture)
        torch.testing.assert_close(pixel, place[mine][:, [1, 0]] + 0.5, atol=1e-3, rtol=0)


def test_painted_colours_that_the_photo_shows_count_less(shown: RenderedField, generator: torch.Generator):
    batch = PaintedDrawer(shown, _views(), PaintedRays(count=3000, visible_weight=0.3)).draw(generator)
    row, column, _ = _places(batch.color).T
    assert batch.confidence is not None
    expected = torch.where(column < 8, 0.3, 1.0)
    expected[(row == 4) & (column == 9)] = 1.0 - 0.7 * 0.4
    torch.testing.assert_close(batch.confidence, expected)


def test_random_members_are_all_drawn_alike_and_none_of_an_empty_pool(generator: torch.Generator):
    pool = torch.tensor([3, 8, 21])
    drawn = random_members(pool, 9000, generator)
    counts = torch.bincount(drawn, minlength=22)
    assert counts.nonzero()[:, 0].tolist() == [3, 8, 21]
    assert (counts[pool] - 3000).abs().max() < 200
    assert random_members(pool[:0], 5, generator).shape == (0,)


def test_weights_are_constant_or_go_straight_from_one_to_another():
    constant, linear = Constant(0.4), Linear(first=2.0, last=-1.0)
    for schedule in (constant, linear):
        assert isinstance(schedule, WeightSchedule)
    assert [constant.at(share) for share in (0.0, 0.3, 1.0)] == [0.4, 0.4, 0.4]
    assert [linear.at(share) for share in (0.0, 0.5, 1.0)] == [2.0, 0.5, -1.0]
