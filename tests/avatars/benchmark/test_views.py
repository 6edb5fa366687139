"""Held-out views: what is their front, and that they see the whole person upright."""

import math

import pytest
import torch

from avatars.benchmark.truth_cache import Draws
from avatars.benchmark.views import (
    PHOTO_POSE,
    PLANS,
    View,
    ViewPlan,
    bin_of,
    facing_of,
    held_out,
    planned_views,
    pose_called,
)
from avatars.body import BodyModel, BodyPose
from avatars.body.joints import JOINT_NAMES
from avatars.body.pose_file import named_pose

FULL = ViewPlan()


def test_the_full_plan_has_48_views_of_the_photos_pose_and_12_other_poses_of_8():
    views = planned_views(FULL)
    assert sum(view.pose == PHOTO_POSE for view in views) == 48
    assert len({view.pose for view in views}) == 13
    assert len(views) == len({view.name for view in views}) == 48 + 96


def test_shorter_plans_have_48_and_18_views():
    assert [len(planned_views(PLANS[name])) for name in ("full", "third", "few")] == [144, 48, 18]


@pytest.mark.parametrize("elevation", [0.0, 20.0])
def test_bins_of_24_azimuths_are_5_front_5_back_and_14_sides(elevation: float):
    bins = [View(PHOTO_POSE, 15.0 * index, elevation).bin for index in range(24)]
    assert [bins.count(name) for name in ("front", "back", "side")] == [5, 5, 14]


def test_bins_are_alike_for_left_and_right():
    assert all(bin_of(angle) == bin_of(360.0 - angle) for angle in map(float, range(1, 360)))


def test_views_of_other_poses_are_a_bin_of_their_own_whatever_their_azimuth():
    assert {View("walk", 45.0 * index, 0.0).bin for index in range(8)} == {"unseen pose"}


def test_planned_views_are_those_held_out_in_their_order(painted_body: Draws, plan: ViewPlan):
    scenes = held_out(painted_body.model, painted_body.pose, plan)
    assert [view for scene in scenes for view in scene.views] == planned_views(plan)


def test_azimuths_0_90_and_180_look_at_the_nose_the_left_ear_and_the_back_of_the_head(
    painted_body: Draws, plan: ViewPlan
):
    (scene, _) = held_out(painted_body.model, painted_body.pose, plan)
    model, vertices = painted_body.model, painted_body.model.pose(scene.pose).vertices
    nose, left, right = (vertices[model.landmarks[name]] for name in ("nose", "lear", "rear"))
    distance = {view.azimuth: scene.cameras.origins[k] for k, view in enumerate(scene.views)}
    near = {
        angle: [float((origin - place).norm()) for place in (nose, left, right)] for angle, origin in distance.items()
    }
    assert near[0.0][0] == min(near[0.0])
    assert near[90.0][1] == min(near[90.0])
    assert near[270.0][2] == min(near[270.0])
    assert near[180.0][0] == max(near[180.0])


def test_the_photo_of_a_body_turned_by_20_degrees_is_seen_from_an_azimuth_of_20(painted_body: Draws):
    facing = facing_of(painted_body.pose)
    to_camera = torch.tensor([0.0, 0.0, -1.0])
    assert math.degrees(math.acos(float(facing @ to_camera))) == pytest.approx(20.0, abs=0.01)


def test_elevated_cameras_stand_20_degrees_above_the_middle(painted_body: Draws):
    plan = ViewPlan(azimuths=5, elevations=(20.0,), poses=(), pose_azimuths=1, size=64)
    (scene,) = held_out(painted_body.model, painted_body.pose, plan)
    vertices = painted_body.model.pose(scene.pose).vertices
    offset = scene.cameras.origins - 0.5 * (vertices.amin(0) + vertices.amax(0))
    angle = torch.asin(-offset[:, 1] / offset.norm(dim=-1)) * (180.0 / math.pi)
    assert angle.tolist() == pytest.approx([20.0] * 5, abs=1e-3)


def test_every_view_sees_the_whole_body_with_its_head_up(painted_body: Draws):
    plan = ViewPlan(azimuths=4, poses=FULL.poses, pose_azimuths=3, size=100)
    head, pelvis = JOINT_NAMES.index("head"), JOINT_NAMES.index("pelvis")
    for scene in held_out(painted_body.model, painted_body.pose, plan):
        body = painted_body.model.pose(scene.pose)
        for index in range(len(scene.views)):
            pixel, depth = scene.cameras.project(torch.cat([body.vertices, body.joints[[head, pelvis]]]), index)
            assert float(depth.min()) > 0.0
            assert float(pixel.min()) > 0.0
            assert float(pixel.max()) < 100.0
            assert pixel[-2, 1] < pixel[-1, 1]


def test_other_poses_bend_the_joints_as_named_and_face_as_the_photo_does(painted_body: Draws):
    plan = ViewPlan(azimuths=1, elevations=(0.0,), poses=("sit",), pose_azimuths=1, size=64)
    _, scene = held_out(painted_body.model, painted_body.pose, plan)
    assert torch.equal(scene.pose.rotations[1:], named_pose("sit")[1:])
    assert torch.allclose(facing_of(scene.pose), facing_of(painted_body.pose), atol=1e-5)


def test_a_mirrored_pose_mirrors_the_joints(model: BodyModel):
    walk, mirrored = (
        model.joints(BodyPose(pose_called(name), torch.zeros(3), torch.zeros(10))) for name in ("walk", "mirrored walk")
    )
    left, right = JOINT_NAMES.index("left_ankle"), JOINT_NAMES.index("right_ankle")
    assert torch.allclose(walk[left] * torch.tensor([-1.0, 1.0, 1.0]), mirrored[right], atol=5e-3)
