"""From photos and videos to captures: a room whose cameras are known; what is refused; what is not done twice."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nfield.data.picture_files import write_video
from nfield.data.posing import find_poses, lacks_poses, search
from nfield.data.posing.registration import Registration, require_pycolmap
from nfield.data.scenes import load_scene
from nfield.errors import BackendUnavailable, DataError
from tests.nfield.data.captures import write_capture
from tests.nfield.data.posing.room import FOCAL, SIZE, photograph, poses, write_photos

_COUNT = 5


class Steps:
    """A watch that keeps what it is told; stops at one of the steps, if one is named."""

    def __init__(self, stop_at: str | None = None) -> None:
        self.told: list[tuple[str, int, int]] = []
        self._stop_at = stop_at

    def __call__(self, step: str, done: int, total: int) -> None:
        self.told.append((step, done, total))
        if step == self._stop_at and done:
            raise KeyboardInterrupt

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(step for step, _, _ in self.told))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Steps]:
    """Photos of a room, poses that were found of them, and what was told."""
    pytest.importorskip("pycolmap", reason="pycolmap is not installed (extra: colmap)")
    folder = tmp_path_factory.mktemp("room")
    write_photos(folder / "photos", _COUNT)
    steps = Steps()
    posed = find_poses(folder / "photos", folder / "poses", watch=steps)
    assert posed.notes == (f"{folder / 'photos'}: all {_COUNT} pictures were registered",)
    return folder / "photos", folder / "poses", steps


def test_cameras_lie_where_the_room_was_photographed_from(room: tuple[Path, Path, Steps]):
    scene = load_scene(room[1])
    found = torch.cat([scene.test.cameras.world_from_camera, scene.train.cameras.world_from_camera]).double().numpy()
    names = scene.test.names + scene.train.names
    truth = poses(_COUNT)[[int(name.split("_")[1][:2]) for name in names]]
    turn = truth[:, :3, :3] @ found[:, :3, :3].transpose(0, 2, 1)
    assert np.abs(turn - turn[0]).max() < 0.03  # one rotation takes each camera to its own
    ours, theirs = (one[:, :3, 3] - one[:, :3, 3].mean(0) for one in (found @ np.eye(4), truth))
    aligned = ours @ turn[0].T
    scale = (aligned * theirs).sum() / (aligned**2).sum()
    assert np.abs(scale * aligned - theirs).max() < 0.02 * np.ptp(theirs, axis=0).max()


def test_the_focal_length_is_that_of_the_room_s_camera(room: tuple[Path, Path, Steps]):
    scene = load_scene(room[1])
    assert tuple(scene.train.images.shape[1:3]) == SIZE
    assert scene.train.cameras.intrinsics[:, 0, 0].numpy() == pytest.approx(FOCAL, rel=0.05)
    assert scene.points is not None
    assert len(scene.points) > 100


def test_each_step_is_told_up_to_its_end(room: tuple[Path, Path, Steps]):
    told = room[2].told
    assert room[2].names == ["preparing photos", "finding features", "comparing pictures", "placing cameras"]
    for step in room[2].names[:3]:
        ends = [(done, total) for name, done, total in told if name == step]
        assert ends[-1][0] == ends[-1][1] > 0
        assert ends == sorted(ends)


def test_poses_are_not_found_twice(room: tuple[Path, Path, Steps], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    posed = find_poses(*room[:2], watch=(steps := Steps()))
    assert posed.folder == room[1]
    assert posed.notes
    assert steps.told == []


def test_photos_without_poses_are_told_from_captures(tmp_path: Path, room: tuple[Path, Path, Steps]):
    capture = write_capture(tmp_path / "capture")
    (tmp_path / "empty").mkdir()
    assert lacks_poses(room[0])
    assert lacks_poses(tmp_path / "walk.mp4")
    assert not any(map(lacks_poses, (capture, capture.parent, room[1], tmp_path / "empty", tmp_path / "nowhere")))


def test_a_search_that_was_stopped_goes_on(tmp_path: Path):
    pytest.importorskip("pycolmap", reason="pycolmap is not installed (extra: colmap)")
    for index in range(5):
        Image.fromarray(np.full((40, 60, 3), 40 * index, np.uint8)).resize((60, 40)).save(tmp_path / f"{index}.png")
    with pytest.raises(KeyboardInterrupt):
        find_poses(tmp_path, tmp_path / "poses", watch=Steps(stop_at="finding features"))
    before = (tmp_path / "poses" / "work" / "database.db").stat().st_ino
    with pytest.raises(DataError, match=r"5 of its 5 pictures show hardly anything .* none was registered"):
        find_poses(tmp_path, tmp_path / "poses")
    assert (tmp_path / "poses" / "work" / "database.db").stat().st_ino == before


def test_photos_of_different_things_are_refused_with_what_helps(tmp_path: Path, generator: torch.Generator):
    pytest.importorskip("pycolmap", reason="pycolmap is not installed (extra: colmap)")
    for index in range(3):
        blots = torch.rand(1, 3, 30, 40, generator=generator)
        picture = torch.nn.functional.interpolate(blots, (120, 160), mode="bicubic").clamp(0, 1)[0].permute(1, 2, 0)
        Image.fromarray((picture * 255).byte().numpy()).save(tmp_path / f"{index}.png")
    with pytest.raises(DataError, match=r"0 of its 3 pictures could be registered \(0 of 3 pairs .* overlap"):
        find_poses(tmp_path, tmp_path / "poses")


def test_too_few_photos_are_refused_before_anything_is_written(tmp_path: Path):
    write_photos(tmp_path / "photos", 2)
    with pytest.raises(DataError, match="holds 2 photos, expected at least 3"):
        find_poses(tmp_path / "photos", tmp_path / "poses")
    assert not (tmp_path / "poses").exists()


def test_without_the_package_the_message_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    with pytest.raises(BackendUnavailable, match=r"pip install 'nfield\[colmap\]'"):
        require_pycolmap()
    write_photos(tmp_path / "photos", 3)
    with pytest.raises(BackendUnavailable, match="pycolmap"):
        find_poses(tmp_path / "photos", tmp_path / "poses")
    assert not (tmp_path / "poses").exists()


class _Unregistered:
    """In place of COLMAP: keeps what it is asked for and registers what it is told to."""

    asked: tuple[list[str], list[tuple[str, str]]]

    def __init__(self, images: Path, names: list[str], work: Path, *, watch: object) -> None:
        self.names = names

    def find_features(self) -> None:
        """Nothing."""

    def match(self, pairs: list[tuple[str, str]]) -> Any:
        from nfield.data.posing.registration import Features

        type(self).asked = (self.names, pairs)
        return Features(dict.fromkeys(self.names, 500), 1)

    def place(self, sparse: Path) -> list[list[str]]:
        return []


@pytest.fixture
def unregistered(monkeypatch: pytest.MonkeyPatch) -> type[_Unregistered]:
    monkeypatch.setattr(search, "require_pycolmap", lambda: None)
    monkeypatch.setattr(search, "Registration", _Unregistered)
    return _Unregistered


def test_frames_of_a_video_are_the_moving_and_the_sharp_ones(tmp_path: Path, unregistered: type[_Unregistered]):
    moving = [photograph(pose) for pose in poses(12, arc=0.6)]
    blurred = [np.asarray(Image.fromarray(frame).resize((24, 18)).resize(SIZE[::-1])) for frame in moving]
    filmed = [moving[0]] * 5 + [frame for pair in zip(moving, blurred, strict=True) for frame in pair]
    write_video(tmp_path / "walk.mp4", (torch.from_numpy(frame.copy()) / 255.0 for frame in filmed))
    with pytest.raises(DataError, match=r"walk\.mp4: 0 of its \d+ pictures could be registered"):
        find_poses(tmp_path / "walk.mp4", tmp_path / "poses", frames=6, watch=(steps := Steps()))
    names, pairs = unregistered.asked
    chosen = [int(name[6:12]) for name in names]
    assert 3 <= len(chosen) <= 6
    assert all(number < 5 or (number - 5) % 2 == 0 for number in chosen)
    assert sum(number < 5 for number in chosen) <= 1
    assert len(pairs) == len(names) * (len(names) - 1) // 2
    assert steps.names[:2] == ["choosing frames", "writing frames"]
    with Image.open(tmp_path / "poses" / "images" / names[0]) as frame:
        assert frame.size == SIZE[::-1]


def test_a_video_that_stands_still_is_refused(tmp_path: Path, unregistered: type[_Unregistered]):
    frame = torch.from_numpy(photograph(poses(1)[0])) / 255.0
    write_video(tmp_path / "still.mp4", [frame] * 6)
    with pytest.raises(DataError, match=r"still\.mp4: its camera hardly moves in its 6 frames"):
        find_poses(tmp_path / "still.mp4", tmp_path / "poses")


def test_a_video_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"gone\.mp4: does not exist, expected a video"):
        find_poses(tmp_path / "gone.mp4", tmp_path / "poses")


def test_focal_lengths_of_photos_start_the_search(tmp_path: Path):
    pycolmap: Any = pytest.importorskip("pycolmap", reason="pycolmap is not installed (extra: colmap)")
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 28
    picture = Image.fromarray(photograph(poses(1)[0]))
    picture.save(tmp_path / "zoomed.jpg", exif=exif)
    picture.save(tmp_path / "plain.jpg")
    Registration(tmp_path, ["plain.jpg", "zoomed.jpg"], tmp_path / "work", watch=Steps())
    database = pycolmap.Database.open(tmp_path / "work" / "database.db")
    plain, zoomed = database.read_all_cameras()
    database.close()
    # 35 mm film is 43.27 mm across.
    assert zoomed.params[0] == pytest.approx(28.0 / 43.27 * np.hypot(*SIZE), rel=1e-3)
    assert (plain.has_prior_focal_length, zoomed.has_prior_focal_length) == (False, True)
