import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.parts import PART_NAMES
from avatars.surface.complete import Completion
from avatars.surface.dressed import DressedSurface
from avatars.surface.mesh import Surface, face_vertices, subdivide, vertex_parts
from avatars.surface.paint import Paint, PhotographedSurface
from avatars.surface.parametrise import TextureLayout
from avatars.surface.vertex_rules import VertexRules, complete_colors
from nfield.cameras import Cameras
from nfield.kernels.rasterize import rasterize


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


@pytest.fixture(scope="module")
def surface(model: BodyModel):
    return subdivide(model.faces, len(model.template))


def _completed(model: BodyModel, surface: Surface, color: torch.Tensor, seen: torch.Tensor):
    rest = surface.spread(model.template)
    return rest, complete_colors(model, surface, rest, Paint(color * seen[:, None], seen), smoothing=0)


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


def test_rules_are_a_completion_that_keeps_what_the_photo_shows(model: BodyModel, surface: Surface):
    """A photo that is red above a row and green below it, of a body in the T-pose."""
    rotations = torch.zeros(24, 3)
    rotations[0] = torch.tensor([torch.pi, 0.0, 0.0])
    posed = surface.spread(model.pose(BodyPose(rotations, torch.tensor([0.0, -0.25, 3.0]), torch.zeros(10))).vertices)
    camera = Cameras.pinhole(180.0, (160, 160))
    photo = torch.zeros(160, 160, 3, dtype=torch.uint8)
    photo[:80, :, 0], photo[80:, :, 1] = 255, 255
    mask = rasterize(posed, surface.faces, camera.intrinsics[0], camera.size).face >= 0
    rules = VertexRules()
    assert isinstance(rules, Completion)
    layout = TextureLayout.of_body(model).finer()
    dressed = DressedSurface(model.template, model.faces)
    shown = PhotographedSurface(
        model, dressed, surface, layout, surface.spread(model.template), posed, photo, mask, camera
    )
    appearance = rules.complete(shown)
    pixel, _ = camera.project(posed, 0)
    visible = appearance.visibility > 0.5
    assert visible.sum() > 1000
    upper, lower = visible & (pixel[:, 1] < 78.0), visible & (pixel[:, 1] > 82.0)
    torch.testing.assert_close(appearance.color[upper], torch.tensor([1.0, 0.0, 0.0]).expand(int(upper.sum()), 3))
    torch.testing.assert_close(appearance.color[lower], torch.tensor([0.0, 1.0, 0.0]).expand(int(lower.sum()), 3))
