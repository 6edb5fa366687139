import pytest
import torch

from avatars.body import BodyModel
from avatars.surface.mesh import Surface, hand_vertices, laplacian, subdivide, vertex_normals


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


@pytest.fixture(scope="module")
def surface(model: BodyModel):
    return subdivide(model.faces, len(model.template))


def test_subdivision_keeps_area_and_quadruples_faces(model: BodyModel, surface: Surface):
    def area(vertices: torch.Tensor, faces: torch.Tensor):
        a, b, c = vertices[faces].unbind(1)
        return 0.5 * torch.linalg.cross(b - a, c - a).norm(dim=-1).sum()

    assert len(surface.faces) == 4 * len(model.faces)
    torch.testing.assert_close(
        area(surface.spread(model.template), surface.faces), area(model.template, model.faces), rtol=1e-4, atol=0
    )


def test_normals_of_a_sphere_are_its_radii(model: BodyModel):
    """On an octahedron, subdivided and pushed onto the unit sphere."""
    corners = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    faces = torch.tensor([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])
    for _ in range(3):
        finer = subdivide(faces, len(corners))
        corners, faces = torch.nn.functional.normalize(finer.spread(corners), dim=-1), finer.faces
    assert (vertex_normals(corners, faces) * corners).sum(-1).min() > 0.998


def test_smoothness_of_a_constant_is_zero(model: BodyModel):
    difference = laplacian(model.faces, len(model.template)) @ torch.ones(len(model.template)).numpy()
    assert abs(difference).max() < 1e-6


def test_hands_lie_beyond_the_wrists(model: BodyModel):
    hand = hand_vertices(model)
    assert 100 < hand.sum() < 0.5 * len(hand)
    assert model.template[hand, 0].abs().min() > 0.8 * model.joint_template[20, 0]
