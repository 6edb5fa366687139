from dataclasses import replace

import torch
from torch import Tensor

from avatars.body import BodyModel
from avatars.surface.mesh import subdivide
from avatars.surface.parametrise import TextureLayout
from nfield.kernels.rasterize import rasterize
from tests.avatars.surface.shapes import box, sphere


def _area(layout: TextureLayout) -> Tensor:
    a, b, c = layout.uv[layout.uv_faces].unbind(1)
    (x1, y1), (x2, y2) = (b - a).unbind(-1), (c - a).unbind(-1)
    return 0.5 * (x1 * y2 - x2 * y1).abs()


def _covered(layout: TextureLayout, size: int) -> float:
    """Share of the texture that lies in some triangle."""
    flat = torch.cat([layout.uv * size, torch.ones(len(layout.uv), 1)], -1)
    return float((rasterize(flat, layout.uv_faces, torch.eye(3), (size, size)).face >= 0).float().mean())


def test_a_body_that_brings_coordinates_keeps_them():
    model = BodyModel.load()
    assert model.uv is not None
    assert model.uv_faces is not None
    layout = TextureLayout.of_body(model)
    assert torch.equal(layout.uv, model.uv)
    assert torch.equal(layout.uv_faces, model.uv_faces)


def test_the_shipped_bodys_triangles_do_not_overlap():
    """Were some on top of others, they would cover less than the sum of their areas."""
    layout = TextureLayout.of_body(BodyModel.load())
    assert abs(_covered(layout, 500) - float(_area(layout).sum())) < 6e-3


def test_a_body_without_coordinates_is_unwrapped():
    model = replace(BodyModel.load().subset(torch.arange(600)), uv=None, uv_faces=None)
    assert len(model.faces) > 300
    layout = TextureLayout.of_body(model)
    assert layout.uv_faces.shape == model.faces.shape
    assert layout.uv.min() >= 0.0
    assert layout.uv.max() <= 1.0


def test_unwrapped_triangles_do_not_overlap_and_have_their_shares_of_the_area():
    for vertices, faces in (sphere(0.4, rounds=2), box((0.3, 0.9, 0.2))):
        layout = TextureLayout.unwrapped(vertices, faces)
        area = _area(layout)
        assert abs(_covered(layout, 1000) - float(area.sum())) < 5e-3
        a, b, c = vertices[faces].unbind(1)
        true = 0.5 * torch.linalg.cross(b - a, c - a).norm(dim=-1)
        share = (area / area.sum()) / (true / true.sum())
        assert share.min() > 0.4
        assert share.max() < 2.5


def test_some_faces_keep_their_corners():
    layout = TextureLayout(torch.rand(9, 2), torch.arange(9).reshape(3, 3))
    kept = torch.tensor([True, False, True])
    assert layout.of_faces(kept).uv_faces.tolist() == [[0, 1, 2], [6, 7, 8]]
    assert layout.of_faces(kept).uv is layout.uv


def test_a_layout_above_another_keeps_both_and_overlaps_neither():
    upper, lower = TextureLayout.unwrapped(*sphere(0.4, rounds=2)), TextureLayout.unwrapped(*box((0.3, 0.9, 0.2)))
    both = upper.above(lower)
    assert both.pages == 2
    assert both.finer().pages == 2
    assert both.of_faces(torch.ones(len(both.uv_faces), dtype=torch.bool)).pages == 2
    area = torch.cat([_area(upper), _area(lower)])
    torch.testing.assert_close(_area(both), 0.5 * area)  # In a texture twice as high.
    first = both.uv[both.uv_faces[: len(upper.uv_faces)]]
    assert first[..., 1].min() >= 0.5
    assert both.uv[both.uv_faces[len(upper.uv_faces) :]][..., 1].max() <= 0.5
    assert upper.above(lower).above(lower).pages == 3


def test_the_finer_layout_belongs_to_the_finer_surface():
    """Flat surfaces whose texture coordinates are their positions; one has a seam, which has two sides."""
    uv = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    seam = TextureLayout(uv[faces.reshape(-1)], torch.arange(6).reshape(2, 3))
    for layout in (TextureLayout(uv, faces), seam):
        finer, surface = layout.finer(), subdivide(faces, len(uv))
        torch.testing.assert_close(finer.uv[finer.uv_faces], surface.spread(uv)[surface.faces])
        torch.testing.assert_close(_area(finer).sum(), torch.tensor(1.0))
