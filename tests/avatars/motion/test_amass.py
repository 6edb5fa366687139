"""AMASS files made here, against rotations and ways by plain numpy."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from avatars.body import BodyPose
from avatars.motion import open_motion
from avatars.motion.motion import on_body
from nfield.errors import DataError
from tests.avatars.motion.bodies import body

_Z_UP = Rotation.from_rotvec([np.pi / 2, 0.0, 0.0])
"""From the upright world to AMASS's."""


def _poses(numbers: int, frames: int = 6) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(frames, numbers)) * 0.15


def _walking(numbers: int, frames: int = 6):
    """Poses of somebody who turns from -30 to 60 degrees about the vertical while walking there, in AMASS's world."""
    poses = _poses(numbers, frames)
    heading = np.radians(np.linspace(-30.0, 60.0, frames))
    upright = Rotation.from_rotvec(np.stack([0 * heading, heading, 0 * heading], 1))
    poses[:, :3] = (_Z_UP * upright).as_rotvec()
    way = np.cumsum(np.stack([np.sin(heading), 0 * heading + 0.003, np.cos(heading)], 1) * 0.05, 0)
    return poses, _Z_UP.apply(way), way


@pytest.mark.parametrize("numbers", [72, 156, 165])
@pytest.mark.parametrize("rate", ["mocap_framerate", "mocap_frame_rate"])
def test_poses_travel_and_turning_are_kept(numbers: int, rate: str, tmp_path: Path):
    poses, trans, way = _walking(numbers)
    arrays = {"poses": poses, "trans": trans, rate: np.array(120.0), "betas": np.zeros(16)}
    np.savez(tmp_path / "a.npz", gender=np.array("neutral"), **arrays)  # pyright: ignore[reportArgumentType]
    motion = open_motion(str(tmp_path / "a.npz"), body())
    assert (motion.rate, len(motion), motion.name) == (120.0, 6, "a")
    np.testing.assert_allclose(motion.rotations[:, 1:].reshape(6, -1), poses[:, 3:], atol=1e-6)
    # It begins looking along z, and turns by 90 degrees to the left.
    forward = Rotation.from_rotvec(motion.rotations[:, 0].numpy()).apply([0.0, 0.0, 1.0])
    heading = np.degrees(np.arctan2(forward[:, 0], forward[:, 2]))
    np.testing.assert_allclose(heading, np.linspace(0.0, 90.0, 6), atol=1e-3)
    # Its way turns with it, and is as much longer as its legs are.
    ahead = Rotation.from_rotvec([0.0, np.radians(30.0), 0.0]).apply(way - way[0])
    found = (motion.travel - motion.travel[0]).numpy()
    scale = np.linalg.norm(found[-1]) / np.linalg.norm(ahead[-1])
    assert 0.9 < scale < 1.1
    np.testing.assert_allclose(found, scale * ahead, atol=1e-5)


@pytest.mark.parametrize("world", [Rotation.identity(), Rotation.from_rotvec([np.pi, 0.0, 0.0])])
def test_worlds_with_y_upwards_or_downwards_are_known(world: Rotation, tmp_path: Path):
    poses, _, way = _walking(72)
    upright = _Z_UP.inv() * Rotation.from_rotvec(poses[:, :3])
    poses[:, :3] = (world * upright).as_rotvec()
    np.savez(tmp_path / "a.npz", poses=poses, trans=world.apply(way), fps=np.array(30.0))
    motion = open_motion(str(tmp_path / "a.npz"), body())
    up = Rotation.from_rotvec(motion.rotations[:, 0].numpy()).apply([0.0, 1.0, 0.0])
    np.testing.assert_allclose(up, np.tile([0.0, 1.0, 0.0], (6, 1)), atol=1e-5)
    assert float((motion.travel[-1] - motion.travel[0]).norm()) > 0.2


@pytest.mark.parametrize("heading", [np.pi / 2, np.pi / 4])
def test_somebody_who_lies_is_in_amass_s_world(heading: float, tmp_path: Path):
    poses = np.zeros((4, 156))
    # Lying on the ground, along x or diagonally, of a world with z upwards.
    lying = _Z_UP * Rotation.from_rotvec([0.0, heading, 0.0]) * Rotation.from_rotvec([-np.pi / 2, 0.0, 0.0])
    poses[:, :3] = lying.as_rotvec()
    np.savez(tmp_path / "a.npz", poses=poses, trans=np.zeros((4, 3)), mocap_framerate=np.array(60.0))
    motion = open_motion(str(tmp_path / "a.npz"), body())
    joints = body().joints(BodyPose(on_body(motion.rotations[0], body()), motion.travel[0], torch.zeros(10)))
    assert float(joints[:, 1].max() - joints[:, 1].min()) < 0.25


def test_it_stands_on_the_ground(tmp_path: Path):
    poses = np.zeros((5, 156))
    poses[:, :3] = _Z_UP.as_rotvec()
    np.savez(tmp_path / "a.npz", poses=poses, trans=np.full((5, 3), 0.93), mocap_framerate=np.array(60.0))
    motion = open_motion(str(tmp_path / "a.npz"), body())
    assert motion.travel.abs().max() < 2e-3
    assert motion.contacts is not None
    assert motion.contacts.all()


def test_without_a_place_it_stands_in_every_frame(tmp_path: Path):
    poses = np.zeros((2, 72))
    poses[1, [3, 6]] = -1.2  # both thighs forwards
    poses[1, [12, 15]] = 1.2  # both knees bent
    np.savez(tmp_path / "a.npz", poses=poses, fps=np.array(2.0))
    motion = open_motion(str(tmp_path / "a.npz"), body())
    assert motion.travel[0].abs().max() < 1e-3
    assert -0.5 < float(motion.travel[1, 1]) < -0.15


def test_smpl_x_files_in_parts_are_joined(tmp_path: Path):
    poses = _poses(66)
    np.savez(tmp_path / "a.npz", root_orient=poses[:, :3], pose_body=poses[:, 3:], fps=np.array(30.0))
    motion = open_motion(str(tmp_path / "a.npz"), body())
    np.testing.assert_allclose(motion.rotations[:, 1:22].reshape(6, -1), poses[:, 3:], atol=1e-6)


def test_a_missing_rate_is_told(tmp_path: Path):
    np.savez(tmp_path / "a.npz", poses=_poses(72), trans=np.zeros((6, 3)))
    with pytest.warns(UserWarning, match=r"a\.npz: says no frame rate, 30 frames a second are assumed"):
        assert open_motion(str(tmp_path / "a.npz"), body()).rate == 30.0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "has no 'poses', it holds nothing"),
        ({"betas": np.zeros(10), "trans": np.zeros((3, 3))}, "has no 'poses', it holds betas, trans"),
        ({"poses": np.zeros(())}, "which is no body's"),
        ({"poses": np.zeros((0, 72))}, "has no frames"),
        ({"poses": np.zeros((3, 5))}, "which is no body's"),
        ({"poses": np.full((3, 72), np.nan)}, "not finite"),
        ({"poses": np.zeros((3, 72)), "fps": np.array(0.0)}, "has 0 frames a second"),
        ({"poses": np.zeros((3, 72)), "fps": np.array(np.nan)}, "frames a second"),
        ({"poses": np.zeros((3, 72)), "trans": np.zeros((2, 3)), "fps": np.array(3.0)}, "its 'trans' has shape"),
        ({"poses": np.array(["a"])}, "has no 'poses'"),
    ],
)  # fmt: skip
def test_other_arrays_are_refused(arrays: dict[str, np.ndarray], message: str, tmp_path: Path):
    np.savez(tmp_path / "a.npz", **arrays)  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match=r"a\.npz") as raised:
        open_motion(str(tmp_path / "a.npz"), body())
    assert message in str(raised.value)
    assert "as in AMASS" in str(raised.value)


def test_damaged_archives_are_named(tmp_path: Path):
    (tmp_path / "damaged.npz").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(DataError, match=r"damaged\.npz: not readable as a motion"):
        open_motion(str(tmp_path / "damaged.npz"), body())
