"""Videos that ffmpeg writes, read back."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nfield.data.picture_files import write_video
from nfield.data.posing.video import color_frames, frame_count, grey_frames, is_video
from nfield.errors import DataError

_LEVELS = np.linspace(0.1, 0.9, 9)


@pytest.fixture(scope="module")
def ramp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine frames, each of one grey."""
    path = tmp_path_factory.mktemp("video") / "ramp.mp4"
    write_video(path, (torch.full((48, 64, 3), float(level)) for level in _LEVELS), frames_per_second=10.0)
    return path


def test_frames_come_in_order_in_grey_and_in_colour(ramp: Path):
    grey = [frame.mean() for frame in grey_frames(ramp, 1000)]
    color = list(color_frames(ramp, 1000))
    assert np.allclose(grey, _LEVELS, atol=0.06)
    assert [frame.shape for frame in color] == [(48, 64, 3)] * 9
    assert np.allclose([frame.mean() / 255.0 for frame in color], _LEVELS, atol=0.03)


def test_frames_are_made_smaller_but_never_larger(ramp: Path):
    assert next(iter(grey_frames(ramp, 32))).shape == (24, 32)
    assert next(iter(grey_frames(ramp, 640))).shape == (48, 64)


def test_the_number_of_frames_is_about_what_the_header_says(ramp: Path):
    assert frame_count(ramp) == pytest.approx(9, abs=1)


def test_what_is_no_video_is_refused_by_name(tmp_path: Path):
    path = tmp_path / "walk.mp4"
    path.write_bytes(b"no video " * 100)
    with pytest.raises(DataError, match=r"walk\.mp4: cannot be read as a video, expected a whole file"):
        next(iter(grey_frames(path, 100)))
    with pytest.raises(DataError, match=r"gone\.mp4: does not exist"):
        next(color_frames(tmp_path / "gone.mp4", 100))
    assert frame_count(path) == 1


def test_videos_are_known_by_their_names():
    assert is_video(Path("a.MP4"))
    assert is_video(Path("a.mov"))
    assert not is_video(Path("a.jpg"))
