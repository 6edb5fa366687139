import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from avatars.body import BodyModel
from avatars.body.joints import SMPLH_JOINT_NAMES
from avatars.motion import Motion
from avatars.motion.motion import intervals, on_body


def _turning(frames: int = 5, *, loops: bool = False, rate: float = 10.0):
    """One joint that turns about z and another that turns about y, walking along x and bobbing."""
    share = torch.linspace(0.0, 1.0, frames)
    turns = torch.zeros(frames, 2, 3)
    turns[:, 0, 2], turns[:, 1, 1] = 0.8 * share, -0.4 * share
    travel = torch.stack([share, 0.1 * (2.0 * math.pi * share).sin(), torch.zeros(frames)], 1)
    return Motion(turns, travel, rate, "turning", loops)


def test_frames_are_met_exactly():
    motion = _turning()
    for index in range(len(motion)):
        posture = motion.at(index / motion.rate)
        torch.testing.assert_close(posture.rotations, motion.rotations[index], atol=1e-6, rtol=0.0)
        torch.testing.assert_close(posture.travel, motion.travel[index], atol=1e-6, rtol=0.0)


def test_between_frames_rotations_go_the_shortest_way_at_a_steady_speed():
    first, second = Rotation.from_rotvec([0.3, -1.2, 2.0]), Rotation.from_rotvec([-1.0, 0.4, -2.2])
    turns = torch.from_numpy(np.stack([first.as_rotvec(), second.as_rotvec()]))[:, None].float()
    motion = Motion(turns, torch.zeros(2, 3), 1.0)
    whole = (first.inv() * second).magnitude()
    for share in (0.25, 0.5, 0.9):
        found = Rotation.from_rotvec(motion.at(share).rotations[0].numpy())
        assert (first.inv() * found).magnitude() == pytest.approx(share * whole, abs=1e-5)
        assert (found.inv() * second).magnitude() == pytest.approx((1.0 - share) * whole, abs=1e-5)


@given(seconds=st.floats(-3.0, 9.0))
def test_a_loop_goes_on_one_cycle_farther(seconds: float):
    motion = _turning(loops=True)
    now, later = motion.at(seconds), motion.at(seconds + motion.seconds)
    torch.testing.assert_close(later.travel - now.travel, motion.cycle, atol=1e-4, rtol=0.0)
    still = motion.at(seconds, accumulates=False)
    assert 0.0 <= float(still.travel[0]) <= 1.0 + 1e-6


def test_what_does_not_loop_keeps_its_ends():
    motion = _turning()
    torch.testing.assert_close(motion.at(-5.0).travel, motion.travel[0])
    torch.testing.assert_close(motion.at(99.0).rotations, motion.rotations[-1], atol=1e-6, rtol=0.0)
    assert (motion.cycle == 0.0).all()


def test_another_rate_shows_the_same():
    motion = _turning(loops=True)
    finer = motion.resampled(30.0)
    assert (len(finer), finer.rate, finer.loops) == (13, pytest.approx(30.0), True)
    assert finer.seconds == pytest.approx(motion.seconds)
    torch.testing.assert_close(finer.cycle, motion.cycle)
    torch.testing.assert_close(finer.resampled(10.0).rotations, motion.rotations, atol=1e-5, rtol=0.0)
    odd = motion.resampled(7.0)
    assert odd.seconds == pytest.approx(motion.seconds)


def test_in_place_a_loop_keeps_its_sway_and_loses_its_way():
    motion = _turning(frames=9, loops=True)
    still = motion.in_place()
    torch.testing.assert_close(still.travel[:, 0], torch.zeros(9), atol=1e-6, rtol=0.0)
    torch.testing.assert_close(still.travel[:, 1], motion.travel[:, 1])
    assert float(still.cycle.norm()) < 1e-6


def test_feet_that_stood_in_place_still_stand():
    contacts = torch.ones(9, 2, dtype=torch.bool)
    walks = _turning(frames=9, loops=True)
    stands = Motion(walks.rotations, 0.0 * walks.travel, 10.0, "stands", True, contacts)
    assert stands.in_place().contacts is not None
    walks = Motion(walks.rotations, walks.travel, 10.0, "walks", True, contacts)
    assert walks.in_place().contacts is None


def test_in_place_a_recorded_walk_stays_near_its_beginning():
    time = torch.arange(200) / 20.0
    sway = 0.03 * (2.0 * math.pi * time / 0.6).sin()
    travel = torch.stack([sway, 0.0 * time, 1.2 * time], 1)
    still = Motion(torch.zeros(200, 24, 3), travel, 20.0).in_place()
    inside = slice(30, -30)
    assert still.travel[inside, 2].abs().max() < 0.02
    torch.testing.assert_close(still.travel[inside, 0], sway[inside], atol=0.01, rtol=0.0)


def test_one_frame_is_a_motion():
    motion = Motion(torch.ones(1, 3, 3), torch.ones(1, 3), 30.0)
    assert motion.seconds == 0.0
    torch.testing.assert_close(motion.at(4.0).travel, torch.ones(3))
    assert len(motion.resampled(60.0)) == 1
    assert len(motion.in_place()) == 1


def test_fingers_of_a_motion_reach_a_body_that_has_some():
    smpl = BodyModel.load()
    fingers = replace(smpl, joint_names=SMPLH_JOINT_NAMES, parents=(-1, *range(51)))
    turns = torch.arange(55.0)[:, None].expand(55, 3)
    found = on_body(turns, fingers)
    assert torch.equal(found[:22], turns[:22])
    assert torch.equal(found[22:], turns[25:])


def test_a_body_without_fingers_takes_what_it_has():
    turns = torch.arange(24.0)[:, None].expand(24, 3)
    assert on_body(turns, BodyModel.load()) is turns
    for count in (22, 52, 55, 30):
        found = on_body(torch.ones(2, count, 3), BodyModel.load())
        assert torch.equal(found[:, :22], torch.ones(2, 22, 3))
        assert not found[:, 22:].any()


@given(st.lists(st.booleans(), max_size=20))
def test_intervals_are_the_runs_of_true(flags: list[bool]):
    found = intervals(torch.tensor(flags, dtype=torch.bool))
    covered = [index for first, last in found.tolist() for index in range(first, last + 1)]
    assert covered == [index for index, flag in enumerate(flags) if flag]
    assert all(
        later - earlier > 1 for (_, earlier), (later, _) in zip(found[:-1].tolist(), found[1:].tolist(), strict=True)
    )
