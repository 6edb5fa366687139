"""Habits of real captures: each is read as the tidy capture that it was made from."""

import codecs
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nfield.data.analytic import analytic_scene, write_synthetic
from nfield.data.base import Scene
from nfield.data.conventions import Convention, write_poses
from nfield.data.loaders import MissingImagesWarning
from nfield.data.scenes import load_scene
from nfield.errors import DataError
from nfield.lenses import Projection
from nfield.types import Box
from tests.nfield.data.captures import HEIGHT, WIDTH, edit, message_of, write_capture


def assert_same(scene: Scene, tidy: Scene) -> None:
    """Same pictures, same rays, same box."""
    for one, other in ((scene.train, tidy.train), (scene.test, tidy.test)):
        assert torch.equal(one.images, other.images)
        torch.testing.assert_close(one.cameras.world_from_camera, other.cameras.world_from_camera, atol=1e-4, rtol=0)
        torch.testing.assert_close(one.cameras.intrinsics, other.cameras.intrinsics)
        torch.testing.assert_close(one.box.low, other.box.low, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: codecs.BOM_UTF8 + text.encode("utf-8"),
        lambda text: text.encode("utf-16"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    ],
    ids=["utf-8-mark", "utf-16", "utf-16-be"],
)
def test_text_as_editors_write_it(tmp_path: Path, encode: Callable[[str], bytes]):
    path = write_capture(tmp_path)
    tidy = load_scene(path)
    path.write_bytes(encode(path.read_text()))
    assert_same(load_scene(path), tidy)


def test_nulls_say_nothing(tmp_path: Path):
    path = write_capture(tmp_path)
    tidy = load_scene(path)
    edit(path, lambda content: content.update(k1=None, k2=None, p1=None, camera_model=None, train_filenames=None))
    edit(path, lambda content: content["frames"][0].update(mask_path=None, fl_x=None))
    assert_same(load_scene(path), tidy)


@pytest.mark.parametrize("prefix", ["", "/home/somebody/work/shots/", "C:\\Users\\me\\shots\\images\\"])
def test_pictures_are_found_by_their_names_and_that_is_said(tmp_path: Path, prefix: str):
    path = write_capture(tmp_path)
    tidy = load_scene(path)

    def rename(content: dict[str, Any]) -> None:
        for frame in content["frames"]:
            frame["file_path"] = prefix + Path(frame["file_path"]).name

    edit(path, rename)
    scene = load_scene(path)
    assert_same(scene, tidy)
    (note,) = scene.notes
    assert note.startswith(f"{path}: 10 images are not where file_path says and were found by their names (the first:")


def test_of_pictures_of_one_name_those_are_taken_whose_folder_fits(tmp_path: Path):
    path = write_capture(tmp_path)
    tidy = load_scene(path)
    for other in ("images_2", "masks", "a"):
        shutil.copytree(tmp_path / "images", tmp_path / other)
        for picture in (tmp_path / other).iterdir():
            Image.new("RGB", (WIDTH, HEIGHT), "white").save(picture)
    path.write_text(path.read_text().replace("images/", "/data/capture/images/"))
    assert_same(load_scene(path), tidy)
    path.write_text(path.read_text().replace("/data/capture/images/", ""))
    assert_same(load_scene(path), tidy)


def test_turned_pictures_are_turned_back_where_the_numbers_are_upright(tmp_path: Path):
    path = write_capture(tmp_path)
    tidy = load_scene(path)
    tags = Image.Exif()
    tags[0x0112] = 6
    for picture in (tmp_path / "images").iterdir():
        Image.open(picture).transpose(Image.Transpose.ROTATE_90).save(picture, exif=tags)
    assert_same(load_scene(path), tidy)


def test_turned_pictures_are_left_where_the_numbers_are_those_of_the_stored_ones(tmp_path: Path):
    path = write_capture(tmp_path)
    tidy = load_scene(path)
    tags = Image.Exif()
    tags[0x0112] = 6
    for picture in (tmp_path / "images").iterdir():
        Image.open(picture).save(picture, exif=tags)
    assert_same(load_scene(path), tidy)


def turned_capture(folder: Path) -> Path:
    """Every other picture turned by a quarter, with its own numbers."""
    path = write_capture(folder, k1=0.05, p1=0.004, p2=-0.002)

    def turn(content: dict[str, Any]) -> None:
        for frame in content["frames"][1::2]:
            picture = folder / frame["file_path"]
            Image.open(picture).transpose(Image.Transpose.ROTATE_90).save(picture)
            own = {"w": HEIGHT, "h": WIDTH, "cx": content["cy"], "cy": WIDTH - content["cx"], "p1": 0.002, "p2": 0.004}
            quarter = np.eye(4)
            quarter[:2, :2] = [[0, 1], [-1, 0]]
            frame.update(own, transform_matrix=(np.array(frame["transform_matrix"]) @ quarter).tolist())

    edit(path, turn)
    return path


def test_pictures_of_several_sizes_show_the_same_along_the_same_rays(tmp_path: Path):
    path = write_capture(tmp_path / "tidy", k1=0.05, p1=0.004, p2=-0.002)
    tidy, turned = load_scene(path).train, load_scene(turned_capture(tmp_path / "turned")).train
    box = Box.cube(9.0)
    assert turned.cameras.sizes is not None
    for index in range(len(tidy)):
        rays, other = tidy.cameras.image_rays(index, box=box), turned.cameras.image_rays(index, box=box)
        height, width = turned.cameras.size_of(index)
        dirs, image = other.dirs.view(height, width, 3), turned.image(index)
        assert image.shape[:2] == (height, width)
        if (height, width) == (WIDTH, HEIGHT):
            dirs, image = dirs.rot90(-1), image.rot90(-1)
        torch.testing.assert_close(dirs.reshape(-1, 3), rays.dirs, atol=1e-4, rtol=0)
        assert torch.equal(image, tidy.image(index))


def test_the_sizes_of_a_run_are_found_again_from_its_largest_picture(tmp_path: Path):
    path = turned_capture(tmp_path)
    reduced = load_scene(path, downscale=2).train.cameras
    again = load_scene(path, size=reduced.size).train.cameras
    assert reduced.sizes is not None
    assert again.sizes is not None
    assert torch.equal(reduced.sizes, again.sizes)
    assert sorted(map(tuple, reduced.sizes.unique(dim=0).tolist())) == [(8, 12), (12, 8)]


def test_masks_that_frames_name_and_those_of_a_folder_are_used(tmp_path: Path):
    path = write_capture(tmp_path)
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[4:9, 2:7] = 0
    (tmp_path / "masks").mkdir()
    (tmp_path / "odd").mkdir()
    Image.fromarray(mask).save(tmp_path / "odd" / "one.png")
    Image.fromarray(mask).save(tmp_path / "masks" / "0002.png")
    Image.fromarray(mask).save(tmp_path / "masks" / "0003.png.png")
    edit(path, lambda content: content["frames"][1].update(mask_path="odd/one.png"))
    train = load_scene(path).train
    for name, masked in (("0001", True), ("0002", True), ("0003", True), ("0004", False)):
        used = train.pictures.used_of(train.names.index(f"images/{name}.png"))
        assert used is not None
        assert np.array_equal(used.numpy(), (mask > 0) if masked else np.ones_like(mask, dtype=bool))


def test_splits_are_those_of_the_file(tmp_path: Path):
    names = [f"images/{index:04d}.png" for index in range(10)]
    splits = {
        "train_filenames": names[:5],
        "val_filenames": names[5:7],
        "test_filenames": ["./images/0008.png", "0009"],
    }
    path = write_capture(tmp_path, **splits)
    edit(path, lambda content: content["test_filenames"].__setitem__(1, "0009.png"))
    scene = load_scene(path)
    assert scene.train.names == tuple(names[:5])
    assert scene.test.names == tuple(names[8:])
    edit(path, lambda content: content.pop("test_filenames"))
    assert load_scene(path).test.names == tuple(names[5:7])
    edit(path, lambda content: content.pop("train_filenames"))
    assert load_scene(path).train.names == tuple(names[:5] + names[7:])


def test_a_split_of_images_that_are_missing_is_held_out_from_the_rest_with_a_warning(tmp_path: Path):
    path = write_capture(tmp_path, test_filenames=["images/9000.png"])
    with pytest.warns(MissingImagesWarning, match=r"none of the images exists that test_filenames and val_filenames"):
        scene = load_scene(path)
    assert scene.test.names == ("images/0000.png", "images/0008.png")


def test_a_synthetic_test_split_without_images_is_held_out_from_the_rest_with_a_warning(tmp_path: Path):
    write_synthetic(tmp_path, generator=torch.Generator().manual_seed(0), n_train=9, n_test=3, size=(8, 8))
    shutil.rmtree(tmp_path / "test")
    with pytest.warns(MissingImagesWarning, match=r"transforms_test\.json: none of its 3 images exists .*instead$"):
        scene = load_scene(tmp_path)
    assert [len(scene.train), len(scene.test)] == [7, 2]


_CAMERA_AXES = torch.tensor([1.0, -1.0, -1.0, 1.0]).double().numpy()


def rewritten(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Replaces the poses, given with OpenCV axes."""

    def move(content: dict[str, Any]) -> None:
        poses = np.array([frame["transform_matrix"] for frame in content["frames"]]) * _CAMERA_AXES
        for frame, pose in zip(content["frames"], change(poses), strict=True):
            frame["transform_matrix"] = pose.tolist()

    edit(path, move)


@pytest.mark.parametrize("convention", ["opencv", "opengl-world-to-camera", "opencv-world-to-camera"])
def test_poses_in_another_convention_are_refused_and_read_when_it_is_named(tmp_path: Path, convention: Convention):
    path = write_capture(tmp_path)
    tidy = load_scene(path)
    rewritten(path, lambda poses: write_poses(poses, convention))
    assert f"give --convention {convention}" in message_of(path)
    assert_same(load_scene(path, convention=convention), tidy)


def test_whoever_names_the_convention_is_believed(tmp_path: Path):
    path = write_capture(tmp_path)
    rewritten(path, lambda poses: poses)
    assert len(load_scene(path, convention="opengl").train) == 8
    with pytest.raises(DataError, match="give --convention opencv, or --convention opengl if the cameras really look"):
        load_scene(path)


def moved(offset: tuple[float, float, float], scale: float = 1.0) -> Callable[[np.ndarray], np.ndarray]:
    def move(poses: np.ndarray) -> np.ndarray:
        result = poses * _CAMERA_AXES
        result[:, :3, 3] = result[:, :3, 3] * scale + np.array(offset)
        return result

    return move


@pytest.mark.parametrize("aabb_scale", [4, None])
def test_survey_coordinates_are_brought_near_and_kept_in_mind(tmp_path: Path, aabb_scale: int | None):
    path = write_capture(tmp_path, aabb_scale=None)
    tidy = load_scene(path)
    edit(path, lambda content: content.update({"aabb_scale": aabb_scale}))
    offset = (500_000.0, 5_400_000.0, 300.0)
    rewritten(path, moved(offset))
    scene = load_scene(path)
    assert len(scene.notes) == (aabb_scale is not None)
    assert scene.train.cameras.origins.abs().max() < 20.0
    users = scene.world.user_from_scene(scene.train.cameras.origins.double().numpy())
    np.testing.assert_allclose(users - np.array(offset), tidy.train.cameras.origins.numpy(), atol=1e-4)
    middle = scene.world.user_from_scene((0.5 * (scene.train.box.low + scene.train.box.high)).double().numpy())
    np.testing.assert_allclose(middle - np.array(offset), np.zeros(3), atol=0.02)


@pytest.mark.parametrize(
    ("offset", "scale"), [((0.0, 0.0, 0.0), 6.0), ((4.0, -3.0, 2.0), 1.0), ((0.3, 0.2, 0.1), 0.01)]
)
def test_an_object_is_boxed_wherever_it_is_and_however_large(
    tmp_path: Path, offset: tuple[float, float, float], scale: float
):
    write_synthetic(tmp_path, generator=torch.Generator().manual_seed(0), n_train=16, n_test=2, size=(40, 40))
    tidy = load_scene(tmp_path)
    for split in ("train", "test"):
        rewritten(tmp_path / f"transforms_{split}.json", moved(offset, scale))
    scene = load_scene(tmp_path)
    box = scene.train.box
    corners = scene.world.user_from_scene(torch.stack([box.low, box.high]).double().numpy())
    found = (corners - np.array(offset)) / scale
    np.testing.assert_allclose(found, torch.stack([tidy.train.box.low, tidy.train.box.high]).numpy(), atol=0.05)
    assert 1.0 <= float(box.size.max()) <= 12.0


@pytest.mark.parametrize("color", [(255, 255, 255), (0, 0, 0), (30, 160, 90)])
def test_a_backdrop_becomes_the_background_and_that_is_said(tmp_path: Path, color: tuple[int, int, int]):
    write_synthetic(tmp_path, generator=torch.Generator().manual_seed(0), n_train=16, n_test=2, size=(40, 40))
    tidy = load_scene(tmp_path)
    for picture in (tmp_path / "train").iterdir():
        image = Image.open(picture)
        behind = Image.new("RGBA", image.size, (*color, 255))
        Image.alpha_composite(behind, image).convert("RGB").save(picture)
    shutil.rmtree(tmp_path / "test")
    (tmp_path / "transforms_test.json").unlink()
    scene = load_scene(tmp_path)
    assert scene.train.backdrop == scene.train.background == pytest.approx([channel / 255.0 for channel in color])
    shown = f"its pictures have a backdrop of one colour (sRGB {', '.join(map(str, color))})"
    assert shown in scene.notes[0]
    torch.testing.assert_close(scene.train.box.low, tidy.train.box.low, atol=0.15, rtol=0)
    assert ((scene.train.images[..., 3] == 0) | (scene.train.images[..., 3] == 255)).all()
    clear = scene.train.images[..., 3] == 0
    assert (scene.train.images[clear][:, :3].long() - torch.tensor(color)).abs().max() <= 2


def lens_of_model(folder: Path, **entries: Any) -> Scene:
    path = write_capture(folder, aabb_scale=None, **entries)
    return load_scene(path)


@pytest.mark.parametrize("model", ["OPENCV_FISHEYE", "fisheye", "RADIAL_FISHEYE"])
def test_a_fisheyes_rays_solve_its_polynomial(tmp_path: Path, model: str):
    cameras = lens_of_model(tmp_path, camera_model=model, fl_x=20.0, fl_y=20.0, k1=0.1, k2=-0.02).train.cameras
    angle = 0.4
    distance = angle * (1 + 0.1 * angle**2 - 0.02 * angle**4)
    pixel = torch.tensor([[WIDTH / 2 + 20.0 * distance, HEIGHT / 2]])
    _, dirs = cameras.directions(torch.tensor([0]), pixel)
    expected = cameras.world_from_camera[0, :3, :3] @ torch.tensor([math.sin(angle), 0.0, math.cos(angle)])
    torch.testing.assert_close(dirs[0], expected, atol=1e-5, rtol=0)


def test_higher_terms_and_their_names(tmp_path: Path):
    def coefficients(name: str, **entries: Any) -> list[float]:
        distortion = lens_of_model(tmp_path / name, **entries).train.cameras.distortion
        assert distortion is not None
        return [round(value, 6) for value in distortion[0].tolist()]

    assert coefficients("k3", camera_model="OPENCV", k3=0.2) == [0, 0, 0, 0, 0.2] + [0] * 8
    assert coefficients("simple", camera_model="SIMPLE_RADIAL", k1=0.2) == [0.2, 0, 0, 0]
    rational = coefficients("rational", camera_model="FULL_OPENCV", k4=0.1, k5=0.2, k6=0.3)
    assert rational == [0, 0, 0, 0, 0, 0.1, 0.2, 0.3] + [0] * 5
    assert coefficients("nerfstudio", camera_model="OPENCV", k4=0.1) == [0] * 12 + [0.1]
    assert coefficients("prism", s1=0.1, s4=0.2) == [0] * 8 + [0.1, 0, 0, 0.2, 0]
    thin = coefficients("thin", camera_model="THIN_PRISM_FISHEYE", k1=0.1, sx1=0.2, sy1=0.3, p1=0.01)
    assert thin == [0.1, 0, 0.01, 0, 0, 0, 0, 0, 0.2, 0, 0.3, 0, 0]


def test_panoramas_need_no_focal_length(tmp_path: Path):
    scene = lens_of_model(tmp_path, camera_model="EQUIRECTANGULAR", fl_x=None, fl_y=None)
    cameras = scene.train.cameras
    assert cameras.projection_of(0) is Projection.EQUIRECTANGULAR
    pixels = torch.tensor([[WIDTH * 0.75, HEIGHT * 0.5], [WIDTH * 0.5, 0.0]])
    _, dirs = cameras.directions(torch.zeros(2, dtype=torch.int64), pixels)
    right, down = cameras.world_from_camera[0, :3, 0], cameras.world_from_camera[0, :3, 1]
    torch.testing.assert_close(dirs, torch.stack([right, -down]), atol=1e-5, rtol=0)


def test_a_fisheyes_field_of_view_is_its_angle(tmp_path: Path):
    entries = {"camera_model": "OPENCV_FISHEYE", "fl_x": None, "fl_y": None, "camera_angle_x": 2.0}
    assert lens_of_model(tmp_path, **entries).train.cameras.intrinsics[0, 0, 0].item() == pytest.approx(WIDTH / 2.0)


def test_an_image_outside_of_any_habit_is_still_the_analytic_scene(tmp_path: Path):
    path = write_capture(tmp_path)
    posed = analytic_scene(10, (HEIGHT, WIDTH), torch.Generator().manual_seed(0))
    assert json.loads(path.read_text())["frames"][0]["file_path"] == "images/0000.png"
    scene = load_scene(path)
    torch.testing.assert_close(scene.test.cameras.origins[1], posed.cameras.origins[8])
    assert scene.world.is_users
