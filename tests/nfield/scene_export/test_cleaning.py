"""Cleaned meshes, against meshes put together by hand."""

import sys

import numpy as np
import pytest
import trimesh

from nfield.errors import BackendUnavailable, DataError
from nfield.scene_export.cleaning import decimated, without_floaters
from nfield.scene_export.unwrapping import Unwrapped, _pieces


def _ball(radius: float, x: float = 0.0) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=radius)
    mesh.apply_translation([x, 0.0, 0.0])
    return mesh


def test_floaters_and_walls_of_cavities_go():
    cavity = _ball(0.5)
    cavity.invert()
    scene = trimesh.util.concatenate([_ball(1.0), cavity, _ball(0.4, 3.0), _ball(0.05, -2.0)])
    cleaned = without_floaters(scene, 0.1)
    assert cleaned.volume == pytest.approx(_ball(1.0).volume + _ball(0.4).volume, rel=1e-6)
    assert cleaned.body_count == 2
    assert without_floaters(scene, 0.5).body_count == 1
    assert without_floaters(scene, 0.0).body_count == 3


def test_no_surface_is_said():
    with pytest.raises(DataError, match=r"has no surface at this --opacity.*smaller number"):
        without_floaters(trimesh.Trimesh(), 0.1)


def test_a_decimated_sphere_keeps_its_shape():
    sphere = trimesh.creation.icosphere(subdivisions=5)
    fewer = decimated(sphere, 2000)
    assert len(fewer.faces) <= 2000
    assert fewer.volume == pytest.approx(sphere.volume, rel=1e-2)
    assert decimated(sphere, 10**6) is sphere


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "fast_simplification", None)
    with pytest.raises(BackendUnavailable, match="pip install fast-simplification, or give --faces 0"):
        decimated(_ball(1.0), 100)


def test_pieces_are_all_faces_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nfield.scene_export.unwrapping._FACES", 100)
    mesh = _ball(1.0)
    pieces = _pieces(mesh)
    assert max(map(len, pieces)) <= 100
    assert sorted(np.concatenate(pieces).tolist()) == list(range(len(mesh.faces)))


def test_an_unwrapped_mesh_is_the_same_mesh_without_overlaps(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nfield.scene_export.unwrapping._FACES", 400)
    mesh = _ball(1.0)
    layout = Unwrapped.of(mesh, 512)
    corners = np.sort(mesh.vertices[layout.faces.numpy()].round(6).reshape(-1, 9), axis=0)
    np.testing.assert_allclose(corners, np.sort(mesh.vertices[mesh.faces].round(6).reshape(-1, 9), axis=0))
    assert (layout.vertex[layout.uv_faces] == layout.faces).all()
    assert float(layout.uv.min()) >= 0.0
    assert float(layout.uv.max()) <= 1.0
    a, b, c = layout.uv[layout.uv_faces].double().unbind(1)
    area = 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]).abs()
    filled = _filled_share(layout.uv[layout.uv_faces].numpy())
    assert filled == pytest.approx(float(area.sum()), rel=0.05)


def _filled_share(triangles: np.ndarray, grid: int = 400) -> float:
    """Share of the unit square that some triangle covers, point by point: less than their areas where they overlap."""
    covered = np.zeros((grid, grid), bool)
    for a, b, c in triangles * grid:
        low, high = np.floor(np.minimum(np.minimum(a, b), c)).astype(int), np.ceil(np.maximum(np.maximum(a, b), c))
        x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5, indexing="ij")
        sides = [(q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]) for p, q in ((a, b), (b, c), (c, a))]
        inside = np.all([s >= 0 for s in sides], 0) | np.all([s <= 0 for s in sides], 0)
        covered[x.astype(int)[inside], y.astype(int)[inside]] = True
    return float(covered.mean())
