import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import named_pose
from avatars.surface.dressed import DressedSurface, uncovered
from tests.avatars.surface.shapes import floating_garment


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


def test_a_body_in_its_own_skin_is_posed_as_the_body(model: BodyModel):
    body = model.pose(BodyPose(named_pose("walk"), torch.tensor([0.1, -0.2, 2.0]), torch.zeros(10)))
    dressed = DressedSurface(model.template, model.faces)
    torch.testing.assert_close(dressed.posed(model, body), body.vertices, atol=1e-5, rtol=0)
    assert torch.equal(dressed.weights(model), model.weights)
    assert dressed.body_count == len(model.template)


def test_a_garment_comes_after_the_body(model: BodyModel):
    garment = floating_garment(model)
    dressed = DressedSurface.wearing(garment, model.faces[100:])
    count = len(model.template)
    assert dressed.body_count == count
    assert torch.equal(dressed.rest[:count], garment.body)
    assert torch.equal(dressed.rest[count:], garment.rest)
    assert torch.equal(dressed.faces[:-2], model.faces[100:])
    assert torch.equal(dressed.rest[dressed.faces[-2:]], garment.rest[garment.faces])
    assert dressed.weights(model).shape == (len(dressed.rest), 24)
    torch.testing.assert_close(dressed.weights(model)[count:], garment.weights)


def test_a_garment_that_meets_nothing_turns_with_the_hips(model: BodyModel):
    """Only the root turns, so all joints, and whatever follows them, move as one."""
    rotations = torch.zeros(24, 3)
    rotations[0] = torch.tensor([0.3, 0.8, -0.2])
    body = model.pose(BodyPose(rotations, torch.tensor([0.1, -0.2, 2.0]), torch.zeros(10)))
    dressed = DressedSurface.wearing(floating_garment(model), model.faces)
    whole = body.joints_from_rest[0]
    expected = dressed.rest[-4:] @ whole[:, :3].T + whole[:, 3]
    torch.testing.assert_close(dressed.posed(model, body)[-4:], expected, atol=2e-3, rtol=0)
    maps = dressed.posed_from_rest(model, body)
    assert torch.equal(maps[: dressed.body_count], body.posed_from_rest)


def test_values_of_the_body_are_zero_on_the_garment(model: BodyModel):
    dressed = DressedSurface.wearing(floating_garment(model), model.faces)
    values = torch.rand(len(model.template), 3)
    padded = dressed.padded(values)
    assert torch.equal(padded[: len(values)], values)
    assert torch.equal(padded[len(values) :], torch.zeros(4, 3))
    alone = DressedSurface(model.template, model.faces)
    assert torch.equal(alone.padded(values), values)


def test_triangles_whose_three_corners_are_covered_lie_under_a_garment(model: BodyModel):
    garment = floating_garment(model, covered=model.template[:, 1] < 0.0)
    kept = uncovered(model.faces, garment)
    for face, uncovered_ in zip(model.faces[::50].tolist(), kept[::50].tolist(), strict=True):
        assert uncovered_ == any(float(model.template[corner, 1]) >= 0.0 for corner in face)
    assert uncovered(model.faces, None).all()
