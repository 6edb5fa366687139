"""Files of splats in the viewer: drawn by the browser or here, and filmed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nfield.cameras import Cameras
from nfield.cli import main
from nfield.errors import DataError, OptionError
from nfield.export.ply_file import ply_bytes
from nfield.export.splat_file import write_splats
from nfield.kernels.gaussians import rotation_matrices
from tests.splat_ball import RED, red_ball
from tests.viewer.subjects import Serve
from viewer.camera import home_camera
from viewer.headless_client import HeadlessClient, check_page
from viewer.splat_file import cloud_of, load_subject, orbit_of, read_splats


@pytest.fixture
def file(tmp_path: Path, generator: torch.Generator) -> Path:
    """A red ball of splats around (1, 2, 3), of radius 0.5, with z up."""
    write_splats(tmp_path / "ball.ply", red_ball(generator), up=(0.0, 0.0, 1.0))
    return tmp_path / "ball.ply"


def test_the_first_look_is_at_the_splats_with_up_upwards(file: Path):
    subject = load_subject(file)
    np.testing.assert_allclose(subject.home.target, [1.0, 2.0, 3.0], atol=0.1)
    assert subject.home.up == (0.0, 0.0, 1.0)
    assert 1.0 < subject.home.distance < 3.0
    assert subject.facts["splats"] == "3,000"
    image = subject.views["splats"](home_camera(subject.home, (64, 64)), (64, 64), lambda: False)
    assert image is not None
    torch.testing.assert_close(image.color[32, 32], torch.tensor(RED), atol=0.02, rtol=0.0)
    torch.testing.assert_close(image.color[0, 0], torch.ones(3))


def test_without_a_word_about_up_it_is_that_of_a_cameras_frame(file: Path):
    file.write_bytes(file.read_bytes().replace(b"comment up 0 0 1\n", b""))
    orbit = orbit_of(read_splats(file))
    assert orbit.up.tolist() == [0.0, -1.0, 0.0]
    assert float(orbit.start @ orbit.up) > 0.0


def test_the_browsers_cloud_has_the_covariances_of_the_splats(file: Path):
    splats = read_splats(file).splats
    cloud = cloud_of(splats)
    axes = rotation_matrices(splats.quaternions)
    variances = np.einsum("nia,nij,nja->na", axes, cloud.covariances, axes)
    np.testing.assert_allclose(variances, splats.log_scales.exp().square(), rtol=1e-3)
    np.testing.assert_allclose(cloud.colors, np.tile(RED, (3000, 1)), atol=1e-5)
    assert cloud.opacities.shape == (3000, 1)


def test_the_browser_draws_until_it_is_told_not_to(file: Path, serve: Serve):
    subject = load_subject(file)
    viewer = serve(subject)
    with HeadlessClient(viewer.url) as client:
        client.look(home_camera(subject.home, (60, 80)))
        boxes, clouds = {}, []
        for message in client.messages(20.0):
            if message["type"] == "GaussianSplatsMessage":
                clouds.append(message)
            if message["type"] == "GuiCheckboxMessage":
                boxes[message["props"]["label"]] = message["uuid"]
            if clouds and "draw in the browser" in boxes:
                break
        assert len(clouds) == 1
        assert list(client.pictures(0.5)) == []
        client.send("GuiUpdateMessage", uuid=boxes["draw in the browser"], updates={"value": False})
        picture = next(iter(client.pictures(20.0)))
    center = np.asarray(picture.image(), np.float32)[picture.size[0] // 2, picture.size[1] // 2] / 255.0
    np.testing.assert_allclose(center, RED, atol=0.08)


def test_the_check_is_content_with_a_cloud(file: Path, serve: Serve):
    subject = load_subject(file)
    found = check_page(serve(subject).url, home_camera(subject.home, (60, 80)), patience=20.0)
    assert found == "a cloud of splats, which the browser draws,"


def test_two_files_beside_each_other_are_drawn_here(file: Path, serve: Serve):
    subject = load_subject(file)
    with HeadlessClient(serve(subject, subject).url) as client:
        client.look(home_camera(subject.home, (60, 80)))
        assert next(iter(client.pictures(20.0))).size[0] > 0


def test_a_film_goes_around_the_splats(file: Path, tmp_path: Path):
    out = tmp_path / "film"
    assert main(["render", str(file), "--frames", "3", "--size", "40", "60", "--out", str(out)]) == 0
    frames = sorted((out / "frames").iterdir())
    assert len(frames) == 3
    assert (out / "orbit.mp4").stat().st_size > 0
    middle = np.asarray(Image.open(frames[1]), np.float32)[20, 30, :3] / 255.0
    np.testing.assert_allclose(middle, RED, atol=0.03)


def test_a_motion_is_refused(file: Path):
    with pytest.raises(OptionError, match=r"--motion: .* holds a cloud of splats, which has no joints"):
        load_subject(file, motion=Path("walk.bvh"))


def test_a_mesh_is_refused_by_every_command_that_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "mesh.ply").write_bytes(ply_bytes(np.eye(3), None, None, faces=np.array([[0, 1, 2]])))
    for command in ("view", "render"):
        assert main([command, str(tmp_path / "mesh.ply")]) != 0
        assert "holds a mesh and no Gaussian splats" in capsys.readouterr().err
    with pytest.raises(DataError):
        load_subject(tmp_path / "mesh.ply")


def test_what_takes_a_run_says_so(file: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["eval", str(file)]) != 0
    assert "is a file of splats, which cannot be" in capsys.readouterr().err
    assert main(["edit", "extent", str(file)]) != 0
    assert "nfield convert makes a field of it" in capsys.readouterr().err


def test_far_cameras_do_not_stop_the_view(file: Path):
    view = load_subject(file).views["splats"]
    camera = Cameras.pinhole(20.0, (8, 8))
    assert view(camera, (8, 8), lambda: True) is None
    image = view(camera, (8, 8), lambda: False)
    assert image is not None
    assert image.color.shape == (8, 8, 3)
