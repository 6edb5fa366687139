import pytest
import torch
from scipy import ndimage

from avatars.body import Body, BodyModel, BodyPose
from avatars.body.pose_file import named_pose
from avatars.body.skinning import transform
from avatars.surface.dress import DressConfig, dress, growth_limits
from avatars.surface.mesh import face_vertices, vertex_normals
from nfield.cameras import Cameras
from nfield.kernels.rasterize import rasterize

_CAMERA = Cameras.pinhole(420.0, (320, 320))


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


@pytest.fixture(scope="module")
def body(model: BodyModel):
    rotations = named_pose("a-pose")
    rotations[0] = torch.tensor([torch.pi, 0.0, 0.0])
    return model.pose(BodyPose(rotations, torch.tensor([0.0, -0.25, 2.7]), torch.zeros(10)))


def _cover(vertices: torch.Tensor, faces: torch.Tensor):
    return rasterize(vertices, faces, _CAMERA.intrinsics[0], _CAMERA.size).face >= 0


def _iou(a: torch.Tensor, b: torch.Tensor):
    return float((a & b).sum() / (a | b).sum())


def test_own_outline_leaves_the_body_almost_as_it_is(model: BodyModel, body: Body):
    mask = _cover(body.vertices, model.faces)
    dressed = dress(model, body, torch.zeros(10), mask, _CAMERA)
    assert (dressed - model.template).norm(dim=-1).max() < 0.012
    assert _iou(_cover(transform(body.posed_from_rest, dressed), model.faces), mask) > 0.96


def test_wider_outline_is_grown_into_within_the_limits(model: BodyModel, body: Body):
    cover = _cover(body.vertices, model.faces)
    mask = torch.from_numpy(ndimage.binary_dilation(cover.numpy(), iterations=4))
    dressed = dress(model, body, torch.zeros(10), mask, _CAMERA)
    grown = _cover(transform(body.posed_from_rest, dressed), model.faces)
    assert _iou(grown, mask) > _iou(cover, mask) + 0.08
    offset = ((dressed - model.template) * vertex_normals(model.template, model.faces)).sum(-1)
    assert (offset <= growth_limits(model) + 1e-5).all()
    assert (offset >= -DressConfig().shrink - 1e-5).all()


def test_face_and_hands_hardly_grow(model: BodyModel):
    limit = growth_limits(model)
    assert limit[face_vertices(model)].max() < 0.01
    assert limit[[model.landmarks["lindex"], model.landmarks["rindex"]]].max() < 0.01
    assert limit.max() > 0.05
