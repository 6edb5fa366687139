"""From where moving figures are filmed."""

import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.film import CAMERAS
from avatars.motion import open_motion
from nfield.cameras import Cameras

_MODEL = BodyModel.load()


def _body(name: str, count: int = 24, *, in_place: bool = False):
    motion = open_motion(name, _MODEL)
    motion = motion.in_place() if in_place else motion
    frames = motion.sampled(torch.arange(count, dtype=torch.float64) / 12.0)
    return _MODEL.pose(BodyPose(frames.rotations, frames.travel, torch.zeros(count, 10)))


def _inside(cameras: Cameras, vertices: torch.Tensor, index: int) -> bool:
    pixels, depth = cameras.project(vertices, index)
    size = torch.tensor([cameras.size[1], cameras.size[0]])
    return bool((depth > 0.1).all() and (pixels > 0.0).all() and (pixels < size).all())


@pytest.mark.parametrize("name", ["walk", "dance", "squat"])
@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("size", [(64, 64), (96, 48), (48, 96)])
def test_the_whole_figure_is_seen_in_every_picture(name: str, camera: str, size: tuple[int, int]):
    body = _body(name, in_place=camera == "orbit")
    cameras = CAMERAS[camera](body.joints, size, rate=12.0)  # pyright: ignore[reportArgumentType]
    assert len(cameras) == 24
    shown = range(24) if size[1] >= size[0] or camera != "orbit" else range(0)
    assert all(_inside(cameras, body.vertices[index], index) for index in shown)


def test_the_figure_fills_most_of_the_picture():
    body = _body("walk")
    cameras = CAMERAS["follow"](body.joints, (100, 100), rate=12.0)
    pixels, _ = cameras.project(body.vertices[10], 10)
    assert float(pixels[:, 1].max() - pixels[:, 1].min()) > 60.0


def test_from_the_front_the_camera_stands_still_and_sees_the_face():
    cameras = CAMERAS["front"](_body("walk").joints, (64, 64), rate=12.0)
    assert (cameras.world_from_camera == cameras.world_from_camera[0]).all()
    # To the right of the picture is the figure's left.
    torch.testing.assert_close(cameras.world_from_camera[0, :3, 0], torch.tensor([1.0, 0.0, 0.0]), atol=1e-5, rtol=0.0)
    assert cameras.origins[0, 2] > _body("walk").joints[..., 2].max()


def test_going_along_the_camera_keeps_its_distance_and_does_not_bob():
    body = _body("walk", 40)
    cameras = CAMERAS["follow"](body.joints, (64, 64), rate=12.0)
    between = cameras.origins - body.joints[:, 0]
    inside = between[6:-6]
    assert float(inside[:, [0, 2]].std(0).max()) < 0.06
    assert float(cameras.origins[:, 1].std()) < 1e-5
    assert float((cameras.origins[-1] - cameras.origins[0])[2]) > 2.0


def test_around_the_figure_the_circle_closes():
    cameras = CAMERAS["orbit"](_body("wave").joints, (64, 64), rate=12.0)
    steps = torch.cat([cameras.origins, cameras.origins[:1]]).diff(dim=0).norm(dim=-1)
    torch.testing.assert_close(steps, steps[0].expand(24), atol=1e-4, rtol=0.0)


def test_one_picture_is_a_film():
    for work in CAMERAS.values():
        assert len(work(_body("idle", 1).joints, (32, 32), rate=15.0)) == 1
