"""Camera paths as nerfstudio writes them."""

import json
import math
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from PIL import Image

from nfield.camera_path import read_camera_path
from nfield.cameras import look_at
from nfield.cli import main
from nfield.data.picture_files import to_bytes
from nfield.data.world import World
from nfield.errors import DataError
from nfield.saved_scene import load_scene_run
from nfield.types import Box
from tests.cli.conftest import finished_run, scene_folder

__all__ = ["finished_run", "scene_folder"]

_WORLD = World((100.0, -50.0, 3.0), 0.5)


def _poses() -> np.ndarray:
    """Three cameras of the user's world, OpenCV axes."""
    origins = torch.tensor([[104.0, -50.0, 5.0], [100.0, -46.0, 5.0], [97.0, -50.0, 4.0]], dtype=torch.float64)
    target, up = torch.tensor([100.0, -50.0, 3.0]).double(), torch.tensor([0.0, 0.0, 1.0]).double()
    return look_at(origins, target, up).numpy()


def _content(poses: np.ndarray, **entries: Any) -> dict[str, Any]:
    opengl = poses * np.array([1.0, -1.0, -1.0, 1.0])
    frames = [{"camera_to_world": pose.reshape(-1).tolist(), "fov": 60.0, "aspect": 1} for pose in opengl]
    top = {"camera_type": "perspective", "render_height": 24, "render_width": 40, "fps": 12, "seconds": 0.25}
    return {**top, "camera_path": frames, **entries}


def _write(folder: Path, content: object) -> Path:
    path = folder / "flight.json"
    path.write_text(json.dumps(content))
    return path


def test_the_middle_of_each_picture_looks_along_the_axis_and_its_top_by_half_the_angle(tmp_path: Path):
    poses = _poses()
    path = read_camera_path(_write(tmp_path, _content(poses)))
    cameras = path.cameras(_WORLD)
    assert (path.rate, cameras.size, len(cameras)) == (12.0, (24, 40), 3)
    origins, dirs = cameras.directions(torch.arange(3), torch.tensor([[20.0, 12.0]]).expand(3, 2))
    np.testing.assert_allclose(_WORLD.user_from_scene(origins.numpy()), poses[:, :3, 3], atol=1e-5)
    np.testing.assert_allclose(dirs, poses[:, :3, 2], atol=1e-6)
    _, top = cameras.directions(torch.arange(3), torch.tensor([[20.0, 0.0]]).expand(3, 2))
    np.testing.assert_allclose((top * dirs).sum(-1), math.cos(math.radians(30.0)), atol=1e-6)
    assert (np.asarray(top)[:, 2] > np.asarray(dirs)[:, 2]).all()


def test_another_size_keeps_the_vertical_angle(tmp_path: Path):
    cameras = read_camera_path(_write(tmp_path, _content(_poses()))).cameras(World(), size=(48, 48))
    assert cameras.size == (48, 48)
    assert float(cameras.intrinsics[0, 1, 1]) == pytest.approx(24.0 / math.tan(math.radians(30.0)))


def test_angles_may_differ_and_transforms_may_be_nested_and_scaled(tmp_path: Path):
    content = _content(_poses())
    content["camera_path"][1]["fov"] = 90.0
    matrix = np.array(content["camera_path"][2]["camera_to_world"]).reshape(4, 4)
    matrix[:3, :3] *= 2.0
    content["camera_path"][2]["camera_to_world"] = matrix.tolist()
    path = read_camera_path(_write(tmp_path, content))
    assert path.cameras(World()).intrinsics[:, 0, 0].tolist() == pytest.approx(
        [12 * math.sqrt(3), 12.0, 12 * math.sqrt(3)]
    )
    np.testing.assert_allclose(path.world_from_camera, _poses(), atol=1e-9)


def test_a_panorama_sees_behind_itself(tmp_path: Path):
    cameras = read_camera_path(_write(tmp_path, _content(_poses(), camera_type="equirectangular"))).cameras(World())
    dirs = cameras.image_rays(0, box=Box.cube(1.0)).dirs
    assert float((dirs @ torch.from_numpy(_poses()[0, :3, 2]).float()).min()) < -0.98


def test_the_rate_follows_from_the_seconds(tmp_path: Path):
    content = _content(_poses(), seconds=1.5)
    del content["fps"]
    assert read_camera_path(_write(tmp_path, content)).rate == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"camera_path": []}, "has no list of cameras, expected the key 'camera_path'"),
        ({"camera_path": [3]}, "has no list of cameras"),
        ({"camera_path": [{}]}, "camera 0: camera_to_world is not made of 16 finite numbers"),
        ({"camera_path": [{"camera_to_world": ["a"] * 16}]}, "camera_to_world is not made of 16 finite numbers"),
        ({"camera_path": [{"camera_to_world": [math.nan] * 16}]}, "camera_to_world is not made of 16 finite numbers"),
        ({"camera_path": [{"camera_to_world": [1.0] * 16}]}, "camera 0: camera_to_world is not a rotation and a place"),
        ({"camera_path": [{"camera_to_world": [0.0] * 16}]}, "camera_to_world is not a rotation and a place"),
        ({"camera_type": "fisheye"}, "camera_type is 'fisheye', expected one of perspective, equirectangular"),
        ({"render_height": None}, "render_height is None, expected a number from 1 to 16384"),
        ({"render_width": True}, "render_width is True, expected a number"),
        ({"fps": 0}, "fps is 0, expected a number from 0.001 to 1000"),
        ({"fps": [12]}, r"fps is \[12\], expected a number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(change: dict[str, Any], expected: str, tmp_path: Path):
    path = _write(tmp_path, {**_content(_poses()), **change})
    with pytest.raises(DataError, match=expected) as caught:
        read_camera_path(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "\x00", "null"])
def test_rubbish_is_refused(text: str, tmp_path: Path):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=r"a\.json: .*export"):
        read_camera_path(tmp_path / "a.json")


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"none\.json: cannot be read .*check --path"):
        read_camera_path(tmp_path / "none.json")


def test_a_film_along_the_run_s_own_cameras_shows_what_they_see(finished_run: Path, tmp_path: Path):
    saved = load_scene_run(finished_run)
    cameras = saved.cameras[:2]
    height, width = cameras.size
    angle = math.degrees(2.0 * math.atan(0.5 * height / float(cameras.intrinsics[0, 1, 1])))
    poses = saved.record.world.poses_to_user(cameras.world_from_camera.double().numpy())
    content = _content(poses, render_height=height, render_width=width)
    for entry in content["camera_path"]:
        entry["fov"] = angle
    path = _write(tmp_path, content)
    assert main(["render", str(finished_run), "--path", str(path), "--out", str(tmp_path / "film")]) == 0
    count, seconds = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "film" / "flight.mp4"))
    assert (count, seconds) == (2, pytest.approx(2 / 12, abs=0.02))
    for index in range(2):
        with Image.open(tmp_path / "film" / "frames" / f"{index:03d}.png") as image:
            expected = to_bytes(saved.shown.image(saved.cameras, index).color)
            np.testing.assert_allclose(np.asarray(image).astype(int), expected.numpy().astype(int), atol=1)


@pytest.mark.parametrize("words", [["--frames", "3"], ["--seconds", "2"]])
def test_a_path_says_how_long_its_film_is(
    words: list[str], finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = _write(tmp_path, _content(_poses()))
    assert main(["render", str(finished_run), "--path", str(path), *words]) == 2
    assert f"{words[0]}: {path} says how long the film is; leave {words[0]} out" in capsys.readouterr().err
