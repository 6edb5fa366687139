import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.parts import PART_NAMES
from avatars.body.pose_file import named_pose
from avatars.surface.mesh import Surface, subdivide, vertex_parts
from avatars.surface.paint import PaintConfig, beside_hands, project_colors
from nfield.cameras import Cameras


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


@pytest.fixture(scope="module")
def surface(model: BodyModel):
    return subdivide(model.faces, len(model.template))


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
    assert paint.visible[[0, 5]].tolist() == [True, False]
    torch.testing.assert_close(paint.color[0], torch.tensor([0.0, 1.0, 0.0]))
    turned = project_colors(near, faces.flip(-1), photo, mask, camera, PaintConfig())
    assert not turned.visible.any()


def test_thighs_beside_hanging_hands_are_not_copied_and_far_ones_are(model: BodyModel, surface: Surface):
    hanging, spread = named_pose("stand"), torch.zeros(24, 3)
    parts = vertex_parts(model)[surface.parents[:, 0]]
    near, camera = [], Cameras.pinhole(500.0, (480, 480))
    for rotations in (hanging, spread):
        turned = rotations.clone()
        turned[0] = torch.tensor([torch.pi, 0.0, 0.0])
        body = model.pose(BodyPose(turned, torch.tensor([0.0, 0.0, 3.0]), torch.zeros(10)))
        near.append(beside_hands(model, surface, surface.spread(body.vertices), camera, within=0.15))
    thigh = parts == PART_NAMES.index("left thigh")
    assert (near[0] & thigh).sum() > 20
    assert not near[1].any()
    assert not (near[0] & (parts == PART_NAMES.index("left hand"))).any()
