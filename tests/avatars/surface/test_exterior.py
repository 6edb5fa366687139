import pytest
import torch

from avatars.body import BodyModel
from avatars.surface import exterior
from avatars.surface.exterior import visible_faces
from avatars.surface.mesh import HEAD, vertex_parts
from tests.avatars.surface.shapes import box, joined, sphere


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch):
    """What is large is seen in small pictures too, which are quick."""
    monkeypatch.setattr(exterior, "_PIXELS", 150)


def _nested(outer: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    return joined(outer, box((0.05, 0.05, 0.05)))


def test_a_box_inside_a_box_is_hidden_and_the_outer_one_is_not():
    vertices, faces = _nested(box((0.3, 0.9, 0.2)))
    visible = visible_faces(vertices, faces, torch.ones(24, dtype=torch.bool))
    assert visible.tolist() == 12 * [True] + 12 * [False]


def test_a_box_inside_an_open_box_is_seen_through_the_opening():
    vertices, faces = box((0.3, 0.9, 0.2))
    normal = torch.linalg.cross(
        vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]]
    )
    open_above = faces[normal[:, 1] < 0.5 * normal.norm(dim=-1)]
    assert len(open_above) == 10
    vertices, faces = _nested((vertices, open_above))
    visible = visible_faces(vertices, faces, torch.ones(22, dtype=torch.bool))
    # The upper side of the inner box is seen.
    inner = faces[10:]
    upper = (vertices[inner][..., 1] > 0.04).all(-1)
    assert upper.sum() == 2
    assert visible[10:][upper].all()


def test_what_is_not_asked_for_counts_as_visible():
    vertices, faces = _nested(box((0.3, 0.9, 0.2)))
    assert visible_faces(vertices, faces, torch.zeros(24, dtype=torch.bool)).all()
    asked = torch.arange(24) >= 18
    assert visible_faces(vertices, faces, asked).tolist() == 18 * [True] + 6 * [False]


def test_all_of_a_convex_surface_is_visible_wherever_it_stands():
    vertices, faces = sphere(0.1, (3.0, -1.0, 2.0), rounds=3)
    assert visible_faces(vertices, faces, torch.ones(len(faces), dtype=torch.bool)).all()


def test_the_mouths_cavity_is_dropped_and_the_heads_skin_is_kept(monkeypatch: pytest.MonkeyPatch):
    """Nothing is hidden on the back of the head, on its top and at the ears; eyes and mouth lie around the nose."""
    monkeypatch.setattr(exterior, "_PIXELS", 300)
    model = BodyModel.load()
    head = model.parts == HEAD
    visible = visible_faces(model.template, model.faces, head)
    assert visible[~head].all()
    assert 0.02 < (~visible[head]).float().mean() < 0.6
    rest, skin = model.template, vertex_parts(model) == HEAD
    for name in ("nose", "lear", "rear"):
        assert visible[(model.faces == model.landmarks[name]).any(-1)].any()
    top = (model.faces == rest[:, 1].argmax()).any(-1)
    assert visible[top].all()
    middle = rest[model.faces].mean(1)
    back = head & (middle[:, 2] < rest[skin, 2].min() + 0.03)
    assert back.sum() > 10
    assert visible[back].all()
    hidden = middle[~visible]
    nose = rest[model.landmarks["nose"]]
    inside = (hidden - torch.stack([hidden[:, 0], nose[1].expand(len(hidden)), nose[2].expand(len(hidden))], -1)).norm(
        dim=-1
    )
    assert inside.max() < 0.14
