"""Models that COLMAP's own code wrote, read by ours; rays against COLMAP's own projection."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nfield.data.loaders import MissingImagesWarning, load_capture
from nfield.data.scenes import load_scene
from nfield.types import Box
from tests.nfield.data.captures import message_of
from tests.nfield.data.loaders.colmap_models import HEIGHT, MODEL_PARAMETERS, WIDTH, write_colmap, write_pictures


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "text"])
def test_poses_names_and_points_are_those_that_colmap_wrote(tmp_path: Path, binary: bool):
    points = np.random.default_rng(0).normal(size=(60, 3))
    poses = write_colmap(tmp_path, points=points, binary=binary)
    capture = load_capture(tmp_path)
    assert [shot.name for shot in capture.shots] == [f"view {index:02d}.png" for index in range(9)]
    np.testing.assert_allclose(capture.poses, poses.double().numpy(), atol=1e-6)
    assert capture.points is not None
    np.testing.assert_allclose(np.sort(capture.points, axis=0), np.sort(points, axis=0), atol=1e-12)
    assert capture.test == ()


@pytest.mark.parametrize("model", MODEL_PARAMETERS)
def test_points_along_a_pixels_ray_are_projected_to_it_by_colmap(tmp_path: Path, model: str):
    pycolmap: Any = pytest.importorskip("pycolmap")
    write_colmap(tmp_path, count=2, model=model, binary=len(model) % 2 == 0)
    cameras = load_scene(tmp_path).train.cameras
    columns, rows = torch.meshgrid(torch.arange(WIDTH) + 0.5, torch.arange(HEIGHT) + 0.5, indexing="xy")
    pixels = torch.stack([columns, rows], -1).reshape(-1, 2)
    _, dirs = cameras.directions(torch.zeros(len(pixels), dtype=torch.int64), pixels)
    in_camera = (dirs @ cameras.world_from_camera[0, :3, :3]).double().numpy()
    colmap = pycolmap.Camera(camera_id=1, model=model, width=WIDTH, height=HEIGHT, params=MODEL_PARAMETERS[model])
    projected = np.array([colmap.img_from_cam(3.0 * direction) for direction in in_camera])
    np.testing.assert_allclose(projected, pixels.numpy(), atol=1e-3)
    found, distance = cameras.project(cameras.origins[0] + 3.0 * dirs, 0)
    torch.testing.assert_close(found, pixels, atol=1e-3, rtol=0)
    assert (distance > 0.0).all()


def test_a_model_is_the_same_scene_as_its_transforms_file(tmp_path: Path):
    from tests.nfield.data.captures import edit, write_capture

    path = write_capture(tmp_path / "transforms", aabb_scale=None, k1=0.08, k2=-0.03, p1=0.004, p2=-0.003, count=9)
    parameters = MODEL_PARAMETERS["OPENCV"]
    lens = dict(zip(("fl_x", "fl_y", "cx", "cy"), parameters, strict=False))
    edit(path, lambda content: content.update(lens))
    write_colmap(tmp_path / "colmap", model="OPENCV")
    one, other = load_scene(path.parent), load_scene(tmp_path / "colmap")
    assert torch.equal(one.train.images, other.train.images)
    torch.testing.assert_close(one.train.box.low, other.train.box.low, atol=1e-4, rtol=0)
    torch.testing.assert_close(one.train.inner.size, other.train.inner.size, atol=1e-4, rtol=0)
    box = Box.cube(9.0)
    for index in range(len(one.train)):
        first, second = (scene.train.cameras.image_rays(index, box=box) for scene in (one, other))
        torch.testing.assert_close(first.dirs, second.dirs, atol=1e-5, rtol=0)
        torch.testing.assert_close(first.origins, second.origins, atol=1e-5, rtol=0)


def test_points_say_how_far_the_world_reaches(tmp_path: Path):
    directions = np.random.default_rng(0).normal(size=(400, 3))
    points = 20.0 * directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    write_colmap(tmp_path, points=points)
    scene = load_scene(tmp_path)
    assert scene.points is not None
    unit = scene.train.box.unit_from_world(scene.points)
    assert ((unit > 0.0) & (unit < 1.0)).all()
    reach = float((scene.train.box.size / scene.train.inner.size).max())
    assert reach == pytest.approx(16.0)


def test_masks_are_found_as_colmap_names_them(tmp_path: Path):
    write_colmap(tmp_path)
    (tmp_path / "masks").mkdir()
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[2:5, 3:9] = 0
    Image.fromarray(mask).save(tmp_path / "masks" / "view 03.png.png")
    train = load_scene(tmp_path).train
    used = train.pictures.used_of(train.names.index("view 03.png"))
    assert used is not None
    assert np.array_equal(used.numpy(), mask > 0)
    others = [train.pictures.used_of(index) for index, name in enumerate(train.names) if name != "view 03.png"]
    assert all(one is not None and one.all() for one in others)


def test_the_largest_of_several_models_is_taken_and_said(tmp_path: Path):
    write_colmap(tmp_path, count=5)
    write_colmap(tmp_path / "other", count=3)
    (tmp_path / "other" / "sparse" / "0").rename(tmp_path / "sparse" / "1")
    capture = load_capture(tmp_path)
    assert len(capture.shots) == 5
    assert capture.notes == (f"{tmp_path}/sparse/0: of 2 models it has the most images, so the others are left out",)


def test_the_folder_of_the_model_itself_is_read(tmp_path: Path):
    write_colmap(tmp_path, count=4)
    assert len(load_capture(tmp_path / "sparse" / "0").shots) == 4


def test_missing_images_are_left_out_with_a_warning(tmp_path: Path):
    write_colmap(tmp_path)
    (tmp_path / "images" / "view 02.png").unlink()
    with pytest.warns(MissingImagesWarning, match=r"sparse/0: 1 of its 9 images do not exist \(the first: view 02"):
        assert len(load_capture(tmp_path).shots) == 8


def _write_text(folder: Path, cameras: str, images: str) -> Path:
    write_pictures(folder, 2)
    (folder / "sparse").mkdir()
    (folder / "sparse" / "cameras.txt").write_text(cameras)
    (folder / "sparse" / "images.txt").write_text(images)
    return folder / "sparse"


_CAMERA = f"# comment\n1 PINHOLE {WIDTH} {HEIGHT} 30 30 12 8\n"
_IMAGES = "# comment\n1 1 0 0 0 0 0 2 1 view 00.png\n\n2 0.5 0.5 0.5 0.5 1 2 3 1 view 01.png\n3.0 4.0 -1\n"


def test_text_without_points_is_read_by_the_formula(tmp_path: Path):
    _write_text(tmp_path, _CAMERA, _IMAGES)
    capture = load_capture(tmp_path)
    # Half a quarter each: x to y, y to z, z to x. The centre is -R^T t.
    np.testing.assert_allclose(capture.poses[0][:3, 3], [0.0, 0.0, -2.0])
    np.testing.assert_allclose(capture.poses[1][:3, :3], np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]).T, atol=1e-12)
    np.testing.assert_allclose(capture.poses[1][:3, 3], -np.array([2.0, 3.0, 1.0]), atol=1e-12)
    assert capture.points is None


@pytest.mark.parametrize(
    ("cameras", "images", "expected"),
    [
        ("1 PINHOLE 24 16 30 30 12\n", _IMAGES, "its COLMAP files are damaged (camera 1 has 3 parameters, PINHOLE has"),
        ("1 WIDE 24 16 30 30 12\n", _IMAGES, "camera model WIDE is not known, expected one of SIMPLE_PINHOLE, "),
        ("1 PINHOLE x 16 30 30 12 8\n", _IMAGES, "its COLMAP files are damaged ("),
        ("1 PINHOLE 0 16 30 30 12 8\n", _IMAGES, "its COLMAP files are damaged (a camera has images of 0x16)"),
        (_CAMERA, "1 1 0 0 0 0 0 2 1\n", "its COLMAP files are damaged ("),
        (_CAMERA, "1 0 0 0 0 0 0 2 1 view 00.png\n", "the pose of image view 00.png is no rotation and translation;"),
        (_CAMERA, "1 1 0 0 0 0 0 2 4 view 00.png\n", "image view 00.png has the camera 4, which the file of cameras"),
        (_CAMERA, "# none\n", "registers no images, expected at least two; register them again with COLMAP"),
    ],
)
def test_damaged_text_is_named(tmp_path: Path, cameras: str, images: str, expected: str):
    folder = _write_text(tmp_path, cameras, images)
    message = message_of(tmp_path)
    assert message.startswith(str(folder))
    assert expected in message


@pytest.mark.parametrize("name", ["cameras.bin", "images.bin", "points3D.bin"])
def test_binary_files_that_are_cut_anywhere_are_named(tmp_path: Path, name: str):
    write_colmap(tmp_path, count=2, points=np.ones((3, 3)))
    path = tmp_path / "sparse" / "0" / name
    whole = path.read_bytes()
    for end in (0, 5, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert message_of(tmp_path).startswith(f"{path.parent}: its COLMAP files are damaged (")


def test_counts_of_nonsense_are_named(tmp_path: Path):
    write_colmap(tmp_path, count=2)
    path = tmp_path / "sparse" / "0" / "images.bin"
    path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:])
    assert "its COLMAP files are damaged (" in message_of(tmp_path)
