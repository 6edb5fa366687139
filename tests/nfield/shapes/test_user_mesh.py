"""Meshes of the user's: normalised from anywhere, and complaints about what is no surface."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from trimesh import Trimesh

from nfield.errors import DataError
from nfield.shapes.user_mesh import RADIUS, read_mesh
from tests.nfield.shapes.solids import ball_mesh, open_hemisphere


@pytest.mark.parametrize("suffix", ["obj", "ply", "stl", "glb", "off"])
def test_every_format_is_read_as_the_same_closed_ball(suffix: str, tmp_path: Path):
    path = tmp_path / f"ball.{suffix}"
    ball_mesh(3.0).apply_translation([10.0, 20.0, 30.0]).export(path)
    mesh = read_mesh(path)
    assert len(mesh.faces) == 5120
    assert mesh.notes == ()
    assert np.linalg.norm(mesh.vertices, axis=-1) == pytest.approx(np.full(len(mesh.vertices), RADIUS), abs=1e-5)
    assert mesh.world.origin == pytest.approx((10.0, 20.0, 30.0), abs=1e-5)
    assert mesh.world.scale == pytest.approx(RADIUS / 3.0, rel=1e-5)


@pytest.mark.parametrize(("scale", "shift"), [(1e-9, 0.0), (1e6, 1e9), (1e150, 1e150)])
def test_size_and_place_do_not_matter(scale: float, shift: float, tmp_path: Path):
    path = tmp_path / "ball.off"
    ball = ball_mesh(subdivisions=2)
    lines = ["OFF", f"{len(ball.vertices)} {len(ball.faces)} 0"]
    lines += [" ".join(repr(float(x)) for x in row * scale + shift) for row in ball.vertices]
    lines += [f"3 {a} {b} {c}" for a, b, c in ball.faces]
    path.write_text("\n".join(lines))
    mesh = read_mesh(path)
    assert np.linalg.norm(mesh.vertices, axis=-1) == pytest.approx(np.full(len(mesh.vertices), RADIUS), abs=1e-3)
    back = mesh.world.user_from_scene(mesh.vertices)
    assert np.ptp(back, axis=0) == pytest.approx(np.ptp(ball.vertices, axis=0) * scale, rel=1e-3)


def test_parts_of_a_scene_count_together_where_the_scene_puts_them(tmp_path: Path):
    scene = trimesh.Scene()
    scene.add_geometry(ball_mesh(), transform=trimesh.transformations.translation_matrix([-3.0, 0.0, 0.0]))
    scene.add_geometry(ball_mesh(), transform=trimesh.transformations.translation_matrix([3.0, 0.0, 0.0]))
    scene.export(tmp_path / "two.glb")
    mesh = read_mesh(tmp_path / "two.glb")
    assert len(mesh.faces) == 2 * 5120
    low, high = mesh.world.user_from_scene(mesh.vertices).min(0), mesh.world.user_from_scene(mesh.vertices).max(0)
    assert np.stack([low, high]) == pytest.approx(np.array([[-4.0, -1.0, -1.0], [4.0, 1.0, 1.0]]), abs=1e-5)


def test_an_open_surface_is_said_to_be_open(tmp_path: Path):
    open_hemisphere().export(tmp_path / "half.ply")
    (note,) = read_mesh(tmp_path / "half.ply").notes
    assert "the surface is open at" in note
    assert "winding number" in note


def test_triangles_without_area_are_left_out_and_counted(tmp_path: Path):
    ball = ball_mesh(subdivisions=2)
    faces = np.concatenate([ball.faces, [[0, 0, 1], [5, 5, 5]]])
    Trimesh(ball.vertices, faces, process=False).export(tmp_path / "ball.obj")
    mesh = read_mesh(tmp_path / "ball.obj")
    assert mesh.notes == ("2 of 322 triangles have no area and are left out",)
    assert len(mesh.faces) == 320


_TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.obj", "", "empty.obj: "),
        ("points.obj", _TRIANGLE, "points.obj: holds points but no triangles, expected the triangles of a surface"),
        ("nan.obj", "v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "nan.obj: 1 vertices of triangles are no finite numbers"),
        ("flat.obj", "v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "flat.obj: all 1 triangles have no area"),
        ("one.obj", "v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n", "one.obj: its vertices span 0"),
        ("noise.glb", "no mesh at all", "noise.glb: cannot be read as a mesh"),
        ("cut.ply", "ply\nformat ascii 1.0\nelement vertex 9\n", "cut.ply: cannot be read as a mesh"),
    ],
)
def test_what_is_no_surface_is_refused_by_a_sentence(name: str, content: str, expected: str, tmp_path: Path):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as error:
        read_mesh(tmp_path / name)
    assert expected in str(error.value)


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(DataError, match=r"gone\.obj: does not exist, expected a mesh file \(\.obj, \.ply"):
        read_mesh(Path("gone.obj"))
