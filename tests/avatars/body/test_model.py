"""The body model against its own file, laws of rigid motion, finite differences and an independent implementation."""

import numpy as np
import pytest
import torch

import assets
from avatars.body import BodyModel, BodyPose
from avatars.body.parts import PART_NAMES
from avatars.body.skinning import rotations_from_axis_angle, transform


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return BodyModel.load()


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    with np.load(assets.path("body/body.npz"), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def random_pose(generator: torch.Generator, *, batch: tuple[int, ...] = (), shape_count: int = 10) -> BodyPose:
    def normal(*size: int) -> torch.Tensor:
        return torch.randn(*batch, *size, generator=generator)

    return BodyPose(0.4 * normal(24, 3), normal(3), normal(shape_count))


def test_identity_pose_returns_template(model: BodyModel, arrays: dict[str, np.ndarray]):
    body = model.pose(BodyPose.rest())
    torch.testing.assert_close(body.vertices, torch.from_numpy(arrays["v_template"]), atol=1e-6, rtol=0)
    identity = torch.eye(3, 4).expand_as(body.posed_from_rest)
    torch.testing.assert_close(body.posed_from_rest, identity, atol=1e-6, rtol=0)


def test_joints_are_regressed_from_shaped_vertices(
    model: BodyModel, arrays: dict[str, np.ndarray], generator: torch.Generator
):
    shape = torch.randn(10, generator=generator)
    vertices, joints = model.rest(shape)
    displaced = arrays["v_template"] + arrays["shapedirs"].astype(np.float32) @ shape.numpy()
    torch.testing.assert_close(vertices, torch.from_numpy(displaced), atol=1e-6, rtol=0)
    torch.testing.assert_close(joints, torch.from_numpy(arrays["J_regressor"] @ displaced), atol=1e-6, rtol=0)


def test_global_orientation_turns_the_body_about_its_pelvis(model: BodyModel, generator: torch.Generator):
    pose = random_pose(generator)
    turn = torch.tensor([0.3, -1.0, 0.5])
    upright = torch.cat([torch.zeros(1, 3), pose.rotations[1:]])
    turned = torch.cat([turn[None], pose.rotations[1:]])
    before = model.pose(BodyPose(upright, torch.zeros(3), pose.shape))
    after = model.pose(BodyPose(turned, torch.zeros(3), pose.shape))
    pelvis = before.joints[0]
    expected = (before.vertices - pelvis) @ rotations_from_axis_angle(turn).T + pelvis
    torch.testing.assert_close(after.vertices, expected, atol=2e-6, rtol=0)


def test_translation_moves_everything_alike(model: BodyModel, generator: torch.Generator):
    pose = random_pose(generator)
    still = model.pose(BodyPose(pose.rotations, torch.zeros(3), pose.shape))
    moved = model.pose(pose)
    torch.testing.assert_close(moved.vertices, still.vertices + pose.translation, atol=2e-6, rtol=0)
    torch.testing.assert_close(moved.joints, still.joints + pose.translation, atol=2e-6, rtol=0)


def test_affine_maps_carry_the_rest_body_to_the_posed_body(model: BodyModel, generator: torch.Generator):
    pose = random_pose(generator)
    body = model.pose(pose)
    rest, rest_joints = model.rest(pose.shape)
    torch.testing.assert_close(transform(body.posed_from_rest, rest), body.vertices, atol=1e-6, rtol=0)
    torch.testing.assert_close(transform(body.joints_from_rest, rest_joints), body.joints, atol=2e-6, rtol=0)


def test_bone_lengths_do_not_depend_on_the_pose(model: BodyModel, generator: torch.Generator):
    pose = random_pose(generator)
    joints, rest = model.joints(pose), model.rest(pose.shape)[1]
    parents = torch.tensor(model.parents[1:])
    posed_lengths = (joints[1:] - joints[parents]).norm(dim=-1)
    torch.testing.assert_close(posed_lengths, (rest[1:] - rest[parents]).norm(dim=-1), atol=1e-6, rtol=0)


def test_batch_agrees_with_single_poses(model: BodyModel, generator: torch.Generator):
    poses = random_pose(generator, batch=(3,))
    batch = model.pose(poses)
    for index in range(3):
        one = model.pose(BodyPose(poses.rotations[index], poses.translation[index], poses.shape[index]))
        torch.testing.assert_close(batch.vertices[index], one.vertices, atol=2e-6, rtol=0)
        torch.testing.assert_close(batch.posed_from_rest[index], one.posed_from_rest, atol=2e-6, rtol=0)
    torch.testing.assert_close(batch.joints, model.joints(poses), atol=0, rtol=0)


@pytest.mark.parametrize("scale", [0.0, 0.7])
def test_gradients_of_a_cut_down_body_agree_with_differences(
    model: BodyModel, generator: torch.Generator, scale: float
):
    small = model.subset(torch.randperm(len(model.template), generator=generator)[:4]).to(dtype=torch.float64)
    inputs = tuple(
        (scale * torch.randn(*size, generator=generator, dtype=torch.float64)).requires_grad_()
        for size in ((24, 3), (3,), (2,))
    )

    def posed(rotations: torch.Tensor, translation: torch.Tensor, shape: torch.Tensor):
        body = small.pose(BodyPose(rotations, translation, shape))
        return body.vertices, body.joints, body.posed_from_rest

    assert torch.autograd.gradcheck(posed, inputs)


def test_subset_keeps_vertices_and_whole_faces(model: BodyModel, generator: torch.Generator):
    chosen = model.faces[100:120].unique()
    pose = random_pose(generator)
    small = model.subset(chosen)
    torch.testing.assert_close(small.pose(pose).vertices, model.pose(pose).vertices[chosen], atol=2e-6, rtol=0)
    whole = torch.isin(model.faces, chosen).all(1)
    assert torch.equal(chosen[small.faces], model.faces[whole])


def test_agrees_with_an_independent_implementation(
    arrays: dict[str, np.ndarray], model: BodyModel, generator: torch.Generator
):
    smplx = pytest.importorskip("smplx")
    data = {name: value.astype(np.float32) if value.dtype == np.float16 else value for name, value in arrays.items()}
    landmarks = dict(zip(map(str, data["vertex_ids_names"]), map(int, data["vertex_ids"]), strict=True))
    reference = smplx.SMPL(model_path="", data_struct=smplx.utils.Struct(**data), vertex_ids=landmarks)
    for _ in range(3):
        pose = random_pose(generator)
        expected = reference(
            betas=pose.shape[None],
            global_orient=pose.rotations[None, 0],
            body_pose=pose.rotations[1:].reshape(1, 69),
            transl=pose.translation[None],
        )
        body = model.pose(pose)
        torch.testing.assert_close(body.vertices, expected.vertices[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(body.joints, expected.joints[0, :24], atol=1e-5, rtol=0)


def test_skin_is_outward_and_as_heavy_as_a_person(model: BodyModel):
    a, b, c = model.template.double()[model.faces].unbind(1)
    litres = 1000.0 * (torch.linalg.cross(a, b) * c).sum() / 6.0
    assert 60.0 < litres < 85.0


def test_mirror_is_an_involution_that_swaps_left_and_right_parts(model: BodyModel):
    vertices = torch.arange(len(model.template))
    assert torch.equal(model.mirror[model.mirror], vertices)
    flipped = model.template[model.mirror] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(flipped, model.template, atol=2e-4, rtol=0)
    swapped = [PART_NAMES.index(_other_side(name)) for name in PART_NAMES]
    label_of_face = {
        tuple(sorted(face)): part for face, part in zip(model.faces.tolist(), model.parts.tolist(), strict=True)
    }
    mirrored_faces = model.mirror[model.faces].sort(1).values.tolist()
    agree = [
        label_of_face.get(tuple(face), -1) == swapped[part]
        for face, part in zip(mirrored_faces, model.parts.tolist(), strict=True)
    ]
    # A few quads are split along another diagonal on the other side.
    assert np.mean(agree) > 0.97


def test_parts_lie_where_their_names_say(model: BodyModel):
    centre = {
        name: model.template[model.faces[model.parts == label]].reshape(-1, 3).mean(0)
        for label, name in enumerate(PART_NAMES)
        if label
    }
    assert centre["head"][1] > centre["neck"][1] > centre["torso"][1] > centre["left thigh"][1] > centre["left leg"][1]
    assert centre["left hand"][0] > centre["left arm"][0] > 0.0 > centre["right arm"][0] > centre["right hand"][0]


def _other_side(name: str) -> str:
    swap = {"left": "right", "right": "left"}
    return " ".join(swap.get(word, word) for word in name.split())
