"""BVH files from an independent writer, against forward kinematics by loops."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from avatars.body import BodyPose
from avatars.body.joints import JOINT_NAMES
from avatars.motion import Motion, open_motion
from avatars.motion.bvh_file import read_bvh_file
from nfield.errors import DataError
from tests.avatars.motion.bodies import body
from tests.avatars.motion.bvh_writer import ORDERS, Skeleton, rotation
from tests.avatars.motion.skeletons import CONVENTIONS, like_ours, walking_root, wriggling

_HABITS = ("", "tabs", "crlf", "lower", "brace", "tight", "six", "tabs crlf lower brace tight six")


def _ours(motion: Motion) -> np.ndarray:
    """Places of our joints."""
    pose = BodyPose(motion.rotations, motion.travel, torch.zeros(len(motion), 10))
    return body().joints(pose)[:, :22].double().numpy()


def _level(turn: np.ndarray) -> np.ndarray:
    """The turn about y after which an orientation looks along z."""
    return rotation(1, -np.degrees(np.arctan2(turn[0, 2], turn[2, 2])))


def _seen_from_the_pelvis(places: np.ndarray) -> np.ndarray:
    return places - places[:, :1]


def _same_pose(motion: Motion, turns: np.ndarray, places: np.ndarray, *, within: float = 2e-4):
    expected = _seen_from_the_pelvis(places) @ _level(turns[0, 0]).T
    np.testing.assert_allclose(_seen_from_the_pelvis(_ours(motion)), expected, atol=within)


@pytest.mark.parametrize("habits", _HABITS)
def test_files_are_read_as_they_were_meant(habits: str, tmp_path: Path):
    skeleton = like_ours(scale=100.0)
    angles, root = wriggling(22), walking_root(4, scale=100.0)
    file = read_bvh_file(skeleton.write(tmp_path / "a.bvh", angles, root, habits=habits, seconds=0.025))
    turns, places = skeleton.world(angles, root)
    assert file.rate == pytest.approx(40.0)
    order = [file.names.index(name) for name in skeleton.names]
    read_turns, read_places = file.world()
    np.testing.assert_allclose(read_turns[:, order], turns, atol=1e-6)
    np.testing.assert_allclose(read_places[:, order], places, atol=1e-3)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_an_identical_skeleton_moves_identically(convention: str, order: str, tmp_path: Path):
    skeleton = like_ours(convention, order=order)
    angles, root = wriggling(22), walking_root(4)
    motion = open_motion(str(skeleton.write(tmp_path / "walk.bvh", angles, root)), body())
    turns, places = skeleton.world(angles, root)
    _same_pose(motion, turns, places)
    assert (motion.name, len(motion), motion.loops) == ("walk", 4, False)


@pytest.mark.parametrize("scale", [1.0, 100.0, 1.0 / 0.0254])
def test_the_unit_does_not_matter(scale: float, tmp_path: Path):
    skeleton = like_ours(scale=scale)
    angles, root = wriggling(22), walking_root(4, scale=scale)
    motion = open_motion(str(skeleton.write(tmp_path / "walk.bvh", angles, root)), body())
    turns, _ = skeleton.world(angles, root)
    way = (root - root[0]) @ _level(turns[0, 0]).T / scale
    np.testing.assert_allclose(motion.travel - motion.travel[0], way, atol=5e-4)


@pytest.mark.parametrize("up", ["z", "-y"])
def test_any_axis_may_be_upwards(up: str, tmp_path: Path):
    """The same skeleton in a world that is turned over: offsets, root and orientations turn with it."""
    turn = {"z": rotation(0, 90.0), "-y": rotation(2, 180.0)}[up]
    upright = like_ours()
    angles, root = np.zeros((3, 22, 3)), walking_root(3)
    angles[:, 16, 1] = [0.0, 20.0, 40.0]
    turned = Skeleton(upright.names, upright.parents, upright.offsets @ turn.T, "ZXY")
    moved = angles.copy()
    # About the joint's X in the upright world is about turn @ X in the other one.
    axis = turn @ np.eye(3)[0]
    moved[:, 16] = 0.0
    moved[:, 16, [2, 0, 1].index(int(np.abs(axis).argmax()))] = angles[:, 16, 1] * np.sign(axis[np.abs(axis).argmax()])
    one, other = (
        open_motion(str(s.write(tmp_path / f"{i}.bvh", a, r)), body())
        for i, (s, a, r) in enumerate(((upright, angles, root), (turned, moved, root @ turn.T)))
    )
    np.testing.assert_allclose(_ours(other), _ours(one), atol=1e-3)


@pytest.mark.parametrize(("rest", "within"), [(45.0, 2e-3), (85.0, 2e-3)])
def test_a_rest_pose_with_lowered_arms_is_no_other_pose(rest: float, within: float, tmp_path: Path):
    """The rest pose has the arms down; the first frame raises them into the T-pose again."""
    skeleton = like_ours()
    for side, joints in ((1.0, (18, 20)), (-1.0, (19, 21))):
        for joint in joints:
            skeleton.offsets[joint] = rotation(2, -side * rest) @ skeleton.offsets[joint]
    angles = np.zeros((2, 22, 3))
    angles[0, 16, 0], angles[0, 17, 0] = rest, -rest
    motion = open_motion(str(skeleton.write(tmp_path / "a.bvh", angles, walking_root(2))), body())
    raised, lowered = _ours(motion)
    np.testing.assert_allclose(
        raised - raised[0], (like_ours().world(0.0 * angles, 0.0 * walking_root(2))[1])[0], atol=within
    )
    for side, elbow, wrist in ((1.0, 18, 20), (-1.0, 19, 21)):
        arm = lowered[wrist] - lowered[elbow]
        expected = rotation(2, -side * rest) @ (like_ours().offsets[wrist])
        np.testing.assert_allclose(arm, expected, atol=5e-3)


def test_a_rest_pose_that_is_no_person_is_passed_over(tmp_path: Path):
    """As in LaFAN1: in the rest pose all bones lie along one axis; the frames put them where they belong."""
    skeleton = like_ours(scale=100.0)
    lengths = np.linalg.norm(skeleton.offsets, axis=1)
    straight = Skeleton(skeleton.names, skeleton.parents, np.stack([lengths, 0 * lengths, 0 * lengths], 1), "ZYX")
    straight.offsets[1:3] = skeleton.offsets[1:3]
    standing = _laid_along(skeleton, straight)
    bent = standing.copy()
    angles = np.stack([standing, bent])
    motion = open_motion(str(straight.write(tmp_path / "a.bvh", angles, np.tile([[0.0, 90.0, 0.0]], (2, 1)))), body())
    found = _ours(motion)[0]
    expected = like_ours().world(np.zeros((1, 22, 3)), np.zeros((1, 3)))[1][0]
    limbs = [1, 2, 4, 5, 7, 8, 18, 19, 20, 21]
    np.testing.assert_allclose(
        _directions(found, limbs), _directions(expected, limbs), atol=0.03
    )  # fmt: skip


def _directions(places: np.ndarray, joints: list[int]) -> np.ndarray:
    parents = body().parents
    bones = np.stack([places[joint] - places[parents[joint]] for joint in joints])
    return bones / np.linalg.norm(bones, axis=1, keepdims=True)


def _laid_along(wanted: Skeleton, straight: Skeleton) -> np.ndarray:
    """Angles (in the order ZYX) that turn a skeleton of bones along x into a standing one, joint by joint."""
    from scipy.spatial.transform import Rotation

    world = [np.eye(3)] * 22
    angles = np.zeros((22, 3))
    first_child = {4: 7, 5: 8, 1: 4, 2: 5, 16: 18, 17: 19, 18: 20, 19: 21, 3: 6, 6: 9, 9: 12, 12: 15, 13: 16, 14: 17}
    for joint in range(22):
        parent = straight.parents[joint]
        above = world[parent] if parent >= 0 else np.eye(3)
        turn = above
        if joint in first_child:
            bone = wanted.offsets[first_child[joint]]
            x = bone / np.linalg.norm(bone)
            z = np.cross(x, [0.0, 0.0, 1.0])
            z /= np.linalg.norm(z)
            turn = np.stack([x, np.cross(z, x), z], 1)
        world[joint] = turn
        angles[joint] = Rotation.from_matrix(above.T @ turn).as_euler("ZYX", degrees=True)
    return angles


def test_joints_between_are_folded_into_their_chains(tmp_path: Path):
    """A hip helper that turns, a twist bone and a finger: turns go into what is carried, and all three are named."""
    plain = like_ours()
    names = [*plain.names, "LHipJoint", "LeftArmTwist", "LeftHandIndex1"]
    parents, offsets = [*plain.parents, 0, 16, 20], np.concatenate([plain.offsets, np.zeros((3, 3))])
    parents[1], offsets[22], offsets[1] = 22, offsets[1], 0.0  # the left hip hangs on the helper
    parents[18] = 23  # the left elbow on the twist bone
    Skeleton(names, parents, offsets)
    angles, root = wriggling(25), walking_root(4)
    angles[:, 23] = 0.0
    order = [0, 22, 1, 4, 7, 10, *(j for j in range(25) if j not in (0, 22, 1, 4, 7, 10))]
    order = [j for j in order if j not in (23, 18, 20, 24)] + [23, 18, 20, 24]
    ordered = Skeleton(
        [names[j] for j in order], [order.index(parents[j]) if parents[j] >= 0 else -1 for j in order], offsets[order]
    )
    path = ordered.write(tmp_path / "a.bvh", angles[:, order], root)
    with pytest.warns(UserWarning, match=r"a\.bvh: what these joints do .* LHipJoint, .*LeftArmTwist"):
        motion = open_motion(str(path), body())
    turns, places = ordered.world(angles[:, order], root)
    back = [order.index(j) for j in range(22)]
    _same_pose(motion, turns[:, back], places[:, back])


def test_a_skeleton_without_collars_and_with_one_spine_joint_moves_its_limbs_right(tmp_path: Path):
    plain = like_ours("xsens")
    kept = [
        j for j in range(22) if JOINT_NAMES[j] not in ("spine1", "spine3", "left_collar", "right_collar", "left_foot")
    ]
    above = {j: plain.parents[j] for j in range(22)}
    rest = plain.world(np.zeros((1, 22, 3)), np.zeros((1, 3)))[1][0]

    def parent(joint: int) -> int:
        found = above[joint]
        while found >= 0 and found not in kept:
            found = above[found]
        return found

    offsets = np.stack([rest[j] - (rest[parent(j)] if parent(j) >= 0 else 0.0) for j in kept])
    small = Skeleton(
        [plain.names[j] for j in kept], [kept.index(parent(j)) if parent(j) >= 0 else -1 for j in kept], offsets
    )
    angles, root = wriggling(len(kept), size=15.0), walking_root(4)
    motion = open_motion(str(small.write(tmp_path / "a.bvh", angles, root)), body())
    turns, places = small.world(angles, root)
    ours = _ours(motion)
    level = _level(turns[0, 0])
    for start, end in ((1, 4), (4, 7), (16, 18), (18, 20)):
        expected = (places[:, kept.index(end)] - places[:, kept.index(start)]) @ level.T
        np.testing.assert_allclose(ours[:, end] - ours[:, start], expected, atol=2e-3)


def _text(tmp_path: Path, change: tuple[str, str] | None = None, *, cut: int = 0) -> str:
    text = like_ours().text(wriggling(22), walking_root(4))
    if change is not None:
        assert change[0] in text
        text = text.replace(*change)
    (tmp_path / "bad.bvh").write_text(text[: len(text) - cut] if cut else text)
    return str(tmp_path / "bad.bvh")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("HIERARCHY", "SKELETON"), "has no HIERARCHY"),
        (("MOTION", "FRAMES"), "has no MOTION"),
        (("Frame Time", "Time"), "lacks Frame Time"),
        (("Frames:", "Count:"), "lacks Frames"),
        (("Xrotation", "Wrotation"), "has a channel 'Wrotation'"),
        (("mixamorig:LeftLeg", "mixamorig:Zebra"), "no joint is known as left_knee; its joints are mixamorig:Hips"),
        (("Frame Time: 0.0333333", "Frame Time: 0"), "frames a second"),
        (("Frame Time: 0.0333333", "Frame Time: 0.0333333\nnan"), "no whole frames"),
        (("Frame Time: 0.0333333", "Frame Time: 0.0333333\nx"), "what is no number"),
        (("OFFSET", "OFFSET 1"), "not an OFFSET of three numbers"),
        (("End Site", "}"), "brace"),
    ],
)  # fmt: skip
def test_bad_files_are_told_apart(change: tuple[str, str], message: str, tmp_path: Path):
    with pytest.raises(DataError, match=r"bad\.bvh") as raised:
        open_motion(_text(tmp_path, change), body())
    assert message in str(raised.value)


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="may be cut off"):
        open_motion(_text(tmp_path, cut=31), body())


def test_another_number_of_frames_is_remarked(tmp_path: Path):
    with pytest.warns(UserWarning, match="says that it has 9 frames, but has 4"):
        assert len(open_motion(_text(tmp_path, ("Frames: 4", "Frames: 9")), body())) == 4


def test_what_is_no_text_at_all_is_refused(tmp_path: Path):
    for content in (b"", bytes(range(256)) * 4, "HIERARCHY\nMOTION\n".encode("utf-16")):
        (tmp_path / "bad.bvh").write_bytes(content)
        with pytest.raises(DataError, match=r"bad\.bvh"):
            open_motion(str(tmp_path / "bad.bvh"), body())


def test_a_walk_through_bvh_keeps_its_steps(tmp_path: Path):
    """Our walk, written as a file with another's names in centimetres, is the same walk again."""
    walk = open_motion("walk", body()).resampled(60.0)
    from scipy.spatial.transform import Rotation

    rows = walk.rotations[:, :22].double().reshape(-1, 3).numpy()
    angles = Rotation.from_rotvec(rows).as_euler("ZXY", degrees=True).reshape(len(walk), 22, 3)
    root = 100.0 * (walk.travel.double().numpy() + body().joint_template[0].double().numpy())
    path = like_ours("biped", scale=100.0).write(tmp_path / "walk.bvh", angles, root, seconds=1 / walk.rate)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = open_motion(str(path), body())
    np.testing.assert_allclose(_ours(again), _ours(walk) @ _level_of(walk).T, atol=0.02)
    assert again.contacts is not None
    assert walk.contacts is not None
    assert float((again.contacts == walk.contacts).float().mean()) > 0.85


def _level_of(motion: Motion) -> np.ndarray:
    pose = BodyPose(motion.rotations[0], motion.travel[0], torch.zeros(10))
    return _level(body().skeleton(pose)[1][0, :, :3].double().numpy())
