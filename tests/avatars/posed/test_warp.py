import math

import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import named_pose
from avatars.posed.warp import InverseSkinning, SkinningConfig
from nfield.fields import BuildContext, HashConfig
from nfield.fields.warped import WarpedField
from nfield.types import Box


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


def _warp(model: BodyModel, rotations: torch.Tensor, translation: tuple[float, float, float] = (0.0, 0.0, 0.0)):
    pose = BodyPose(rotations, torch.tensor(translation), torch.zeros(10))
    body = model.pose(pose)
    return body, InverseSkinning(body.vertices, body.posed_from_rest)


def _near_surface(model: BodyModel, generator: torch.Generator, count: int = 400, spread: float = 0.02):
    index = torch.randint(len(model.template), (count,), generator=generator)
    return model.template[index] + spread * (torch.rand(count, 3, generator=generator) - 0.5)


def test_t_pose_leaves_points_where_they_are(model: BodyModel, generator: torch.Generator):
    _, warp = _warp(model, torch.zeros(24, 3))
    points = _near_surface(model, generator)
    moved, presence, _ = warp.to_canonical(points)
    assert (presence == 1.0).all()
    assert (moved - points).norm(dim=-1).max() < 1e-5


def test_a_turned_and_shifted_body_is_carried_back_rigidly(model: BodyModel, generator: torch.Generator):
    rotations = torch.zeros(24, 3)
    rotations[0] = torch.tensor([math.pi, 0.3, -0.2])
    body, warp = _warp(model, rotations, (0.1, -0.4, 2.7))
    points = _near_surface(model, generator)
    posed = points @ body.joints_from_rest[0, :, :3].T + body.joints_from_rest[0, :, 3]
    moved, _, _ = warp.to_canonical(posed)
    assert (moved - points).norm(dim=-1).max() < 1e-5


def test_points_by_rigid_vertices_follow_their_bone(generator: torch.Generator):
    joints = torch.linalg.qr(torch.randn(20, 3, 3, generator=generator)).Q
    vertices = torch.rand(200, 3, generator=generator)
    for rotation in joints:
        affine = torch.cat([rotation, torch.randn(3, 1, generator=generator)], -1)
        posed = vertices @ rotation.T + affine[:, 3]
        warp = InverseSkinning(posed, affine.expand(200, 3, 4))
        points = vertices[:50] + 0.01
        moved, _, _ = warp.to_canonical(points @ rotation.T + affine[:, 3])
        assert (moved - points).norm(dim=-1).max() < 1e-5


@pytest.mark.parametrize("name", ["walk", "sit", "arms-up"])
def test_posed_surface_returns_to_rest_with_blendshapes(model: BodyModel, name: str):
    body, warp = _warp(model, named_pose(name))
    moved, presence, _ = warp.to_canonical(body.vertices)
    assert (presence == 1.0).all()
    error = (moved - model.template).norm(dim=-1)
    assert error.median() < 1e-3
    assert error.quantile(0.95) < 5e-3


def test_vertices_alone_return_exactly(model: BodyModel):
    body = model.pose(BodyPose(named_pose("sit"), torch.zeros(3), torch.zeros(10)))
    warp = InverseSkinning(body.vertices, body.posed_from_rest, SkinningConfig(neighbours=1))
    moved, _, _ = warp.to_canonical(body.vertices)
    assert (moved - model.template).norm(dim=-1).max() < 1e-3


def test_presence_falls_from_one_to_zero_between_the_margins():
    config = SkinningConfig(inner=0.05, outer=0.09)
    vertices = torch.tensor([[0.0, 0.0, 0.0]]).repeat(4, 1)
    warp = InverseSkinning(vertices, torch.eye(3, 4).expand(4, 3, 4), config)
    points = torch.tensor([[0.0, 0, 0], [0.0499, 0, 0], [0.07, 0, 0], [0.0901, 0, 0], [3.0, 0, 0]])
    _, presence, _ = warp.to_canonical(points)
    torch.testing.assert_close(presence, torch.tensor([1.0, 1.0, 0.5, 0.0, 0.0]))


def test_no_points_give_no_points(model: BodyModel):
    _, warp = _warp(model, torch.zeros(24, 3))
    moved, presence, _ = warp.to_canonical(torch.zeros(0, 3))
    assert moved.shape == (0, 3)
    assert presence.shape == (0,)


def test_warped_field_is_the_canonical_one_at_rest_and_empty_far_away(model: BodyModel, generator: torch.Generator):
    _, warp = _warp(model, torch.zeros(24, 3))
    field = HashConfig(levels=4, log2_table_size=8, finest_resolution=64, hidden=32).build(
        BuildContext(Box.cube(1.5), generator)
    )
    posed = WarpedField(field, warp)
    points = torch.cat([_near_surface(model, generator, count=64), torch.tensor([[1.2, 1.2, 1.2]])])
    dirs = torch.nn.functional.normalize(torch.randn(65, 3, generator=generator), dim=-1)
    with torch.no_grad():
        own, other = posed(points, dirs), field(points, dirs)
    torch.testing.assert_close(own.color[:64], other.color[:64], atol=1e-3, rtol=0)
    torch.testing.assert_close(own.presence, torch.cat([torch.ones(64), torch.zeros(1)]))
    assert posed.density(points)[-1] == 0.0
