import json
from pathlib import Path

import numpy as np
import pytest
import torch

import assets
from assets.build.motions.build import MAKERS, build
from avatars.body import BodyPose
from avatars.body.joints import JOINT_NAMES
from avatars.motion import Motion, bank, grounded, open_motion
from avatars.motion.bank import motions_of_run
from nfield.errors import DataError
from tests.avatars.motion.bodies import SHAPES, body, foot_skin, slide

_NAMES = ("dance", "idle", "run", "squat", "turn", "walk", "wave")


def _of(name: str, shape: str = "mean") -> Motion:
    return grounded(open_motion(name, body()), body(), SHAPES[shape])


def _joint(motion: Motion, name: str):
    joints = body().joints(BodyPose(motion.rotations, motion.travel, torch.zeros(len(motion), 10)))
    return joints[:, JOINT_NAMES.index(name)]


def test_the_bank_holds_what_the_builder_makes():
    assert bank() == _NAMES == tuple(sorted(MAKERS))
    for name, text in build(body()).items():
        made, shipped = json.loads(text), json.loads(assets.path(f"motions/{name}.json").read_text())
        assert made.keys() == shipped.keys()
        for table in ("poses", "travel", "contacts"):
            np.testing.assert_allclose(made[table], shipped[table], atol=2e-4, err_msg=name)


def test_together_they_are_small():
    assert sum(path.stat().st_size for path in assets.path("motions").iterdir()) < 1e6


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("shape", SHAPES)
def test_feet_stand_on_the_ground_and_do_not_slide(name: str, shape: str):
    motion = _of(name, shape)
    assert motion.contacts is not None
    for side in (0, 1):
        lowest = foot_skin(motion, SHAPES[shape], side)[..., 1].amin(1)
        assert lowest[motion.contacts[:, side]].abs().max() < 0.002
        assert lowest.min() > -0.002
        assert slide(motion, SHAPES[shape], side) <= 0.01


@pytest.mark.parametrize("name", _NAMES)
def test_they_loop_without_a_jump_in_pose_or_velocity(name: str):
    motion = _of(name)
    assert motion.loops
    torch.testing.assert_close(motion.rotations[0], motion.rotations[-1], atol=1e-4, rtol=0.0)
    assert abs(float(motion.cycle[1])) < 1e-4
    # Across the seam, positions of all joints bend no more than they do elsewhere.
    joints = body().joints(BodyPose(motion.rotations, motion.travel, torch.zeros(len(motion), 10)))
    around = torch.cat([joints, joints[1:3] + motion.cycle])
    bends = around.diff(n=2, dim=0).norm(dim=-1)
    seam, inside = bends[-2:], bends[1 : len(motion) - 3]
    assert (seam.amax(0) <= inside.amax(0) * 1.3 + 5e-4).all()


@pytest.mark.parametrize("name", _NAMES)
def test_knees_and_elbows_bend_the_right_way(name: str):
    motion = _of(name)
    for side in ("left", "right"):
        thigh = _joint(motion, f"{side}_knee") - _joint(motion, f"{side}_hip")
        shin = _joint(motion, f"{side}_ankle") - _joint(motion, f"{side}_knee")
        elbow = motion.rotations[:, JOINT_NAMES.index(f"{side}_elbow"), 1] * (1.0 if side == "right" else -1.0)
        assert elbow.min() > 0.0
        assert elbow.max() < 2.4
        # Backwards: the turn from thigh to shin is about the knee's own axis, or the leg is straight.
        pose = BodyPose(motion.rotations, motion.travel, torch.zeros(len(motion), 10))
        hinge = body().skeleton(pose)[1][:, JOINT_NAMES.index(f"{side}_knee"), :, 0]
        assert (torch.linalg.cross(thigh, shin) * hinge).sum(-1).min() > -0.002


def _ahead(motion: Motion, name: str):
    """How far a joint is before its mean place against the pelvis."""
    ahead = (_joint(motion, name) - _joint(motion, "pelvis"))[:, 2]
    return ahead - ahead.mean()


def test_in_a_walk_arms_swing_against_the_legs_and_the_weight_is_over_the_standing_foot():
    walk = _of("walk")
    ahead = {
        name: _ahead(walk, name)
        for name in ("left_wrist", "right_wrist", "left_ankle", "right_ankle")
    }  # fmt: skip
    for arm, leg in (("left_wrist", "left_ankle"), ("right_wrist", "right_ankle")):
        assert float((ahead[arm] * ahead[leg]).mean()) < -0.5 * float(ahead[arm].std() * ahead[leg].std())
    assert walk.contacts is not None
    alone = walk.contacts[:, 0] & ~walk.contacts[:, 1]
    assert walk.travel[alone, 0].mean() > 0.01
    assert walk.contacts.any(1).all()  # Somebody who walks always stands on a foot.
    assert 0.9 < float(walk.cycle[2]) / walk.seconds < 1.6


def test_a_run_has_flights_and_is_faster():
    run = _of("run")
    assert run.contacts is not None
    assert 0.1 < float((~run.contacts.any(1)).float().mean()) < 0.5
    assert 2.0 < float(run.cycle[2]) / run.seconds < 3.5


def test_a_turn_goes_around_once_and_a_squat_goes_down():
    turn = _of("turn")
    forward = body().skeleton(BodyPose(turn.rotations, turn.travel, torch.zeros(len(turn), 10)))[1][:, 0, [0, 2], 2]
    angles = np.unwrap(torch.atan2(forward[:, 0], forward[:, 1]).numpy())
    assert angles[-1] - angles[0] == pytest.approx(2.0 * np.pi, abs=1e-3)
    squat = _of("squat")
    assert squat.travel[:, 1].min() < -0.3


def test_the_dance_moves_hips_and_arms_for_several_seconds():
    dance = _of("dance")
    assert dance.seconds >= 6.0
    assert float(dance.travel[:, 0].max() - dance.travel[:, 0].min()) > 0.25
    assert float(dance.rotations[:, 0, 2].max() - dance.rotations[:, 0, 2].min()) > 0.2
    for side in ("left", "right"):
        height = (_joint(dance, f"{side}_wrist") - _joint(dance, "head"))[:, 1]
        assert height.max() > 0.1 > -0.3 > height.min()


def test_a_name_that_there_is_not_is_answered_with_those_that_there_are():
    with pytest.raises(
        DataError, match=r"moonwalk: there is no such motion; expected one of dance, idle, .* or the path"
    ):
        open_motion("moonwalk", body())


def test_files_of_other_kinds_are_refused(tmp_path: Path):
    (tmp_path / "walk.fbx").write_bytes(b"Kaydara")
    with pytest.raises(DataError, match=r"walk.fbx: motions are not read from .fbx; expected .npz, .bvh, .json"):
        open_motion(str(tmp_path / "walk.fbx"), body())


def test_a_run_lists_its_own_motions(tmp_path: Path):
    (tmp_path / "motions" / "frames").mkdir(parents=True)
    for name in ("motions/b.npz", "motions/a.JSON", "motions/notes.txt", "c.bvh", "body.npz", "report.json"):
        (tmp_path / name).touch()
    assert list(motions_of_run(tmp_path)) == ["a", "b", "frames", "c"]
    assert motions_of_run(tmp_path / "nowhere") == {}
