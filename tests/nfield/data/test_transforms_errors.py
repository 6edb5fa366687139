"""What is refused of transforms files: each message names the file (and frame), what was expected, and what to do."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nfield.data.scenes import load_scene
from nfield.errors import DataError
from tests.nfield.data.captures import edit, message_of, write_capture


def test_a_missing_folder_is_named(tmp_path: Path):
    message = message_of(tmp_path / "nowhere")
    assert re.search(r"nowhere: does not exist, expected a folder of posed images .*; check the path$", message)


def test_a_folder_without_transforms_is_named(tmp_path: Path):
    message = message_of(tmp_path)
    assert message.startswith(f"{tmp_path}: holds no capture that is known, expected one of: ")
    assert all(known in message for known in ("transforms_train.json or", "COLMAP", "LLFF", "Polycam", "Record3D"))


@pytest.mark.parametrize("text", ['{"frames": [{"file_path": "a', "", "\x00\x01"])
def test_damaged_json_is_named(tmp_path: Path, text: str):
    path = write_capture(tmp_path)
    path.write_text(text)
    assert re.search(r"transforms\.json: is not valid JSON \(.*\), expected a whole file; export or", message_of(path))


def test_bytes_that_are_no_text_are_named(tmp_path: Path):
    path = write_capture(tmp_path)
    path.write_bytes(b"\xff\xfe\x00\x80")
    assert "transforms.json: is not valid JSON (" in message_of(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([1, 2], "holds no JSON object, expected one with the key 'frames'; is this a transforms file?"),
        ({"fl_x": 3}, "has no list of frames, expected the key 'frames'; is this a transforms file?"),
        ({"frames": {}}, "has no list of frames, expected the key 'frames'; is this a transforms file?"),
        ({"frames": []}, "lists no images, expected at least one frame; export the poses again"),
    ],
)
def test_json_of_another_kind_is_named(tmp_path: Path, content: object, expected: str):
    path = tmp_path / "transforms.json"
    path.write_text(json.dumps(content))
    assert message_of(tmp_path) == f"{path}: {expected}"


_NAN = [[math.nan, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
_SHEARED = [[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
_MIRRORED = [[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
_FLAT = [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
_TRANSPOSED = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 2, 3, 1]]
_INFINITE = [[1, 0, 0, math.inf], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (_NAN, "transform_matrix has a NaN or infinity, expected 4x4 finite numbers or 3x4 finite numbers; export"),
        (
            _INFINITE,
            "transform_matrix has a NaN or infinity, expected 4x4 finite numbers or 3x4 finite numbers; export",
        ),
        (_SHEARED, "transform_matrix is not a rotation and a position (determinant 1), expected a rigid"),
        (_MIRRORED, "transform_matrix is not a rotation and a position (determinant -1), expected a rigid"),
        (_FLAT, "transform_matrix is not a rotation and a position (determinant 0), expected a rigid"),
        ([[1, 0], [0, 1]], "transform_matrix has 2x2 numbers, expected 4x4 finite numbers or 3x4 finite numbers; "),
        ([[1, 0], [0]], "transform_matrix is not made of numbers, expected 4x4 finite numbers or 3x4"),
        ("identity", "transform_matrix is not made of numbers, expected 4x4 finite numbers or 3x4"),
        (None, "has no transform_matrix, expected 4x4 finite numbers or 3x4 finite numbers; add it or remove this"),
        (
            _TRANSPOSED,
            "the last row of transform_matrix is 1, 2, 3, 1, expected 0, 0, 0, 1: it seems",
        ),
    ],
)
def test_a_bad_matrix_is_named_with_its_frame(tmp_path: Path, matrix: object, expected: str):
    path = write_capture(tmp_path)
    edit(path, lambda content: content["frames"][5].update(transform_matrix=matrix))
    assert message_of(tmp_path).startswith(f"{path}, frame 5 (images/0005.png): {expected}")


def test_a_missing_matrix_is_named_with_its_frame(tmp_path: Path):
    path = write_capture(tmp_path)
    edit(path, lambda content: content["frames"][2].pop("transform_matrix"))
    expected = "has no transform_matrix, expected 4x4 finite numbers or 3x4 finite numbers; add it or remove this frame"
    assert message_of(tmp_path) == f"{path}, frame 2 (images/0002.png): {expected}"


def test_a_frame_without_image_is_named(tmp_path: Path):
    path = write_capture(tmp_path)
    edit(path, lambda content: content["frames"][2].pop("file_path"))
    assert message_of(tmp_path).startswith(f"{path}, frame 2: has no file_path, expected the name of its image; add")
    edit(path, lambda content: content["frames"].insert(0, 7))
    assert message_of(tmp_path).startswith(
        f"{path}, frame 0: is no JSON object, expected file_path and transform_matrix;"
    )


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"fl_x": None}, "has neither fl_x nor camera_angle_x, expected a focal length in pixels (fl_x) or"),
        ({"fl_x": -3.0}, "fl_x is -3.0, expected a positive number of pixels; correct it"),
        ({"fl_y": 0}, "fl_y is 0, expected a positive number of pixels; correct it"),
        ({"fl_x": math.nan}, "fl_x has a NaN or infinity, expected a finite number; "),
        ({"fl_x": None, "camera_angle_x": 4.0}, "camera_angle_x is 4.0, expected an angle between 0 and pi radians;"),
        ({"cx": 10**400}, "cx is not made of numbers, expected a finite number; correct it"),
        ({"cx": 1e300}, "cx has a NaN or infinity, expected a finite number; "),
        ({"cx": "middle"}, "cx is not made of numbers, expected a finite number; correct it"),
        ({"k2": [0.1, 0.2]}, "k2 has 2 numbers, expected a finite number; correct it"),
        ({"w": 16, "h": 24}, "declares images of w=16, h=24, but the file is 24x16; expected the same proportions: "),
        ({"camera_model": "LIGHTFIELD"}, "camera model LIGHTFIELD is not known, expected one of OPENCV, FULL_OPENCV, "),
        (
            {"fl_x": None, "camera_angle_x": 40},
            "camera_angle_x is 40, expected an angle between 0 and pi radians; degrees, it seems: write 0.698132",
        ),
    ],
)
def test_a_bad_lens_is_named(tmp_path: Path, entries: dict[str, Any], expected: str):
    path = write_capture(tmp_path, **entries)
    assert message_of(tmp_path).startswith(f"{path}, frame 0 (images/0000.png): {expected}")


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"aabb_scale": 5}, "aabb_scale is 5, expected a power of two from 1 to 128; take the smallest one"),
        ({"aabb_scale": "big"}, "aabb_scale is not made of numbers, expected a finite number; correct it"),
        ({"scale": -1}, "scale is -1, expected a positive number; remove it to take the default, 0.33"),
        ({"offset": [0.5, 0.5]}, "offset has 2 numbers, expected 3 finite numbers; correct it"),
    ],
)
def test_a_bad_region_is_named(tmp_path: Path, entries: dict[str, Any], expected: str):
    path = write_capture(tmp_path, **entries)
    assert message_of(tmp_path).startswith(f"{path}: {expected}")


def test_a_capture_with_most_images_missing_is_refused(tmp_path: Path):
    path = write_capture(tmp_path, count=10)
    for index in range(1, 7):
        (tmp_path / "images" / f"{index:04d}.png").unlink()
    expected = "only 4 of its 10 images exist (the first missing: images/0001.png), expected at least half of them; put"
    assert message_of(tmp_path).startswith(f"{path}: {expected}")


def test_a_single_view_is_refused(tmp_path: Path):
    path = write_capture(tmp_path, count=1)
    assert message_of(path) == f"{path}: has one image, expected at least two, of which one is held out; add more views"


def test_a_truncated_image_of_a_scene_is_named(tmp_path: Path):
    write_capture(tmp_path)
    image = tmp_path / "images" / "0004.png"
    image.write_bytes(image.read_bytes()[:200])
    assert message_of(tmp_path).startswith(f"{image}: cannot be read as an image (")


def test_a_downscale_of_zero_is_refused(tmp_path: Path):
    write_capture(tmp_path)
    with pytest.raises(DataError, match="downscale is 0, expected a whole number of at least 1; 1 keeps the images"):
        load_scene(tmp_path, downscale=0)


def test_a_larger_size_than_that_of_the_files_is_refused(tmp_path: Path):
    path = write_capture(tmp_path)
    with pytest.raises(DataError) as caught:
        load_scene(tmp_path, size=(16, 25))
    expected = "asked for images of 25x16, expected a size from 1x1 to that of the files, 24x16; ask for a smaller one"
    assert str(caught.value) == f"{path}: {expected}"


def test_a_mask_that_does_not_exist_is_named(tmp_path: Path):
    path = write_capture(tmp_path)
    edit(path, lambda content: content["frames"][3].update(mask_path="masks/3.png"))
    expected = "its mask_path masks/3.png does not exist, expected an image whose black pixels are not used; put it"
    assert message_of(tmp_path).startswith(f"{path}, frame 3 (images/0003.png): {expected}")


def test_a_mask_of_other_proportions_is_named(tmp_path: Path):
    path = write_capture(tmp_path)
    Image.new("L", (30, 30)).save(tmp_path / "mask.png")
    edit(path, lambda content: content["frames"][3].update(mask_path="mask.png"))
    assert "mask.png: is a mask of 30x30 for " in message_of(tmp_path)


def test_names_that_are_no_list_are_named(tmp_path: Path):
    path = write_capture(tmp_path, test_filenames="images/0001.png")
    assert message_of(tmp_path).startswith(f"{path}: test_filenames is no list of file names, expected the file_path")


def test_a_split_that_leaves_nothing_to_train_on_is_refused(tmp_path: Path):
    names = [f"images/{index:04d}.png" for index in range(10)]
    path = write_capture(tmp_path, test_filenames=names)
    assert message_of(tmp_path).startswith(f"{path}: train_filenames, val_filenames and test_filenames leave no image")
