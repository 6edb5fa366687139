import json
from pathlib import Path

import pytest
import torch

from avatars.perception import LANDMARK_NAMES, load_keypoints
from nfield.errors import DataError

LEFT_HIP, RIGHT_ANKLE, LEFT_TOE = (
    LANDMARK_NAMES.index(name) for name in ("left_hip", "right_ankle", "left_foot_index")
)


def write(path: Path, content: object):
    path.write_text(json.dumps(content))
    return path


def rows(count: int, columns: int = 3):
    return [[float(index + 1), 10.0 * index, 0.5][:columns] for index in range(count)]


def test_blazepose_rows_come_in_order(tmp_path: Path):
    found = load_keypoints(write(tmp_path / "k.json", rows(33)))
    torch.testing.assert_close(found.points, torch.tensor(rows(33))[:, :2])
    assert found.visibility.unique().tolist() == [0.5]


def test_rows_without_confidence_are_visible(tmp_path: Path):
    assert load_keypoints(write(tmp_path / "k.json", rows(33, 2))).visibility.unique().tolist() == [1.0]


def test_coco_is_mapped_and_the_rest_is_not_visible(tmp_path: Path):
    flat = [value for row in rows(17) for value in row]
    found = load_keypoints(write(tmp_path / "k.json", {"keypoints": flat}))
    assert found.points[LEFT_HIP].tolist() == [12.0, 110.0]
    assert found.points[RIGHT_ANKLE].tolist() == [17.0, 160.0]
    assert found.visibility[LEFT_TOE] == 0
    assert (found.visibility > 0).sum() == 17


def test_coco_visibility_two_means_visible(tmp_path: Path):
    content = [[*row[:2], 2] for row in rows(17)]
    assert load_keypoints(write(tmp_path / "k.json", content)).visibility.max() == 1.0


def test_openpose_takes_the_most_confident_person(tmp_path: Path):
    faint = [[x + 500, y, 0.1] for x, y, _ in rows(25)]
    people = [{"pose_keypoints_2d": [value for row in person for value in row]} for person in (faint, rows(25), faint)]
    found = load_keypoints(write(tmp_path / "k.json", {"people": people}))
    assert found.points[LEFT_HIP].tolist() == [13.0, 120.0]
    assert found.points[LEFT_TOE].tolist() == [20.0, 190.0]
    assert (found.visibility > 0).sum() == 21


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (rows(12), "36 values; expected 33"),
        ({"people": []}, "cannot be read as JSON with one person"),
        ({"bones": []}, "cannot be read as JSON with one person"),
        ([["a", 1]], "cannot be read as JSON with one person"),
        ([[0, 0, 0]] * 17, "lack the shoulders"),
        ([[float("nan"), 0, 1]] * 17, "finite"),
    ],
)
def test_unusable_keypoints_say_what_is_wrong(tmp_path: Path, content: object, message: str):
    with pytest.raises(DataError, match=message):
        load_keypoints(write(tmp_path / "k.json", content))


def test_missing_or_broken_file_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"gone\.json do not exist"):
        load_keypoints(tmp_path / "gone.json")
    (tmp_path / "k.json").write_text("{")
    with pytest.raises(DataError, match=r"k\.json cannot be read as JSON"):
        load_keypoints(tmp_path / "k.json")
