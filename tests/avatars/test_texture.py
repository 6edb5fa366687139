import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.parts import PART_NAMES
from avatars.body.pose_file import named_pose
from avatars.dress import face_vertices, vertex_parts
from avatars.texture import Paint, PaintConfig, Surface, beside_hands, complete_colors, project_colors, subdivide
from nfield.cameras import Cameras

_RAW = PaintConfig(smoothing=0)


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


@pytest.fixture(scope="module")
def surface(model: BodyModel):
    return subdivide(model.faces, len(model.template))


def _completed(model: BodyModel, surface: Surface, color: torch.Tensor, seen: torch.Tensor):
    rest = surface.spread(model.template)
    return rest, complete_colors(model, surface, rest, Paint(color * seen[:, None], seen), _RAW)


def test_subdivision_keeps_area_and_quadruples_faces(model: BodyModel, surface: Surface):
    def area(vertices: torch.Tensor, faces: torch.Tensor):
        a, b, c = vertices[faces].unbind(1)
        return 0.5 * torch.linalg.cross(b - a, c - a).norm(dim=-1).sum()

    assert len(surface.faces) == 4 * len(model.faces)
    torch.testing.assert_close(
        area(surface.spread(model.template), surface.faces), area(model.template, model.faces), rtol=1e-4, atol=0
    )


def test_hidden_side_takes_the_mirrored_colors(model: BodyModel, surface: Surface):
    rest = surface.spread(model.template)
    seen = rest[:, 0] > 0.0
    color = (rest * 0.2 + 0.5).clamp(0, 1)
    color[:, 0] = 0.5
    part = vertex_parts(model)[surface.parents[:, 0]]
    limb = torch.isin(part, torch.tensor([PART_NAMES.index(n) for n in ("right thigh", "right leg", "right arm")]))
    _, full = _completed(model, surface, color, seen)
    hidden = limb & (rest[:, 0] < -0.02)
    assert (full[hidden] - color[hidden]).abs().max() < 0.01


def test_back_of_the_head_is_hair_and_not_face(model: BodyModel, surface: Surface):
    rest = surface.spread(model.template)
    face = face_vertices(model)[surface.parents].all(-1)
    skin, hair = torch.tensor([0.9, 0.6, 0.5]), torch.tensor([0.1, 0.05, 0.0])
    color = torch.where(face[:, None], skin, hair)
    seen = rest[:, 2] > rest[face, 2].min()
    _, full = _completed(model, surface, color, seen)
    head = vertex_parts(model)[surface.parents[:, 0]] == PART_NAMES.index("head")
    eyes = model.template[model.landmarks["leye"]]
    back = head & (rest[:, 2] < rest[head, 2].min() + 0.05) & (rest[:, 1] > eyes[1])
    assert back.sum() > 20
    torch.testing.assert_close(full[back], hair.expand(int(back.sum()), 3))


def test_hidden_back_takes_what_lies_before_it(model: BodyModel, surface: Surface):
    rest = surface.spread(model.template)
    torso = vertex_parts(model)[surface.parents[:, 0]] == PART_NAMES.index("torso")
    color = torch.where((rest[:, 1:2] > 0.0), torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0]))
    _, full = _completed(model, surface, color, rest[:, 2] > 0.03)
    back = torso & (rest[:, 2] < -0.05) & (rest[:, 0].abs() < 0.1)
    for chosen, channel in ((back & (rest[:, 1] > 0.05), 0), (back & (rest[:, 1] < -0.05), 2)):
        assert chosen.sum() > 20
        assert (full[chosen].argmax(-1) == channel).float().mean() > 0.95


def test_no_color_at_all_gives_grey(model: BodyModel, surface: Surface):
    nothing = torch.zeros(len(surface.parents), dtype=torch.bool)
    _, full = _completed(model, surface, torch.zeros(len(nothing), 3), nothing)
    torch.testing.assert_close(full, torch.full_like(full, 0.5))


def test_only_what_faces_the_camera_in_front_is_painted():
    square = torch.tensor([[0.0, 0, 0], [-0.5, -0.5, 0.0], [0.5, -0.5, 0.0], [0.5, 0.5, 0.0], [-0.5, 0.5, 0.0]])
    near, far = square * 0.5 + torch.tensor([0.0, 0, 2.0]), square * 0.5 + torch.tensor([0.0, 0, 3.0])
    faces = torch.tensor([[0, 2, 1], [0, 3, 2], [0, 4, 3], [0, 1, 4]])  # Normals towards the camera, -z.
    photo = torch.zeros(64, 64, 3, dtype=torch.uint8)
    photo[..., 1] = 255
    mask = torch.ones(64, 64, dtype=torch.bool)
    camera = Cameras.pinhole(64.0, (64, 64))
    both = torch.cat([near, far]), torch.cat([faces, faces + 5])
    paint = project_colors(*both, photo, mask, camera, PaintConfig(shadow=1))
    assert paint.seen[[0, 5]].tolist() == [True, False]
    torch.testing.assert_close(paint.color[0], torch.tensor([0.0, 1.0, 0.0]))
    turned = project_colors(near, faces.flip(-1), photo, mask, camera, PaintConfig())
    assert not turned.seen.any()


def test_thighs_beside_hanging_hands_are_not_trusted_and_far_ones_are(model: BodyModel, surface: Surface):
    hanging, spread = named_pose("stand"), torch.zeros(24, 3)
    parts = vertex_parts(model)[surface.parents[:, 0]]
    near, camera = [], Cameras.pinhole(500.0, (480, 480))
    for rotations in (hanging, spread):
        turned = rotations.clone()
        turned[0] = torch.tensor([torch.pi, 0.0, 0.0])
        body = model.pose(BodyPose(turned, torch.tensor([0.0, 0.0, 3.0]), torch.zeros(10)))
        near.append(beside_hands(model, surface, surface.spread(body.vertices), camera, PaintConfig(around_hands=0.15)))
    thigh = parts == PART_NAMES.index("left thigh")
    assert (near[0] & thigh).sum() > 20
    assert not near[1].any()
    assert not (near[0] & (parts == PART_NAMES.index("left hand"))).any()
