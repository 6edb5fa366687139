"""What is read of transforms files, made and real."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from nfield.data.analytic import analytic_scene, write_synthetic
from nfield.data.loaders import MissingImagesWarning
from nfield.data.scenes import load_scene
from tests.nfield.data.captures import HEIGHT, WIDTH, edit, write_capture


def test_every_eighth_image_by_name_is_held_out(tmp_path: Path):
    path = write_capture(tmp_path, count=10)
    edit(path, lambda content: content["frames"].reverse())
    scene = load_scene(tmp_path)
    assert scene.test.names == ("images/0000.png", "images/0008.png")
    assert len(scene.train) == 8
    assert not set(scene.train.names) & set(scene.test.names)


def test_a_file_is_read_like_its_folder(tmp_path: Path):
    path = write_capture(tmp_path)
    from_file, from_folder = load_scene(path), load_scene(str(tmp_path))
    assert torch.equal(from_file.train.images, from_folder.train.images)
    assert from_file.train.names == from_folder.train.names


def test_camera_axes_become_opencvs(tmp_path: Path):
    write_capture(tmp_path)
    scene = load_scene(tmp_path)
    expected = analytic_scene(10, (HEIGHT, WIDTH), torch.Generator().manual_seed(0)).cameras
    torch.testing.assert_close(scene.test.cameras.world_from_camera, expected.world_from_camera[[0, 8]])
    torch.testing.assert_close(scene.test.cameras.intrinsics, expected.intrinsics[[0, 8]])
    assert scene.test.cameras.distortion is None


def test_a_capture_with_aabb_scale_covers_instant_ngps_box(tmp_path: Path):
    write_capture(tmp_path, aabb_scale=4)
    posed = load_scene(tmp_path).train
    torch.testing.assert_close(posed.box.high, torch.full((3,), 2.0 / 0.33))
    torch.testing.assert_close(posed.inner.high, torch.full((3,), 0.5 / 0.33))
    assert posed.unbounded
    assert not posed.has_alpha
    assert posed.background is None


def test_a_captures_own_scale_and_offset_move_the_box(tmp_path: Path):
    write_capture(tmp_path, aabb_scale=1, scale=0.25, offset=[0.5, 0.25, 1.0])
    box = load_scene(tmp_path).train.box
    torch.testing.assert_close(box.size, torch.full((3,), 4.0))
    torch.testing.assert_close(0.5 * (box.low + box.high), torch.tensor([0.0, 1.0, -2.0]))


def test_a_capture_without_aabb_scale_covers_what_its_cameras_look_at(tmp_path: Path):
    write_capture(tmp_path, aabb_scale=None)
    posed = load_scene(tmp_path).train
    torch.testing.assert_close(0.5 * (posed.inner.low + posed.inner.high), torch.zeros(3), atol=1e-2, rtol=0)
    unit = posed.box.unit_from_world(posed.cameras.origins)
    assert ((unit > 0.0) & (unit < 1.0)).all()
    torch.testing.assert_close(posed.box.size, 4.0 * posed.inner.size)


def test_values_of_a_frame_replace_those_at_the_top(tmp_path: Path):
    path = write_capture(tmp_path, k1=0.1)
    edit(path, lambda content: content["frames"][8].update(fl_x=99.0, cx=3.0, k1=-0.2, p2=0.01))
    cameras = load_scene(tmp_path).test.cameras
    assert cameras.intrinsics[1, 0, 0].item() == 99.0
    assert cameras.intrinsics[1, 0, 2].item() == 3.0
    assert cameras.distortion is not None
    torch.testing.assert_close(cameras.distortion, torch.tensor([[0.1, 0, 0, 0], [-0.2, 0, 0, 0.01]]))


def test_a_field_of_view_gives_the_focal_length(tmp_path: Path):
    path = write_capture(tmp_path, fl_x=None, fl_y=None, cx=None, cy=None, w=None, h=None, camera_angle_x=1.0)
    matrix = load_scene(path).train.cameras.intrinsics[0]
    focal = 0.5 * WIDTH / math.tan(0.5)
    torch.testing.assert_close(matrix, torch.tensor([[focal, 0, WIDTH / 2], [0, focal, HEIGHT / 2], [0, 0, 1]]))


def test_numbers_of_larger_photos_are_scaled_to_the_images(tmp_path: Path):
    write_capture(tmp_path, w=10 * WIDTH, h=10 * HEIGHT, fl_x=400.0, fl_y=300.0, cx=110.0, cy=70.0)
    matrix = load_scene(tmp_path).train.cameras.intrinsics[0]
    torch.testing.assert_close(matrix, torch.tensor([[40.0, 0, 11.0], [0, 30.0, 7.0], [0, 0, 1]]))


def test_smaller_images_have_intrinsics_to_match(tmp_path: Path):
    write_capture(tmp_path)
    full = load_scene(tmp_path).test
    for small in (load_scene(tmp_path, downscale=2).test, load_scene(tmp_path, size=(8, 12)).test):
        assert small.images.shape == (2, 8, 12, 4)
        assert small.cameras.size == (8, 12)
        torch.testing.assert_close(small.cameras.intrinsics, full.cameras.resized((8, 12)).intrinsics)
        average = full.images.view(2, 8, 2, 12, 2, 4).float().mean((2, 4))
        assert (small.images.float() - average).abs().max() <= 1.0


def test_large_photos_are_made_smaller_where_no_factor_is_given(tmp_path: Path):
    write_capture(tmp_path, count=2)
    for index in range(2):
        Image.new("RGB", (2400, 1600)).save(tmp_path / "images" / f"{index:04d}.png")
    assert load_scene(tmp_path, downscale=None).train.cameras.size == (533, 800)


def test_a_uniform_scale_of_the_axes_is_divided_out(tmp_path: Path):
    path = write_capture(tmp_path)
    expected = load_scene(path).test.cameras.world_from_camera

    def scale(content: dict[str, Any]) -> None:
        for frame in content["frames"]:
            frame["transform_matrix"] = [[2.5 * x for x in row[:3]] + row[3:] for row in frame["transform_matrix"][:3]]

    edit(path, scale)
    torch.testing.assert_close(load_scene(path).test.cameras.world_from_camera, expected)


def test_missing_images_are_left_out_with_a_warning(tmp_path: Path):
    write_capture(tmp_path, count=10)
    for index in (0, 3):
        (tmp_path / "images" / f"{index:04d}.png").unlink()
    with pytest.warns(MissingImagesWarning, match=r"transforms\.json: 2 of its 10 images do not exist"):
        scene = load_scene(tmp_path)
    assert scene.missing == ("images/0000.png", "images/0003.png")
    assert scene.test.names == ("images/0001.png",)
    assert len(scene.train) == 7


def test_windows_paths_are_read(tmp_path: Path):
    path = write_capture(tmp_path)
    path.write_text(path.read_text().replace("images/", "images\\\\"))
    assert len(load_scene(path).train) == 8


def test_a_synthetic_folder_without_test_views_holds_out_every_eighth(tmp_path: Path):
    write_synthetic(tmp_path, generator=torch.Generator().manual_seed(0), n_train=9, n_test=3, size=(8, 8))
    (tmp_path / "transforms_test.json").rename(tmp_path / "transforms_val.json")
    assert [len(part) for part in (load_scene(tmp_path).train, load_scene(tmp_path).test)] == [9, 3]
    (tmp_path / "transforms_val.json").unlink()
    assert [len(part) for part in (load_scene(tmp_path).train, load_scene(tmp_path).test)] == [7, 2]


def test_a_synthetic_folder_may_state_its_region(tmp_path: Path):
    write_synthetic(tmp_path, generator=torch.Generator().manual_seed(0), n_train=2, n_test=1, size=(8, 8))
    edit(tmp_path / "transforms_train.json", lambda content: content.update(aabb_scale=2, scale=0.5))
    scene = load_scene(tmp_path)
    for posed in (scene.train, scene.test):
        assert posed.box.high.tolist() == [2.0] * 3
        assert posed.unbounded


# Real captures.


def test_lego_is_read_and_its_cameras_look_at_it(shared_data: Path):
    scene = load_scene(shared_data / "lego", downscale=8)
    assert (len(scene.train), len(scene.test)) == (100, 25)
    assert scene.train.images.shape[1:] == (50, 50, 4)
    assert scene.train.has_alpha
    assert not scene.train.unbounded
    hits = 0
    for index in range(0, 100, 5):
        pixel, depth = scene.train.cameras.project(torch.zeros(1, 3), index)
        column, row = pixel[0].long()
        assert depth.item() > 2.0
        hits += bool(scene.train.images[index, row, column, 3] > 128)
    assert hits >= 18  # the origin lies inside the model, so nearly every silhouette covers it


def test_legos_silhouettes_agree_on_a_volume(shared_data: Path):
    # Wrong axes or a mirrored image would leave (almost) no point that every silhouette covers.
    posed = load_scene(shared_data / "lego", downscale=8).train
    axis = torch.linspace(-1.45, 1.45, 40)
    points = torch.cartesian_prod(axis, axis, axis)
    inside = torch.ones(len(points), dtype=torch.bool)
    for index in range(0, 100, 4):
        pixels, _ = posed.cameras.project(points, index)
        column, row = pixels.long().clamp(0, 49).unbind(-1)
        inside &= posed.images[index, row, column, 3] > 20
    hull = points[inside]
    assert 0.02 < inside.float().mean() < 0.2
    assert hull.abs().amax(0)[2] > 0.5
    # From the held-out views the hull covers the model, and little else.
    test = load_scene(shared_data / "lego", downscale=8).test
    for index in (0, 11, 20):
        pixels, _ = test.cameras.project(hull, index)
        column, row = pixels.long().clamp(0, 49).unbind(-1)
        silhouette = test.images[index, ..., 3] > 20
        covered = torch.zeros(50, 50, dtype=torch.bool)
        covered[row, column] = True
        assert silhouette[row, column].float().mean() > 0.95
        # Images turned by half a circle would leave a third of each silhouette uncovered.
        assert (covered & silhouette).sum() > 0.8 * silhouette.sum()


@pytest.mark.filterwarnings("ignore::nfield.data.loaders.MissingImagesWarning")
def test_fox_is_read_with_its_distortion(shared_data: Path):
    scene = load_scene(shared_data / "fox", size=(240, 135))
    assert (len(scene.train), len(scene.test), len(scene.missing)) == (43, 7, 17)
    assert scene.train.unbounded
    assert scene.train.cameras.distortion is not None
    assert scene.train.cameras.intrinsics[0, 0, 0].item() == pytest.approx(1375.52 / 8)
    # Every camera lies in the box, and the fox (near the origin) in sight of most.
    unit = scene.train.box.unit_from_world(scene.train.cameras.origins)
    assert ((unit > 0.0) & (unit < 1.0)).all()
    seen = 0
    for index in range(43):
        pixel, depth = scene.train.cameras.project(torch.zeros(1, 3), index)
        seen += bool(depth.item() > 0 and 0 < pixel[0, 0] < 135 and 0 < pixel[0, 1] < 240)
    assert seen >= 35
