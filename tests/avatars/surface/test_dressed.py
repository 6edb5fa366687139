import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import named_pose
from avatars.surface.dressed import DressedSurface


def _posed(name: str):
    model = BodyModel.load()
    return model, model.pose(BodyPose(named_pose(name), torch.tensor([0.1, -0.2, 2.0]), torch.zeros(10)))


def test_a_body_in_its_own_skin_is_posed_as_the_body():
    model, body = _posed("walk")
    dressed = DressedSurface.tight(model.template, model.faces)
    assert dressed.garment_weights.shape == (0, 24)
    torch.testing.assert_close(dressed.posed(body), body.vertices, atol=1e-5, rtol=0)
    assert torch.equal(dressed.weights(model), model.weights)


def test_a_garments_vertex_follows_the_joints_by_its_own_weights():
    """Vertices that hang on one joint move rigidly with it; between two, their maps are mixed."""
    model, body = _posed("sit")
    garment = torch.tensor([[0.2, -0.4, 0.1], [0.0, -0.5, 0.15], [-0.2, 0.1, 0.0]])
    weights = torch.zeros(3, 24)
    weights[0, 4], weights[1, 0], weights[2, 1], weights[2, 2] = 1.0, 1.0, 0.25, 0.75
    dressed = DressedSurface(torch.cat([model.template, garment]), model.faces, weights)
    maps = dressed.posed_from_rest(body)
    assert torch.equal(maps[:-3], body.posed_from_rest)
    for row in range(3):
        expected = torch.zeros(3)
        for joint in range(24):
            affine = body.joints_from_rest[joint]
            expected += weights[row, joint] * (affine[:, :3] @ garment[row] + affine[:, 3])
        torch.testing.assert_close(dressed.posed(body)[-3 + row], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(dressed.weights(model)[-3:], weights)


def test_weights_have_a_row_for_every_vertex():
    model, _ = _posed("stand")
    garment = torch.rand(7, 24).softmax(-1)
    dressed = DressedSurface(torch.cat([model.template, torch.zeros(7, 3)]), model.faces, garment)
    assert dressed.weights(model).shape == (len(dressed.rest), 24)
    torch.testing.assert_close(dressed.weights(model).sum(-1), torch.ones(len(dressed.rest)))
