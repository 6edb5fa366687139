import pytest
import torch
from scipy import ndimage

from avatars.body import Body, BodyModel, BodyPose
from avatars.body.pose_file import named_pose
from avatars.body.skinning import transform
from avatars.surface.dress import DressConfig, dress, follow_outline, growth_limits
from avatars.surface.dressed import DressedSurface
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


def _trousers(model: BodyModel) -> torch.Tensor:
    """The body at rest with trousers that stand off by a centimetre and end above the ankle."""
    normals = vertex_normals(model.template, model.faces)
    leg = (model.template[:, 1] < -0.1) & (model.template[:, 1] > model.template[:, 1].min() + 0.25)
    return model.template + 0.01 * leg[:, None] * normals


def test_a_hem_is_followed_that_the_wide_growth_cannot(model: BodyModel, body: Body):
    worn = _trousers(model)
    mask = _cover(transform(body.posed_from_rest, worn), model.faces)
    wide = dress(model, body, torch.zeros(10), mask, _CAMERA)
    fine = follow_outline(model, body, DressedSurface(wide, model.faces), mask, _CAMERA).rest
    before, after = (_iou(_cover(transform(body.posed_from_rest, rest), model.faces), mask) for rest in (wide, fine))
    assert after > before
    assert after > 0.98
    assert (fine - wide).norm(dim=-1).max() < DressConfig().fine_reach + 1e-5


def test_far_away_outlines_are_not_followed(model: BodyModel, body: Body):
    """What stands off by more than the fine reach is a garment's, not the body's."""
    mask = torch.ones(_CAMERA.size, dtype=torch.bool)
    followed = follow_outline(model, body, DressedSurface(model.template, model.faces), mask, _CAMERA).rest
    head = model.template[:, 1] > model.joints(BodyPose(torch.zeros(24, 3), torch.zeros(3), torch.zeros(10)))[15, 1]
    torch.testing.assert_close(followed[head], model.template[head], atol=1e-4, rtol=0)


def test_without_fine_rounds_nothing_moves(model: BodyModel, body: Body):
    own = DressedSurface(model.template, model.faces)
    mask = _cover(transform(body.posed_from_rest, _trousers(model)), model.faces)
    still = follow_outline(model, body, own, mask, _CAMERA, DressConfig(fine_rounds=0))
    assert torch.equal(still.rest, own.rest)
