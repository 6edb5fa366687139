"""Exported cameras read back: by our own loaders and by pycolmap, they see along the same rays."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pycolmap
import pytest
import torch
from PIL import Image

from nfield.cameras import Cameras, look_at
from nfield.cli import main
from nfield.data.capture import Capture, Lens, Shot
from nfield.data.loaders import load_capture
from nfield.data.world import World
from nfield.errors import DataError
from nfield.lenses import Projection
from nfield.saved_scene import load_scene_run
from nfield.scene_export.colmap_text import ColoredPoints, model_of, parameters_of, write_colmap
from nfield.scene_export.pictures import Pictures, common_folder, matched
from nfield.scene_export.transforms_json import lens_entries, transforms_bytes
from nfield.scene_export.users_cameras import UsersCameras, scaled
from nfield.types import Box

_FAR = World((5_400_000.0, 300_000.0, 120.0), 0.05)
_NOTHING = ColoredPoints(np.zeros((0, 3)), np.zeros((0, 3), np.uint8))
_LENSES = {
    "simple pinhole": ((60.0, 60.0), (), Projection.PERSPECTIVE),
    "pinhole": ((60.0, 58.0), (), Projection.PERSPECTIVE),
    "simple radial": ((60.0, 60.0), (0.05,), Projection.PERSPECTIVE),
    "opencv": ((60.0, 58.0), (0.05, -0.02, 0.001, -0.002), Projection.PERSPECTIVE),
    "rational": ((60.0, 58.0), (0.05, -0.02, 0.001, -0.002, 0.003, 0.02, -0.01, 0.004), Projection.PERSPECTIVE),
    "fisheye": ((30.0, 31.0), (0.03, -0.01, 0.0, 0.0, 0.002, *[0.0] * 7, -0.001), Projection.EQUIDISTANT),
    "thin prism fisheye": (
        (30.0, 31.0),
        (0.03, -0.01, 0.001, -0.002, 0.002, 0.0, 0.0, 0.0, 0.003, 0.0, -0.004, 0.0, -0.001),
        Projection.EQUIDISTANT,
    ),
}  # fmt: skip


def _cameras(name: str, size: tuple[int, int] = (24, 32)) -> Cameras:
    """Three cameras with one kind of lens around the origin."""
    focal, distortion, projection = _LENSES[name]
    origins = torch.tensor([[3.0, 0.2, 1.0], [-2.0, 2.5, 0.5], [0.3, -3.0, 2.0]])
    poses = look_at(origins, torch.zeros(3), torch.tensor([0.0, 0.0, 1.0]))
    plain = Cameras.pinhole(1.0, size, world_from_camera=poses, center=(15.5, 12.25))
    plain.intrinsics[:, 0, 0], plain.intrinsics[:, 1, 1] = focal
    coefficients = torch.tensor([*distortion, *[0.0] * (13 - len(distortion))]).expand(3, -1)
    kinds = torch.full((3,), int(projection))
    return dataclasses.replace(plain, distortion=coefficients, projection=kinds)


def _with_pictures(cameras: Cameras, world: World, folder: Path, size: tuple[int, int]) -> UsersCameras:
    """The same with pictures of that size on disk."""
    shots: list[Shot] = []
    for index in range(len(cameras)):
        path = folder / "photos" / f"p{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (size[1], size[0])).save(path)
        shots.append(Shot(path.name, path, size, Lens((1.0, 1.0), (0.0, 0.0), size), np.eye(4)))
    return UsersCameras.of(cameras, world, Pictures(tuple(shots)))


def _rays_of(capture: Capture, world: World, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Origins in the user's world and directions through every pixel of all pictures at a size."""
    lens = capture.shots[0].lens
    padded = torch.tensor([shot.lens.distortion + (0.0,) * (13 - len(shot.lens.distortion)) for shot in capture.shots])
    poses = torch.from_numpy(world.poses_from_user(capture.poses)).float()
    matrices = torch.stack([shot.lens.matrix(size) for shot in capture.shots])
    kinds = torch.full((len(poses),), int(lens.projection))
    return _rays(Cameras(matrices, poses, size, padded, kinds))


def _rays(cameras: Cameras) -> tuple[np.ndarray, np.ndarray]:
    found = [cameras.image_rays(index, box=Box.cube(10.0)) for index in range(len(cameras))]
    return torch.cat([r.origins for r in found]).numpy(), torch.cat([r.dirs for r in found]).numpy()


def _assert_same_rays(capture: Capture, world: World, cameras: Cameras) -> None:
    origins, dirs = _rays_of(capture, world, cameras.size)
    expected_origins, expected_dirs = _rays(cameras)
    np.testing.assert_allclose(origins, expected_origins, atol=2e-6)
    np.testing.assert_allclose(dirs, expected_dirs, atol=2e-5)


@pytest.mark.parametrize("world", [World(), _FAR], ids=["near", "survey"])
@pytest.mark.parametrize("name", _LENSES)
def test_a_transforms_file_gives_the_same_rays(name: str, world: World, tmp_path: Path):
    cameras = _cameras(name)
    users = _with_pictures(cameras, world, tmp_path, (48, 64))
    (tmp_path / "a.transforms.json").write_bytes(transforms_bytes(users, tmp_path))
    capture = load_capture(tmp_path / "a.transforms.json")
    assert [shot.path for shot in capture.shots] == [tmp_path / "photos" / f"p{i}.png" for i in range(3)]
    _assert_same_rays(capture, world, cameras)


@pytest.mark.parametrize("world", [World(), _FAR], ids=["near", "survey"])
@pytest.mark.parametrize("name", _LENSES)
def test_a_colmap_model_gives_the_same_rays(name: str, world: World, tmp_path: Path):
    cameras = _cameras(name)
    write_colmap(tmp_path / "sparse" / "0", _with_pictures(cameras, world, tmp_path, (48, 64)), _NOTHING)
    (tmp_path / "photos").rename(tmp_path / "images")
    _assert_same_rays(load_capture(tmp_path), world, cameras)


def test_pycolmap_projects_points_to_the_same_pixels(tmp_path: Path):
    cameras = _cameras("opencv", (48, 64))
    points = ColoredPoints(np.array([[0.1, 0.2, 0.3], [-0.2, 0.1, 0.0]]), np.array([[255, 0, 10], [1, 2, 3]], np.uint8))
    write_colmap(tmp_path / "model", _with_pictures(cameras, World(), tmp_path, (48, 64)), points)
    model = pycolmap.Reconstruction(str(tmp_path / "model"))
    assert [model.images[i].name for i in (1, 2, 3)] == ["p0.png", "p1.png", "p2.png"]
    assert len(model.cameras) == 1
    assert {tuple(point.color) for point in model.points3D.values()} == {(255, 0, 10), (1, 2, 3)}
    for index in range(3):
        expected, _ = cameras.project(torch.from_numpy(points.places).float(), index)
        found = np.stack([model.images[index + 1].project_point(place) for place in points.places])
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_lenses_that_differ_stand_in_their_frames(tmp_path: Path):
    cameras = _cameras("pinhole")
    cameras.intrinsics[1, 0, 0] = 70.0
    users = _with_pictures(cameras, World(), tmp_path, (24, 32))
    content = json.loads(transforms_bytes(users, tmp_path))
    assert "fl_x" not in content
    assert [frame["fl_x"] for frame in content["frames"]] == [60.0, 70.0, 60.0]
    write_colmap(tmp_path, users, _NOTHING)
    assert sum(not line.startswith("#") for line in (tmp_path / "cameras.txt").read_text().splitlines()) == 2


def test_masks_are_named(tmp_path: Path):
    users = _with_pictures(_cameras("pinhole"), World(), tmp_path, (24, 32))
    assert users.shots is not None
    Image.new("L", (32, 24), 255).save(tmp_path / "mask.png")
    masked = tuple(dataclasses.replace(shot, mask=tmp_path / "mask.png") for shot in users.shots)
    (tmp_path / "a.json").write_bytes(transforms_bytes(dataclasses.replace(users, shots=masked), tmp_path))
    assert all(shot.mask == tmp_path / "mask.png" for shot in load_capture(tmp_path / "a.json").shots)


def test_without_pictures_names_are_made_up(tmp_path: Path):
    users = UsersCameras.of(_cameras("pinhole"), World(), Pictures(None))
    frames = json.loads(transforms_bytes(users, tmp_path))["frames"]
    assert [frame["file_path"] for frame in frames] == [f"images/{i:05d}.png" for i in range(3)]
    write_colmap(tmp_path, users, _NOTHING)
    assert "00002.png" in (tmp_path / "images.txt").read_text()


@pytest.mark.parametrize("name", _LENSES)
def test_parameters_of_a_model_make_the_lens_again(name: str):
    focal, distortion, projection = _LENSES[name]
    lens = Lens(focal, (15.5, 12.25), (24, 32), distortion, projection)
    model = model_of(lens)
    again = model.lens(parameters_of(lens, model), lens.size)
    padded = [one.distortion + (0.0,) * (13 - len(one.distortion)) for one in (lens, again)]
    assert (again.focal, again.center, padded[1]) == (lens.focal, lens.center, padded[0])


def test_panoramas_have_no_model_of_colmap_but_a_transforms_entry():
    lens = Lens((10.0, 10.0), (32.0, 16.0), (32, 64), (), Projection.EQUIRECTANGULAR)
    assert lens_entries(lens) == {"w": 64, "h": 32, "camera_model": "EQUIRECTANGULAR"}
    with pytest.raises(DataError, match=r"no camera model for a lens of projection equirectangular.*--no-colmap"):
        model_of(lens)


def test_a_scaled_lens_sees_the_same_through_the_same_share_of_the_picture():
    lens = scaled(Lens((10.0, 12.0), (5.0, 4.0), (8, 10), (0.1,)), (16, 30))
    assert (lens.focal, lens.center, lens.size, lens.distortion) == ((30.0, 24.0), (15.0, 8.0), (16, 30), (0.1,))


def test_the_folder_of_pictures_is_the_deepest_that_holds_all():
    assert common_folder([Path("/a/b/c/x.png"), Path("/a/b/d/y.png")]) == Path("/a/b")
    assert common_folder([Path("/a/b/x.png")]) == Path("/a/b")


def test_a_run_exports_its_cameras_with_its_pictures(finished_run: Path, scene_folder: Path, tmp_path: Path):
    out = tmp_path / "tiny.transforms.json"
    assert main(["export", str(finished_run), "--to", "cameras", "--points", "200", "--out", str(out)]) == 0
    saved = load_scene_run(finished_run)
    for source in (out, tmp_path / "tiny.colmap"):
        capture = load_capture(source)
        assert len(capture.shots) == 8
        assert {shot.path.resolve().parent for shot in capture.shots} == {scene_folder / "train"}
        _assert_same_rays(capture, saved.record.world, saved.cameras)
    capture = load_capture(tmp_path / "tiny.colmap")
    assert capture.points is not None
    assert len(capture.points) == 200
    # A field that has hardly learned anything puts them anywhere in its box, which is the scene's.
    world, box = saved.record.world, saved.shown.box
    low, high = (np.asarray(world.origin) + corner.double().numpy() / world.scale for corner in (box.low, box.high))
    assert (capture.points >= low - 1e-5).all()
    assert (capture.points <= high + 1e-5).all()


def test_moved_cameras_are_matched_and_foreign_ones_are_not(finished_run: Path, scene_folder: Path):
    saved, capture = load_scene_run(finished_run), load_capture(scene_folder)
    poses = saved.cameras.world_from_camera.clone()
    poses[:, :3, 3] += 0.02
    refined = dataclasses.replace(saved, cameras=dataclasses.replace(saved.cameras, world_from_camera=poses))
    found = matched(refined, capture)
    assert found is not None
    assert [shot.name for shot in found] == [f"./train/r_{index}" for index in range(8)]
    poses = poses.clone()
    poses[0, :3, 3] += 2.0
    foreign = dataclasses.replace(saved, cameras=dataclasses.replace(saved.cameras, world_from_camera=poses))
    assert matched(foreign, capture) is None


def test_a_run_whose_pictures_are_gone_says_so(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def gone(*_: object) -> Capture:
        raise DataError("data: does not exist")

    monkeypatch.setattr("nfield.scene_export.pictures.load_capture", gone)
    out = tmp_path / "a.json"
    assert main(["export", str(finished_run), "--to", "cameras", "--no-colmap", "--out", str(out)]) == 0
    assert "the pictures are not found, so names and sizes of files are made up" in capsys.readouterr().out
    assert json.loads(out.read_text())["frames"][0]["file_path"] == "images/00000.png"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_wrong_number_of_points_is_refused(finished_run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["export", str(finished_run), "--to", "cameras", "--points", "-1"]) == 2
    assert "--points: is -1, expected 0 to 1,000,000 points" in capsys.readouterr().err
