"""Meshes of a ball: its surface and its colours are known, and files are read by others."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from torch import Tensor

from nfield.cli import main
from nfield.data.world import World
from nfield.export import EXPORTS, Export
from nfield.rendering.samplers.occupancy import OccupancySampler
from nfield.saved_scene import SavedScene
from nfield.scene_export.formats.mesh import MeshFile, MeshOptions
from nfield.scene_export.mesh_files import upright
from nfield.scene_export.sightlines import Sightlines
from nfield.scene_export.solid import Solid
from nfield.scene_export.surface_colors import ColorReader
from tests.avatars.export.gltf_reader import Glb
from tests.nfield.scene_export.ball import CENTER, OPACITY, RADIUS, SoftBall, ball_scene, ring

_OPTIONS = MeshOptions(resolution=40, faces=3000, texture=256)
_FAR = World((5_400_000.0, 300_000.0, 120.0), 0.05)
_AsRun = Callable[[SavedScene], Path]


def _write(as_run: _AsRun, out: Path, options: MeshOptions = _OPTIONS, world: World | None = None) -> None:
    told: list[str] = []
    MeshFile().write(as_run(ball_scene(world)), out, options, told.append)
    assert told


def _require_ball(places: np.ndarray, world: World) -> np.ndarray:
    """Places in the scene's world, which lie on the ball."""
    own = world.scene_from_user(places)
    np.testing.assert_allclose(np.linalg.norm(own - np.array(CENTER), axis=-1), RADIUS, atol=0.006)
    return own


def _color_at(own: np.ndarray) -> np.ndarray:
    """Of the ball, sRGB as bytes."""
    return 255.0 * (0.5 + 0.4 * (own - np.array(CENTER)) / RADIUS).clip(0.0, 1.0)


@pytest.mark.parametrize("world", [World(), _FAR], ids=["near", "survey"])
def test_a_ply_is_the_ball_in_its_colours(world: World, as_run: _AsRun, tmp_path: Path):
    _write(as_run, tmp_path / "ball.ply", world=world)
    mesh = trimesh.load(tmp_path / "ball.ply", process=False)
    own = _require_ball(mesh.vertices, world)
    assert mesh.is_watertight
    assert mesh.volume * world.scale**3 == pytest.approx(4.0 / 3.0 * np.pi * RADIUS**3, rel=0.05)
    np.testing.assert_allclose(mesh.visual.vertex_colors[:, :3], _color_at(own), atol=9)
    outwards = own - np.array(CENTER)
    assert (np.asarray(mesh.vertex_normals) * outwards).sum(-1).min() > 0.8 * RADIUS


def test_an_obj_has_a_texture_in_the_ball_s_colours(as_run: _AsRun, tmp_path: Path):
    _write(as_run, tmp_path / "ball.obj", world=_FAR)
    mesh = trimesh.load(tmp_path / "ball.obj", process=False)
    own = _require_ball(mesh.vertices, _FAR)
    image = np.asarray(mesh.visual.material.image.convert("RGB"), np.float64)
    pixel = (mesh.visual.uv * [255.99, -255.99] + [0.0, 255.99]).astype(int).clip(0, 255)
    assert np.abs(image[pixel[:, 1], pixel[:, 0]] - _color_at(own)).mean() < 5.0
    assert {path.suffix for path in tmp_path.iterdir()} == {".obj", ".mtl", ".png"}


@pytest.mark.parametrize("texture", [0, 256])
def test_a_glb_is_upright_and_its_node_brings_the_users_world(texture: int, as_run: _AsRun, tmp_path: Path):
    options = MeshOptions(resolution=40, faces=3000, texture=texture)
    _write(as_run, tmp_path / "ball.glb", options, _FAR)
    glb = Glb.parsed((tmp_path / "ball.glb").read_bytes())
    primitive = glb.json["meshes"][0]["primitives"][0]
    own = glb.values(primitive["attributes"]["POSITION"]).astype(np.float64)
    matrix = np.array(glb.json["nodes"][0]["matrix"]).reshape(4, 4).T
    x, y, z = (own @ matrix[:3, :3].T + matrix[:3, 3]).T
    np.testing.assert_allclose(_FAR.scene_from_user(np.stack([x, -z, y], -1)), own, atol=1e-6)  # z of the user is up
    _require_ball(_FAR.user_from_scene(own), _FAR)
    assert ("COLOR_0" in primitive["attributes"]) == (texture == 0)
    assert glb.json["materials"][0]["extensions"] == {"KHR_materials_unlit": {}}


def test_colours_of_vertices_are_linear_in_a_glb(as_run: _AsRun, tmp_path: Path):
    _write(as_run, tmp_path / "ball.glb", MeshOptions(resolution=40, faces=3000, texture=0))
    glb = Glb.parsed((tmp_path / "ball.glb").read_bytes())
    attributes = glb.json["meshes"][0]["primitives"][0]["attributes"]
    assert glb.json["accessors"][attributes["COLOR_0"]]["normalized"] is True
    linear = glb.values(attributes["COLOR_0"])[:, :3] / 65535.0
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(255.0 * srgb, _color_at(glb.values(attributes["POSITION"])), atol=9)


def test_a_textured_glb_read_by_trimesh_has_the_ball_s_colours(as_run: _AsRun, tmp_path: Path):
    options = MeshOptions(resolution=40, faces=3000, texture=256, upright=False)
    _write(as_run, tmp_path / "ball.glb", options)
    mesh = trimesh.load(tmp_path / "ball.glb", process=False).to_geometry()
    content = json.dumps(Glb.parsed((tmp_path / "ball.glb").read_bytes()).json)
    assert "baseColorTexture" in content
    x, y, z = np.asarray(mesh.vertices).T
    own = _require_ball(np.stack([x, y, z], -1) @ upright(torch.tensor([0.0, 1.0, 0.0])), World())
    image = np.asarray(mesh.visual.material.baseColorTexture.convert("RGB"), np.float64)
    pixel = (mesh.visual.uv * [255.99, -255.99] + [0.0, 255.99]).astype(int).clip(0, 255)
    assert np.abs(image[pixel[:, 1], pixel[:, 0]] - _color_at(own)).mean() < 6.0


def test_all_faces_are_kept_where_nobody_wants_fewer(as_run: _AsRun, tmp_path: Path):
    _write(as_run, tmp_path / "ball.ply", MeshOptions(resolution=40, faces=0))
    mesh = trimesh.load(tmp_path / "ball.ply", process=False)
    assert len(mesh.faces) > 3000
    _require_ball(mesh.vertices, World())


@pytest.mark.parametrize("up", [(0, 0, 1), (0, 0, -1), (0, 1, 0), (0, -1, 0), (1, 0, 0), (-1, 0, 0), (0.2, -0.1, 0.9)])
def test_what_is_up_becomes_y_by_a_rotation(up: tuple[float, float, float]):
    direction = torch.tensor(up, dtype=torch.float32)
    turned = upright(direction)
    assert (turned @ direction.numpy())[1] == pytest.approx(float(direction.abs().max()))
    np.testing.assert_allclose(turned @ turned.T, np.eye(3))
    assert np.linalg.det(turned) == pytest.approx(1.0)


def test_upright_where_y_is_up_changes_nothing():
    np.testing.assert_array_equal(upright(torch.tensor([0.0, 1.0, 0.0])), np.eye(3))


def test_rays_end_on_the_ball_and_what_lies_behind_is_hidden():
    saved = ball_scene()
    sightlines = Sightlines.of(saved.shown, saved.cameras)
    middle = torch.tensor([CENTER])
    outwards = torch.nn.functional.normalize(torch.randn(200, 3, generator=torch.Generator().manual_seed(1)), dim=-1)
    assert sightlines.hidden(middle + 0.3 * RADIUS * outwards, margin=0.05).all()
    assert not sightlines.hidden(middle + 1.05 * RADIUS * outwards, margin=0.05).any()
    assert not sightlines.hidden(middle + 100.0 * torch.tensor([[0.0, 0.0, 1.0]]), margin=0.05).any()
    seen = [image[torch.isfinite(image)] for image in sightlines.distances]
    assert all(float((image.amin() - (3.0 - RADIUS)).abs()) < 0.02 for image in seen)


def test_a_solid_is_inside_where_the_field_is_dense_and_where_nobody_sees():
    saved = ball_scene()
    solid = Solid.of(saved.shown, Sightlines.of(saved.shown, saved.cameras), OPACITY)
    middle, radii = torch.tensor(CENTER), torch.tensor([0.0, 0.5, 0.95, 1.05, 1.4])
    values = solid.inside(middle + RADIUS * radii[:, None] * torch.tensor([[0.6, 0.0, 0.8]]))
    assert (values > 0.0).tolist() == [True, True, True, False, False]
    low, high = solid.box.low, solid.box.high
    assert (low < middle - RADIUS).all()
    assert (high > middle + RADIUS).all()
    assert float((high - low).max()) < 2.0 * RADIUS + 0.3


def test_an_empty_field_is_said(as_run: _AsRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(OccupancySampler, "occupied", lambda _, points: torch.zeros(len(points), dtype=torch.bool))
    with pytest.raises(Exception, match=r"the scene's field is empty.*train it for longer"):
        _write(as_run, tmp_path / "ball.glb")


class _Turning(SoftBall):
    """A ball whose red says how much one looks along x."""

    def color_head(self, feature: Tensor, dirs: Tensor) -> Tensor:
        return torch.cat([0.5 + 0.5 * dirs[:, :1], torch.zeros_like(feature[:, :2])], -1)


def test_colours_are_those_that_the_nearest_cameras_see():
    saved = ball_scene()
    shown = saved.shown.__class__(
        _Turning(20.0, radius=RADIUS, center=CENTER), saved.shown.renderer, saved.shown.box, 0.0, (1.0, 1.0, 1.0)
    )
    cameras = ring(24)
    reader = ColorReader(shown, Sightlines.of(shown, cameras), 0.02)
    toward = torch.nn.functional.normalize(cameras.origins[5] - torch.tensor(CENTER), dim=-1)[None]
    points = torch.tensor(CENTER) + RADIUS * toward
    facing = reader.facing(points, toward)
    assert 5 in facing.camera[0].tolist()
    assert float(facing.weight.sum()) == pytest.approx(1.0)
    dirs = torch.nn.functional.normalize(points - cameras.origins[facing.camera[0]], dim=-1)
    expected = float((facing.weight[0] * (0.5 + 0.5 * dirs[:, 0])).sum())
    assert float(reader.at(points, toward, facing)[0, 0]) == pytest.approx(expected, abs=1e-3)


def test_points_without_colour_take_the_nearest_ones_and_unseen_ones_are_looked_at_straight():
    saved = ball_scene()
    cameras = ring(24)[:1]
    reader = ColorReader(saved.shown, Sightlines.of(saved.shown, cameras), 0.02)
    away = -torch.nn.functional.normalize(cameras.origins[0] - torch.tensor(CENTER), dim=-1)
    normals = away.expand(2, 3)
    points = torch.tensor(CENTER) + torch.tensor([[RADIUS], [RADIUS + 0.3]]) * normals
    facing = reader.facing(points, normals)
    assert float(facing.weight.abs().max()) == 0.0
    colors = reader.at(points, normals, facing)
    torch.testing.assert_close(colors[0], 0.5 + 0.4 * away, atol=0.03, rtol=0.0)
    torch.testing.assert_close(colors[1], colors[0])


def test_every_format_is_registered_with_its_options():
    assert list(EXPORTS["radiance"]) == ["cameras", "mesh", "pointcloud", "splats"]
    assert all(isinstance(export, Export) for export in EXPORTS["radiance"].values())
    assert len({export.suffix for export in EXPORTS["radiance"].values()}) == 4


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--resolution", "4"], "--resolution: is 4, expected 8 to 1024 cubes"),
        (["--opacity", "1"], "--opacity: is 1, expected a number between 0 and 1"),
        (["--floaters", "-1"], "--floaters: is -1, expected a share from 0 to 1"),
        (["--faces", "3"], "--faces: is 3, expected at least 100 triangles, or 0 for all"),
        (["--texture", "3"], "--texture: is 3, expected 64 to 8192 pixels, or 0 for colours at vertices"),
        (["--out", "a.stl"], "--out: is a.stl, expected a file whose name ends with .glb or .obj or .ply"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit(
    words: list[str], expected: str, finished_run: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["export", str(finished_run), "--to", "mesh", *words]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


def test_the_texture_of_an_obj_is_as_large_as_asked_for(as_run: _AsRun, tmp_path: Path):
    _write(as_run, tmp_path / "ball.obj", MeshOptions(resolution=24, faces=500, texture=64))
    (picture,) = tmp_path.glob("*.png")
    with Image.open(picture) as image:
        assert image.size == (64, 64)
