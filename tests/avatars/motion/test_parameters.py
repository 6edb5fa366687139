"""A folder of body parameters, one file a frame."""

from pathlib import Path

import numpy as np
import pytest
import torch

from avatars.body import BodyPose
from avatars.body.pose_file import BodyParameters, save_parameters
from avatars.motion import open_motion
from nfield.errors import DataError
from tests.avatars.motion.bodies import body


def _write(folder: Path, frames: int):
    """Somebody before a camera, upright in its frame (y down), who comes nearer and lifts the left arm."""
    for frame in range(frames):
        rotations = torch.zeros(24, 3)
        rotations[0] = torch.tensor([torch.pi, 0.0, 0.0])
        rotations[16, 2] = 0.05 * frame
        pose = BodyPose(rotations, torch.tensor([0.1, 0.2, 4.0 - 0.1 * frame]), torch.zeros(10))
        save_parameters(folder / f"frame_{frame}.npz", BodyParameters(pose, 500.0), body())


def test_frames_come_in_the_order_of_their_numbers(tmp_path: Path):
    _write(tmp_path, 12)
    with pytest.warns(UserWarning, match="12 frames, at 30 a second"):
        motion = open_motion(str(tmp_path), body())
    np.testing.assert_allclose(motion.rotations[:, 16, 2], 0.05 * np.arange(12), atol=1e-6)
    # Nearer to the camera is forwards, for who looks at it.
    np.testing.assert_allclose(motion.travel[:, 2], 0.1 * np.arange(12), atol=1e-5)
    assert motion.rotations[:, 0].abs().max() < 1e-3
    assert motion.name == tmp_path.name


def test_empty_folders_and_foreign_files_are_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"this folder holds no \.npz files"):
        open_motion(str(tmp_path), body())
    np.savez(tmp_path / "1.npz", other=np.zeros(3))
    with pytest.raises(DataError, match=r"1\.npz: it lacks"):
        open_motion(str(tmp_path), body())
