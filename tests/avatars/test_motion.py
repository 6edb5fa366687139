import json
from pathlib import Path

import numpy as np
import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.body.joints import JOINT_NAMES
from avatars.body.pose_file import named_pose
from avatars.motion import SHIPPED, between, load_motion, mirrored, shipped_motion
from nfield.errors import DataError


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_motions_have_no_leaps(name: str):
    frames = shipped_motion(name)
    assert frames.isfinite().all()
    around = torch.cat([frames, frames[:1]])
    assert around.diff(dim=0).norm(dim=-1).max() < 0.45


def test_a_mirrored_pose_stands_at_the_mirrored_place():
    model = BodyModel.load()
    other = [
        JOINT_NAMES.index(
            name.replace("left", "?").replace("right", "left").replace("?", "right")
        )
        for name in JOINT_NAMES
    ]  # fmt: skip
    joints, image = (
        model.joints(BodyPose(rotations, torch.zeros(3), torch.zeros(10)))
        for rotations in (named_pose("kick"), mirrored(named_pose("kick")))
    )
    torch.testing.assert_close(image[other] * torch.tensor([-1.0, 1.0, 1.0]), joints, atol=0.02, rtol=0.0)
    torch.testing.assert_close(mirrored(mirrored(named_pose("wave"))), named_pose("wave"))


def test_motions_pass_through_their_poses_and_return():
    first, second = named_pose("stand"), named_pose("sit")
    frames = between([first, second], 1.0)
    assert len(frames) == 60
    torch.testing.assert_close(frames[0], first)
    torch.testing.assert_close(frames[30], second)
    torch.testing.assert_close(frames[15], 0.5 * (first + second))


def test_arrays_are_read_with_their_rate_and_without_global_turns(tmp_path: Path):
    poses = np.random.default_rng(0).normal(size=(7, 72)) * 0.1
    np.savez(tmp_path / "a.npz", poses=poses, mocap_framerate=np.array(120.0))
    frames, rate = load_motion(tmp_path / "a.npz")
    assert rate == 120.0
    np.testing.assert_allclose(frames[:, 1:].reshape(7, -1), poses[:, 3:], atol=1e-6)
    assert (frames[:, 0] == 0.0).all()


def test_of_bodies_with_fingers_the_body_is_taken(tmp_path: Path):
    poses = np.random.default_rng(0).normal(size=(3, 156)) * 0.1
    np.savez(tmp_path / "a.npz", poses=poses)
    frames, rate = load_motion(tmp_path / "a.npz")
    assert rate == 30.0
    np.testing.assert_allclose(frames[:, 1:22].reshape(3, -1), poses[:, 3:66], atol=1e-6)
    assert (frames[:, 22:] == 0.0).all()


def test_json_holds_names_or_numbers(tmp_path: Path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"poses": ["stand", "wave"], "seconds": 0.5}))
    frames, rate = load_motion(path)
    assert (len(frames), rate) == (30, 30.0)
    torch.testing.assert_close(frames[15], named_pose("wave"))
    path.write_text(json.dumps({"poses": [[0.1] * 72] * 4, "fps": 12}))
    frames, rate = load_motion(path)
    assert (len(frames), rate) == (4, 12.0)


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "{}", '{"poses": []}', '{"poses": [[1, 2]]}', '{"poses": [[1], [2, 3]]}', '{"poses": ["flying"]}',
        '{"poses": 3}', '{"poses": ["stand"], "seconds": "x"}',
    ],
)  # fmt: skip
def test_other_json_is_refused(tmp_path: Path, content: str):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError):
        load_motion(tmp_path / "a.json")


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"poses": np.zeros(())},
        {"poses": np.zeros((0, 72))},
        {"poses": np.zeros((3, 5))},
        {"poses": np.full((3, 72), np.nan)},
        {"poses": np.zeros((3, 72)), "fps": np.array(0.0)},
        {"poses": np.zeros((3, 72)), "fps": np.array(np.nan)},
        {"poses": np.array(["a"])},
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray]):
    np.savez(tmp_path / "a.npz", **arrays)  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError):
        load_motion(tmp_path / "a.npz")


def test_missing_and_damaged_files_are_named(tmp_path: Path):
    (tmp_path / "damaged.npz").write_bytes(b"PK\x03\x04 not a zip")
    for name in ("missing.npz", "missing.json", "damaged.npz"):
        with pytest.raises(DataError, match=name):
            load_motion(tmp_path / name)
