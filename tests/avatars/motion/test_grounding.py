"""Feet on the ground, on motions that are not made for it."""

import dataclasses

import pytest
import torch

from avatars.body import BodyPose
from avatars.motion import Motion, grounded, open_motion
from avatars.motion.soles import Soles, found_contacts
from tests.avatars.motion.bodies import SHAPES, body, foot_skin, slide


def _recorded(name: str) -> Motion:
    """A shipped motion as somebody might have recorded it: no loop, feet that slide and sink."""
    motion = open_motion(name, body()).resampled(30.0)
    wobble = 0.01 * torch.sin(torch.arange(len(motion))[:, None] * torch.tensor([0.7, 0.9, 1.1]))
    return dataclasses.replace(motion, travel=motion.travel + wobble, loops=False)


@pytest.mark.parametrize("name", ["walk", "turn"])
def test_feet_of_a_recorded_motion_stop_sliding(name: str):
    crude = _recorded(name)
    before = max(slide(crude, SHAPES["mean"], side, near=0.02) for side in (0, 1))
    fixed = grounded(crude, body(), SHAPES["mean"])
    assert before > 0.012
    assert max(slide(fixed, SHAPES["mean"], side) for side in (0, 1)) <= 0.01
    assert fixed.contacts is crude.contacts


def test_little_is_changed_where_little_is_wrong():
    motion = open_motion("squat", body())
    again = grounded(motion, body(), SHAPES["mean"])
    torch.testing.assert_close(again.rotations, motion.rotations, atol=2e-3, rtol=0.0)
    torch.testing.assert_close(again.travel, motion.travel, atol=2e-3, rtol=0.0)


def test_only_the_legs_and_the_pelvis_change():
    motion = open_motion("walk", body())
    legs = [1, 2, 4, 5, 7, 8]
    others = [joint for joint in range(24) if joint not in legs]
    changed = grounded(motion, body(), SHAPES["tall"])
    assert torch.equal(changed.rotations[:, others], motion.rotations[:, others])
    # Feet keep their orientation in the world.
    worlds = [
        body().skeleton(BodyPose(m.rotations, m.travel, torch.zeros(len(m), 10)))[1][:, 7, :, :3]
        for m in (motion, changed)
    ]
    torch.testing.assert_close(worlds[1], worlds[0], atol=1e-4, rtol=0.0)


def test_longer_legs_make_longer_steps():
    motion = open_motion("walk", body())
    steps = {name: float(grounded(motion, body(), SHAPES[name]).cycle[2]) for name in ("small", "mean", "tall")}
    lengths = {name: float(-body().rest(SHAPES[name])[1][7, 1]) for name in steps}
    assert steps["small"] < steps["mean"] < steps["tall"]
    order = sorted(lengths, key=lambda name: steps[name])
    assert lengths[order[0]] < lengths[order[-1]]


def test_without_contacts_the_motion_is_moved_onto_the_ground():
    motion = dataclasses.replace(open_motion("walk", body()), contacts=None)
    sunk = dataclasses.replace(motion, travel=motion.travel - torch.tensor([0.0, 0.3, 0.0]))
    raised = grounded(sunk, body(), SHAPES["mean"])
    assert torch.equal(raised.rotations, motion.rotations)
    lowest = torch.stack([foot_skin(raised, SHAPES["mean"], side)[..., 1].amin(1) for side in (0, 1)]).amin(0)
    assert float(lowest.abs().median()) < 0.01


def test_somebody_who_only_hovers_is_let_down():
    motion = Motion(torch.zeros(3, 24, 3), torch.full((3, 3), 0.5), 30.0, contacts=torch.zeros(3, 2, dtype=torch.bool))
    assert grounded(motion, body(), SHAPES["mean"]).travel[:, 1].abs().max() < 1e-4


def test_joints_beyond_the_body_are_dropped_and_one_frame_is_enough():
    motion = Motion(torch.zeros(1, 52, 3), torch.zeros(1, 3), 30.0, contacts=torch.ones(1, 2, dtype=torch.bool))
    stands = grounded(motion, body(), SHAPES["odd"])
    assert stands.rotations.shape == (1, 24, 3)
    for side in (0, 1):
        assert foot_skin(stands, SHAPES["odd"], side)[..., 1].min() == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("name", ["walk", "run", "idle"])
def test_steps_are_found(name: str):
    """Against the contacts that the builder knows."""
    motion = open_motion(name, body())
    assert motion.contacts is not None
    found = found_contacts(motion, Soles.of(body(), SHAPES["mean"]))
    assert float((found == motion.contacts).float().mean()) > (0.8 if name == "run" else 0.88)
