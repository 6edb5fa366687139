import pytest
import torch

from avatars.body import BodyModel
from avatars.export.textured_mesh import SplitMesh, layout_of
from avatars.surface.dressed import DressedSurface
from avatars.surface.parametrise import TextureLayout
from nfield.errors import DataError
from tests.avatars.surface.shapes import floating_garment


def test_a_dressed_body_keeps_the_bodys_places_in_the_texture(model: BodyModel):
    kept = torch.arange(len(model.faces)) % 3 > 0
    layout = layout_of(model, DressedSurface(model.template, model.faces[kept]))
    assert model.uv is not None
    assert model.uv_faces is not None
    torch.testing.assert_close(layout.uv[layout.uv_faces], model.uv[model.uv_faces[kept]])


def test_clothes_have_a_page_of_their_own(model: BodyModel):
    covered = torch.zeros(len(model.template), dtype=torch.bool)
    garment = floating_garment(model, covered)
    layout = layout_of(model, DressedSurface.wearing(garment, model.faces))
    assert layout.pages == 2
    below = layout.uv[layout.uv_faces[-len(garment.faces) :], 1]
    above = layout.uv[layout.uv_faces[: -len(garment.faces)], 1]
    assert float(below.max()) <= 0.5 <= float(above.min())


def test_a_surface_of_another_body_is_refused(model: BodyModel):
    with pytest.raises(DataError, match="fit the photo again"):
        layout_of(model, DressedSurface(model.template, model.faces[:, [0, 2, 1]]))


def test_vertices_are_divided_along_seams_only():
    """Two triangles that share an edge; on it they have the same texture coordinates, but for one corner."""
    faces = torch.tensor([[0, 1, 2], [2, 1, 4]])
    uv = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.5]])
    split = SplitMesh.of(faces, TextureLayout(uv, torch.tensor([[0, 1, 2], [2, 4, 3]])))
    assert sorted(split.vertex.tolist()) == [0, 1, 1, 2, 4]
    assert torch.equal(split.vertex[split.faces], faces)
    torch.testing.assert_close(split.uv[split.faces][1, 1], uv[4])
