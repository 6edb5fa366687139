"""Files of an avatar that nothing has been taught: what they hold is its surface, whatever its colours are."""

import dataclasses
from pathlib import Path

import gsply
import igl
import numpy as np
import pytest
import torch
import trimesh
from scipy.spatial import KDTree

from avatars.body.pose_file import named_pose
from avatars.export import textured_mesh
from avatars.export.figure import RigConfig, RiggedFigure
from avatars.export.formats.glb import GlbOptions, rig_config
from avatars.export.posed_mesh import PosedMesh
from avatars.export.surface_splats import SurfacePoints, surface_splats
from avatars.export.texture_options import TextureOptions
from avatars.export.textured_mesh import TextureConfig, TexturedMesh
from avatars.motion import grounded, open_motion
from avatars.posed.avatar import Avatar
from avatars.surface.mesh import vertex_normals
from nfield.cli import main
from nfield.export import EXPORTS, Export
from tests.avatars.export.gltf_reader import Glb


@pytest.fixture(autouse=True)
def _no_views(monkeypatch: pytest.MonkeyPatch):
    """An untaught field has no outline; it is said to be where the mesh then stays where it is."""
    monkeypatch.setattr(textured_mesh, "outline_views", lambda *_: ())
    inset = TextureConfig().inset
    monkeypatch.setattr(textured_mesh, "meet_outlines", lambda vertices, *_: torch.full((len(vertices),), inset))


def _lift(avatar: Avatar) -> np.ndarray:
    """How far files raise an avatar, so that its T-pose stands on the ground."""
    return np.array([0.0, -float(avatar.vertices[:, 1].min()), 0.0])


def _normals(quaternions: np.ndarray) -> np.ndarray:
    """The third axes of rotations (w x y z)."""
    w, x, y, z = quaternions.astype(np.float64).T
    return np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], -1)


def _export(run: Path, out: Path, *words: str) -> None:
    assert main(["export", str(run), "--out", str(out), "--texture", "64", *words]) == 0


def test_a_file_moves_as_the_avatar_does(run: Path, untaught: Avatar, tmp_path: Path):
    """The GLB's skinning, by the tests' own reader, against the body's own posing with its pose blendshapes."""
    _export(run, tmp_path / "me.glb", "--to", "glb", "--motions", "walk", "squat")
    glb = Glb.parsed((tmp_path / "me.glb").read_bytes())
    shape = untaught.portrait.pose.shape
    for name in ("walk", "squat"):
        own = grounded(open_motion(name, untaught.model), untaught.model, shape).in_place()
        for seconds in (0.0, 0.3, 0.8):
            posture = own.at(seconds)
            pose = dataclasses.replace(untaught.portrait.pose, rotations=posture.rotations, translation=posture.travel)
            expected = untaught.body_in(pose).vertices.numpy()
            found = glb.skinned(name, seconds)
            assert KDTree(expected + _lift(untaught)).query(found)[0].max() < 1e-3
    assert glb.skinned()[:, 1].min() == pytest.approx(0.0, abs=1e-6)
    assert glb.json["meshes"][0]["primitives"][0]["targets"]


def test_a_mesh_lies_inside_of_the_outlines(untaught: Avatar, generator: torch.Generator):
    config = TextureConfig(size=64, inset=0.004)
    rest = TexturedMesh.of(untaught, config, generator=generator).dressed.rest
    inwards = untaught.vertices - rest
    expected = 0.004 - TextureConfig().inset
    torch.testing.assert_close(inwards.norm(dim=-1), torch.full((len(rest),), expected), atol=1e-5, rtol=0.0)
    assert float((inwards * vertex_normals(untaught.vertices, untaught.dressed.faces)).sum(-1).min()) > 0.99 * expected


def test_a_file_without_motions_has_a_skeleton_alone(run: Path, tmp_path: Path):
    _export(run, tmp_path / "me.glb", "--to", "glb", "--motions")
    glb = Glb.parsed((tmp_path / "me.glb").read_bytes())
    assert not glb.json.get("animations")
    assert not glb.json["meshes"][0]["primitives"][0].get("targets")
    names = [node["name"] for node in glb.json["nodes"]]
    assert {"hips", "leftLowerArm", "rightFoot"} <= set(names)


def test_walks_go_over_the_ground_only_where_they_are_asked_to(untaught: Avatar, generator: torch.Generator):
    walk = open_motion("walk", untaught.model)
    for root_motion in (False, True):
        config = rig_config(GlbOptions(root_motion=root_motion, correctives=False, texture=64))
        figure = RiggedFigure.of(untaught, [walk], config, generator=generator)
        travel = figure.clips["walk"].motion.travel
        assert (float((travel[-1] - travel[0]).norm()) > 0.5) == root_motion
        assert not len(figure.shapes)


def test_a_vrm_holds_its_extension(run: Path, tmp_path: Path):
    _export(run, tmp_path / "me.vrm", "--to", "vrm", "--author", "Ada")
    content = Glb.parsed((tmp_path / "me.vrm").read_bytes()).json
    extension = content["extensions"]["VRMC_vrm"]
    assert "VRMC_vrm" in content["extensionsUsed"]
    assert extension["meta"]["authors"] == ["Ada"]
    bones = extension["humanoid"]["humanBones"]
    assert content["nodes"][bones["leftHand"]["node"]]["name"] == "leftHand"
    assert "leftFingers" not in bones


def test_an_obj_has_its_texture_beside_it(run: Path, untaught: Avatar, tmp_path: Path):
    _export(run, tmp_path / "me.obj", "--to", "obj", "--pose", "sit")
    mesh = trimesh.load(tmp_path / "me.obj", process=False)
    assert mesh.visual.material.image.size == (64, 64)
    pose = dataclasses.replace(untaught.portrait.pose, rotations=named_pose("sit"))
    expected = untaught.body_in(pose).vertices
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), np.ptp(expected.numpy(), axis=0), atol=1e-3)
    assert {path.name for path in tmp_path.iterdir()} >= {"me.obj", "me.mtl"}


def test_a_ply_has_colours_at_its_vertices(run: Path, tmp_path: Path):
    _export(run, tmp_path / "me.ply", "--to", "ply")
    mesh = trimesh.load(tmp_path / "me.ply", process=False)
    assert mesh.visual.kind == "vertex"
    assert mesh.bounds[0, 1] == pytest.approx(0.0, abs=1e-5)


def test_splats_lie_on_the_surface(run: Path, untaught: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # Outlines are met where splats are, not inset.
    monkeypatch.setattr(textured_mesh, "meet_outlines", lambda vertices, *_: torch.zeros(len(vertices)))
    _export(run, tmp_path / "me.ply", "--to", "splats", "--count", "4000", "--rigged")
    splats = gsply.plyread(str(tmp_path / "me.ply"))
    assert 3000 < len(splats.means) < 6000
    vertices, faces = untaught.vertices.double().numpy() + _lift(untaught), untaught.dressed.faces.numpy()
    # They lie below it by twice their standard deviation, which is how far their soft edges stick out.
    raised = splats.means + 2.0 * np.exp(splats.scales[:, :1]) * _normals(splats.quats)
    square, _, _ = igl.point_mesh_squared_distance(raised, vertices, faces)
    assert np.sqrt(square).max() < 1e-5
    rig = np.load(tmp_path / "me.rig.npz")
    assert rig["weights"].shape == (len(splats.means), 24)
    np.testing.assert_allclose(rig["weights"].astype(np.float32).sum(1), 1.0, atol=2e-3)
    assert rig["names"][0] == "hips"
    assert len(rig["parents"]) == len(rig["joints"]) == 24


def test_splats_are_discs_along_their_triangles(untaught: Avatar):
    mesh = PosedMesh.of(untaught, "t-pose", TextureOptions(texture=64))
    points = SurfacePoints.even(mesh, 2000)
    splats = surface_splats(mesh, points)
    w, x, y, z = splats.quaternions.unbind(-1)
    third = torch.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], -1)
    a, b, c = mesh.vertices[mesh.faces[points.face]].unbind(1)
    normals = torch.nn.functional.normalize(torch.linalg.cross(b - a, c - a), dim=-1)
    torch.testing.assert_close(third, normals, atol=1e-5, rtol=0.0)
    assert (splats.log_scales[:, 2] < splats.log_scales[:, 0] - 1.6).all()


def test_every_format_is_registered_with_its_options():
    assert list(EXPORTS["avatar"]) == ["glb", "mp4", "obj", "ply", "splats", "vrm"]
    for export in EXPORTS["avatar"].values():
        assert isinstance(export, Export)
        assert dataclasses.is_dataclass(export.options)
        assert export.suffix.startswith(".")
    assert len({export.suffix for export in EXPORTS["avatar"].values()}) == len(EXPORTS["avatar"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--to", "fbx"], "--to: is 'fbx', expected one of glb, mp4, obj, ply, splats, vrm"),
        (["--to", "glb", "--out", "me.gltf"], "--out: is me.gltf, expected a file whose name ends with .glb"),
        (["--to", "glb", "--texture", "3"], "--texture: is 3, expected 64 to 8192 pixels"),
        (["--to", "glb", "--motions", "walk", "walk"], "--motions: two of walk, walk have the same name"),
        (["--to", "glb", "--motions", "moonwalk"], "moonwalk"),
        (["--to", "obj", "--pose", "lotus"], "there is no pose 'lotus'"),
        (["--to", "splats", "--count", "3"], "--count: is 3, expected 1000 to 10,000,000 splats"),
        (["--to", "mp4", "--size", "33", "40"], "--size: is 33 40, expected even numbers from 16 on"),
        (["--to", "mp4", "--fps", "0"], "--fps: is 0, expected a number of pictures per second up to 240"),
        (["--to", "mp4", "--seconds", "-1"], "--seconds: is -1, expected a positive number of seconds"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit(words: list[str], expected: str, run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["export", str(run), *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert expected in error
    assert error.count("\n") == 1


def test_a_folder_without_a_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["export", str(tmp_path / "nobody"), "--to", "glb"]) == 2
    assert "nobody" in capsys.readouterr().err


def test_help_lists_the_options_of_a_format(run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["export", str(run), "--to", "splats", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--rigged" in shown
    assert "--count" in shown
    assert "nfield export runs/me --to glb" in shown


def test_a_film_is_written(run: Path, tmp_path: Path):
    words = ["--to", "mp4", "--motion", "wave", "--seconds", "0.2", "--fps", "10", "--size", "16", "16"]
    assert main(["export", str(run), *words, "--out", str(tmp_path / "film.mp4")]) == 0
    assert (tmp_path / "film.mp4").stat().st_size > 500


def test_the_default_figure_has_every_shipped_motion():
    assert set(GlbOptions().motions) >= {"walk", "run", "wave", "squat", "turn", "dance", "idle"}
    assert RigConfig().texture.size >= 1024
