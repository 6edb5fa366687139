import json
from pathlib import Path

import numpy as np
import pytest
import torch

from avatars.body import BodyPose
from avatars.body.joints import JOINT_NAMES
from avatars.body.pose_file import mirrored, named_pose
from avatars.motion import open_motion
from avatars.motion.readers.poses_json import between
from nfield.errors import DataError
from tests.avatars.motion.bodies import body


def _open(path: Path, content: object):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return open_motion(str(path), body())


def test_a_mirrored_pose_stands_at_the_mirrored_place():
    other = [
        JOINT_NAMES.index(name.replace("left", "?").replace("right", "left").replace("?", "right"))
        for name in JOINT_NAMES
    ]  # fmt: skip
    joints, image = (
        body().joints(BodyPose(rotations, torch.zeros(3), torch.zeros(10)))
        for rotations in (named_pose("kick"), mirrored(named_pose("kick")))
    )
    torch.testing.assert_close(image[other] * torch.tensor([-1.0, 1.0, 1.0]), joints, atol=0.02, rtol=0.0)
    torch.testing.assert_close(mirrored(mirrored(named_pose("wave"))), named_pose("wave"))


def test_motions_pass_through_their_poses_and_return():
    first, second = named_pose("stand"), named_pose("sit")
    frames = between([first, second], 1.0)
    assert len(frames) == 61
    torch.testing.assert_close(frames[0], first)
    torch.testing.assert_close(frames[60], first)
    torch.testing.assert_close(frames[30], second)
    torch.testing.assert_close(frames[15], 0.5 * (first + second))


def test_names_become_a_loop_that_stands_on_the_ground(tmp_path: Path):
    motion = _open(tmp_path / "a.json", {"poses": ["stand", "sit"], "seconds": 0.5})
    assert (len(motion), motion.rate, motion.loops, motion.name) == (31, 30.0, True, "a")
    torch.testing.assert_close(motion.rotations[15], named_pose("sit"))
    assert float(motion.travel[15, 1]) < -0.2
    assert abs(float(motion.travel[0, 1])) < 0.02


def test_numbers_have_a_rate(tmp_path: Path):
    motion = _open(tmp_path / "a.json", {"poses": [[0.1] * 72] * 4, "fps": 12})
    assert (len(motion), motion.rate, motion.loops) == (4, 12.0, False)


def test_travel_is_that_of_the_legs_it_was_made_for(tmp_path: Path):
    content = {"poses": [[0.0] * 72] * 2, "travel": [[0, 0, 0], [0, 0, 1]], "contacts": [[1, 0], [0, 1]], "fps": 2}
    plain = _open(tmp_path / "a.json", content)
    np.testing.assert_allclose(plain.travel, [[0, 0, 0], [0, 0, 1]])
    assert plain.contacts is not None
    assert plain.contacts.tolist() == [[True, False], [False, True]]
    halved = _open(tmp_path / "a.json", {**content, "leg_length": 2.0 * 0.7817})
    assert float(halved.travel[1, 2]) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "{}", '{"poses": []}', '{"poses": [[1, 2]]}', '{"poses": [[1], [2, 3]]}', '{"poses": ["flying"]}',
        '{"poses": 3}', '{"poses": ["stand"], "seconds": "x"}', '{"poses": ["stand"], "seconds": -1}',
        json.dumps({"poses": [[0.0] * 72], "travel": [[1, 2]]}),
        json.dumps({"poses": [[0.0] * 72], "travel": [[1, 2, float("nan")]]}),
        json.dumps({"poses": [[0.0] * 72], "travel": [[1, 2, 3]], "contacts": [1, 2, 3]}),
        json.dumps({"poses": [[0.0] * 72], "fps": 0}),
    ],
)  # fmt: skip
def test_other_json_is_refused(tmp_path: Path, content: str):
    with pytest.raises(DataError):
        _open(tmp_path / "a.json", content)
