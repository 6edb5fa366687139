"""Captures of phones against the same capture as a transforms file, and what is refused of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.spatial.transform import Rotation

from nfield.data.loaders import MissingImagesWarning
from nfield.data.scenes import load_scene
from tests.nfield.data.captures import HEIGHT, WIDTH, edit, message_of, write_capture

COUNT = 9
Change = Callable[[dict[str, Any]], object]


def write_polycam(folder: Path, *, room: str = "") -> Path:
    """Polycam's folders, whose transforms have the axes of a transforms file; returns that of cameras."""
    content = json.loads(write_capture(folder / "kept", count=COUNT, aabb_scale=None).read_text())
    cameras, images = (folder / "keyframes" / f"{room}{name}" for name in ("cameras", "images"))
    cameras.mkdir(parents=True)
    images.mkdir()
    for index, frame in enumerate(content["frames"]):
        rows = np.array(frame["transform_matrix"])
        numbers = {f"t_{i}{j}": rows[i, j] for i in range(3) for j in range(4)}
        lens = {"fx": content["fl_x"], "fy": content["fl_y"], "cx": WIDTH / 2, "cy": HEIGHT / 2}
        about = {"width": WIDTH, "height": HEIGHT, "blur_score": 80.0, "timestamp": 1000 + index}
        (cameras / f"{1000 + index}.json").write_text(json.dumps({**numbers, **lens, **about}))
        Image.open(folder / "kept" / frame["file_path"]).convert("RGB").save(images / f"{1000 + index}.png")
    return cameras


def write_record3d(folder: Path, *, each: bool = False) -> Path:
    """Record3D's folder; returns its metadata.

    Args:
        folder: Where.
        each: Whether each picture has intrinsics of its own.
    """
    content = json.loads(write_capture(folder / "kept", count=COUNT, aabb_scale=None).read_text())
    (folder / "rgb").mkdir()
    poses = []
    for index, frame in enumerate(content["frames"]):
        matrix = np.array(frame["transform_matrix"])
        poses.append([*Rotation.from_matrix(matrix[:3, :3]).as_quat(), *matrix[:3, 3]])
        Image.open(folder / "kept" / frame["file_path"]).convert("RGB").save(folder / "rgb" / f"{index}.png")
    fx, fy, cx, cy = content["fl_x"], content["fl_y"], WIDTH / 2, HEIGHT / 2
    about = {"w": WIDTH, "h": HEIGHT, "K": [fx, 0.0, 0.0, 0.0, fy, 0.0, cx, cy, 1.0], "poses": poses, "fps": 60}
    if each:
        about |= {"K": [1.0] * 9, "perFrameIntrinsicCoeffs": [[fx, fy, cx, cy]] * COUNT}
    path = folder / "metadata.json"
    path.write_text(json.dumps(about))
    return path


def same_scenes(folder: Path) -> None:
    found, expected = load_scene(folder), load_scene(folder / "kept" / "transforms.json")
    assert torch.equal(found.train.images, expected.train.images)
    for one, other in ((found.train, expected.train), (found.test, expected.test)):
        torch.testing.assert_close(one.cameras.world_from_camera, other.cameras.world_from_camera, atol=1e-5, rtol=0)
        torch.testing.assert_close(one.cameras.intrinsics, other.cameras.intrinsics)


@pytest.mark.parametrize("room", ["", "corrected_"])
def test_polycam_gives_the_scene_of_the_transforms_file(tmp_path: Path, room: str):
    write_polycam(tmp_path, room=room)
    same_scenes(tmp_path)


def test_what_polycam_has_adjusted_is_taken_before_what_the_phone_measured(tmp_path: Path):
    measured = write_polycam(tmp_path / "a")
    write_polycam(tmp_path / "b", room="corrected_")
    for path in measured.iterdir():
        edit(path, lambda content: content.update(t_03=50.0))
    for path in (tmp_path / "b" / "keyframes").iterdir():
        path.rename(tmp_path / "a" / "keyframes" / path.name)
    same_scenes(tmp_path / "a")


@pytest.mark.parametrize("each", [False, True])
def test_record3d_gives_the_scene_of_the_transforms_file(tmp_path: Path, each: bool):
    write_record3d(tmp_path, each=each)
    same_scenes(tmp_path)


def test_an_unpacked_r3d_is_read(tmp_path: Path):
    write_record3d(tmp_path).rename(tmp_path / "metadata")
    (tmp_path / "rgb").rename(tmp_path / "rgbd")
    (tmp_path / "rgbd" / "0.depth").write_bytes(b"LZFSE")
    same_scenes(tmp_path)


def test_a_pose_belongs_to_the_picture_of_its_number(tmp_path: Path):
    path = write_record3d(tmp_path)
    (tmp_path / "rgb" / "2.png").unlink()
    with pytest.warns(MissingImagesWarning, match=r"1 of its 9 images do not exist \(the first: rgb/2\)"):
        scene = load_scene(path)
    assert scene.missing == ("rgb/2",)
    assert "3.png" in scene.train.names + scene.test.names


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda content: content.pop("t_12"), "has no t_12, expected a camera of Polycam"),
        (lambda content: content.update(t_00=9.0), "is not a rotation and a position"),
        (lambda content: content.update(fx=0.0), "fx, fy, width and height must be positive"),
        (lambda content: content.update(fx="wide"), "fx is not made of numbers"),
    ],
)
def test_damaged_cameras_of_polycam_are_named(tmp_path: Path, change: Change, expected: str):
    cameras = write_polycam(tmp_path)
    path = cameras / "1003.json"
    edit(path, change)
    message = message_of(tmp_path)
    assert message.startswith(str(path))
    assert expected in message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda content: content.pop("poses"), "has no list of poses"),
        (lambda content: content.update(poses=[[1.0, 2.0]]), "poses has 1x2 numbers, expected 1x7"),
        (lambda content: content["poses"][3].__setitem__(slice(0, 4), [0.0] * 4), "quaternions that are none"),
        (lambda content: content.pop("K"), "has no K"),
        (lambda content: content.update(w=-3), "must be positive"),
        (lambda content: content.update(perFrameIntrinsicCoeffs=[[1, 2, 3, 4]]), "perFrameIntrinsicCoeffs has 1x4"),
    ],
)
def test_damaged_metadata_of_record3d_is_named(tmp_path: Path, change: Change, expected: str):
    path = write_record3d(tmp_path)
    edit(path, change)
    message = message_of(tmp_path)
    assert message.startswith(str(path))
    assert expected in message
