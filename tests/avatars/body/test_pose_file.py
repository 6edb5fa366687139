"""Named poses and parameter files: layouts, what carries over between body models, and refusals."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.joints import JOINT_NAMES
from avatars.body.pose_file import (
    BodyParameters,
    load_parameters,
    named_pose,
    pose_names,
    read_pose,
    save_parameters,
)
from avatars.body.skinning import rotations_from_axis_angle
from nfield.errors import DataError


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return BodyModel.load()


def placed(model: BodyModel, name: str) -> dict[str, torch.Tensor]:
    joints = model.joints(BodyPose(named_pose(name), torch.zeros(3), torch.zeros(10)))
    return dict(zip(JOINT_NAMES, joints, strict=True))


def test_t_pose_is_the_rest_pose():
    assert not named_pose("t-pose").any()


@pytest.mark.parametrize("name", [name for name in pose_names() if name in ("a-pose", "stand", "arms-up", "sit")])
def test_symmetric_poses_are_symmetric(model: BodyModel, name: str):
    joints = placed(model, name)
    for joint, position in joints.items():
        if joint.startswith("left_"):
            other = joints[joint.replace("left_", "right_")] * torch.tensor([-1.0, 1.0, 1.0])
            torch.testing.assert_close(position, other, atol=0.02, rtol=0)


def test_poses_do_what_their_names_say(model: BodyModel):
    assert placed(model, "arms-up")["left_wrist"][1] > placed(model, "t-pose")["head"][1]
    assert placed(model, "stand")["left_wrist"][1] < placed(model, "stand")["left_elbow"][1] - 0.15
    assert placed(model, "arms-forward")["right_wrist"][2] > 0.4
    assert placed(model, "sit")["left_knee"][2] > 0.3
    assert placed(model, "sit")["left_ankle"][1] < placed(model, "sit")["left_knee"][1] - 0.3
    assert placed(model, "walk")["left_ankle"][2] > placed(model, "walk")["right_ankle"][2] + 0.3
    assert placed(model, "wave")["right_wrist"][1] > placed(model, "wave")["right_shoulder"][1]


def test_unknown_pose_lists_the_names():
    with pytest.raises(DataError, match=r"no pose 'fly'; the named poses are t-pose, a-pose"):
        named_pose("fly")


def test_saved_parameters_come_back(tmp_path: Path, model: BodyModel, generator: torch.Generator):
    rotations, translation, shape = (torch.randn(*size, generator=generator) for size in ((24, 3), (3,), (10,)))
    save_parameters(tmp_path / "p.npz", BodyParameters(BodyPose(rotations, translation, shape), 900.0), model)
    loaded = load_parameters(tmp_path / "p.npz", model)
    assert torch.equal(loaded.pose.rotations, rotations)
    assert torch.equal(loaded.pose.translation, translation)
    assert torch.equal(loaded.pose.shape, shape)
    assert loaded.focal == 900.0


def test_foreign_hands_and_shape_do_not_carry_over(tmp_path: Path, model: BodyModel):
    np.savez(tmp_path / "p.npz", pose=np.ones((1, 72)), shape=np.ones((1, 10)), global_t=np.ones((1, 3)), focal_l=5000)
    loaded = load_parameters(tmp_path / "p.npz", model)
    assert not loaded.pose.shape.any()
    assert not loaded.pose.rotations[22:].any()
    assert loaded.pose.rotations[:22].eq(1).all()
    assert loaded.focal == 5000.0


def test_smpl_layout_with_matrices_equals_axis_angles(tmp_path: Path, model: BodyModel, generator: torch.Generator):
    rotations = 0.5 * torch.randn(24, 3, generator=generator)
    matrices = rotations_from_axis_angle(rotations).numpy()
    rest = {"betas": np.zeros((1, 10)), "transl": np.array([[0.0, 0.1, 3.0]])}
    np.savez(tmp_path / "m.npz", global_orient=matrices[None, :1], body_pose=matrices[None, 1:], **rest)
    vectors = rotations.numpy()
    np.savez(tmp_path / "v.npz", global_orient=vectors[:1], body_pose=vectors[1:].reshape(1, 69), **rest)
    from_matrices, from_vectors = (load_parameters(tmp_path / name, model) for name in ("m.npz", "v.npz"))
    torch.testing.assert_close(from_matrices.pose.rotations, from_vectors.pose.rotations, atol=1e-5, rtol=0)
    assert from_vectors.focal is None
    torch.testing.assert_close(from_vectors.pose.translation, torch.tensor([0.0, 0.1, 3.0]))


def test_pose_of_a_file_stands_upright(tmp_path: Path, model: BodyModel):
    np.savez(tmp_path / "p.npz", pose=np.full((1, 72), 0.2), shape=np.zeros(10), global_t=np.zeros(3), focal_l=1.0)
    pose = read_pose(str(tmp_path / "p.npz"), model)
    assert not pose[0].any()
    assert pose[1:22].eq(0.2).all()
    assert torch.equal(read_pose("walk", model), named_pose("walk"))


GOOD = {"pose": np.zeros((1, 72)), "shape": np.zeros((1, 10)), "global_t": np.zeros((1, 3)), "focal_l": np.ones(1)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pose": np.zeros((2, 72))}, r"pose has shape \(2, 72\), which is not 24 rotations"),
        ({"pose": np.zeros((1, 168))}, r"pose has shape \(1, 168\), which is not 24 rotations; expected .* 156 or 165"),
        ({"global_t": np.zeros(2)}, r"'global_t' has shape \(2,\), expected 3 numbers"),
        ({"pose": np.full((1, 72), math.nan)}, "rotations hold values that are not finite"),
        ({"focal_l": np.array(-3.0)}, "focal length is -3 pixels, expected a positive number"),
    ],
)
def test_wrong_parameters_are_explained(tmp_path: Path, model: BodyModel, change: dict, message: str):
    np.savez(tmp_path / "p.npz", **(GOOD | change))
    with pytest.raises(DataError, match=message):
        load_parameters(tmp_path / "p.npz", model)


def test_other_files_are_refused(tmp_path: Path, model: BodyModel):
    with pytest.raises(DataError, match=r"absent\.npz: no such file"):
        load_parameters(tmp_path / "absent.npz", model)
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(DataError, match=r"text\.npz: not readable as body parameters"):
        load_parameters(tmp_path / "text.npz", model)
    np.savez(tmp_path / "other.npz", image=np.zeros(3))
    with pytest.raises(DataError, match=r"it lacks global_orient and body_pose"):
        load_parameters(tmp_path / "other.npz", model)


def test_joints_of_photo_estimates_fall_inside_the_person(shared_data: Path, model: BodyModel):
    """Poses and cameras that were estimated for SMPL also place this body's joints on the people in the photos."""
    from PIL import Image

    inside = total = 0
    for folder in sorted((shared_data / "people").iterdir()):
        parameters = load_parameters(folder / "gt_params.npz", model)
        mask = np.asarray(Image.open(folder / "gt_mask.png").convert("L")) > 127
        joints = model.joints(parameters.pose)
        assert parameters.focal is not None
        pixels = (parameters.focal * joints[:, :2] / joints[:, 2:] + 512.0).long().clamp(0, 1023)
        inside += int(mask[pixels[:, 1].numpy(), pixels[:, 0].numpy()].sum())
        total += len(joints)
    assert inside >= 0.9 * total
