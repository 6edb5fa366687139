"""LLFF's files against the same capture as a transforms file, and what is refused of them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nfield.data.scenes import load_scene
from tests.nfield.data.captures import HEIGHT, WIDTH, message_of, write_capture


def write_llff(folder: Path, *, count: int = 9) -> Path:
    """An LLFF folder made from a transforms file, whose camera axes are right, up, backward."""
    path = write_capture(folder, count=count, aabb_scale=None)
    content = json.loads(path.read_text())
    rows = []
    for frame in content["frames"]:
        pose = np.array(frame["transform_matrix"])
        right, up, backward, position = pose[:3].T
        size = [HEIGHT, WIDTH, content["fl_x"]]
        rows.append([*np.stack([-up, right, backward, position, size], -1).ravel(), 1.5, 6.0])
    path.rename(folder / "kept.json")
    np.save(folder / "poses_bounds.npy", np.array(rows))
    return folder / "poses_bounds.npy"


def test_the_scene_is_that_of_the_transforms_file(tmp_path: Path):
    path = write_llff(tmp_path)
    from_llff, from_json = load_scene(tmp_path), load_scene(tmp_path / "kept.json")
    assert torch.equal(from_llff.train.images, from_json.train.images)
    for one, other in ((from_llff.train, from_json.train), (from_llff.test, from_json.test)):
        torch.testing.assert_close(one.cameras.world_from_camera, other.cameras.world_from_camera)
        torch.testing.assert_close(one.cameras.intrinsics, other.cameras.intrinsics)
        torch.testing.assert_close(one.box.low, other.box.low, atol=1e-5, rtol=0)
    assert load_scene(path).test.names == from_llff.test.names == ("0000.png", "0008.png")


def test_reduced_images_take_reduced_intrinsics(tmp_path: Path):
    write_llff(tmp_path)
    full = load_scene(tmp_path).train.cameras
    (tmp_path / "images").rename(tmp_path / "images_2")
    for path in (tmp_path / "images_2").iterdir():
        Image.open(path).resize((WIDTH // 2, HEIGHT // 2)).save(path)
    halved = load_scene(tmp_path).train.cameras
    torch.testing.assert_close(halved.intrinsics, full.resized((HEIGHT // 2, WIDTH // 2)).intrinsics)


def test_masks_beside_the_images_are_used(tmp_path: Path):
    write_llff(tmp_path)
    (tmp_path / "masks").mkdir()
    Image.new("L", (WIDTH, HEIGHT)).save(tmp_path / "masks" / "0001.png.png")
    scene = load_scene(tmp_path)
    assert "0001.png" not in scene.train.names + scene.test.names
    assert scene.notes == (f"{tmp_path / 'poses_bounds.npy'}: masks leave nothing of 1 images, which are left out",)


def _rows(path: Path) -> np.ndarray:
    return np.load(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"rubbish", "cannot be read ("),
        (b"", "cannot be read ("),
    ],
)
def test_files_that_are_no_arrays_are_named(tmp_path: Path, content: bytes, expected: str):
    path = write_llff(tmp_path)
    path.write_bytes(content)
    assert message_of(tmp_path).startswith(f"{path}: {expected}")


def test_arrays_of_another_kind_are_named(tmp_path: Path):
    path = write_llff(tmp_path)
    rows = _rows(path)
    np.save(path, rows[:, :15])
    assert message_of(tmp_path).startswith(f"{path}: holds an array of 9x15, expected rows of 17 finite numbers, one")
    np.save(path, np.where(np.arange(17) == 3, np.nan, rows))
    assert message_of(tmp_path).startswith(f"{path}: holds an array of 9x17, expected rows of 17 finite numbers, one")
    mirrored = rows.copy()
    mirrored[:, [0, 5, 10]] *= -1.0
    np.save(path, mirrored)
    assert message_of(tmp_path).startswith(f"{path}: the row of 0000.png is no rotation with a height, width and focal")
    np.save(path, rows[:7])
    expected = "has poses of 7 images, expected a folder images with as many (images has 9); remove images"
    assert message_of(tmp_path).startswith(f"{path}: {expected}")
