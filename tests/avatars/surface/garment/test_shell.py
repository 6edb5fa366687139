"""Meshes of grids: edges of known meshes, closed shells, and their volumes."""

from collections import Counter

import numpy as np
import pytest

from avatars.surface.garment.shell import boundary_edges, edges_of, grid_faces, two_layers, with_floor
from avatars.surface.garment.tube import Tube, even_azimuths, row_heights

_TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])


def _directed(faces: np.ndarray) -> Counter[tuple[int, int]]:
    return Counter((int(a), int(b)) for face in faces for a, b in zip(face, np.roll(face, -1), strict=True))


def _cylinder(radius: float, *, rows: int = 12, columns: int = 200) -> Tube:
    heights = row_heights(0.5, np.full(columns, -0.5), rows)
    present = np.ones(heights.shape, dtype=bool)
    return Tube((0.0, 0.0), even_azimuths(columns), heights, np.full(heights.shape, radius), present)


def _volume(points: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = points[faces].transpose(1, 0, 2)
    return float((a * np.cross(b, c)).sum() / 6.0)


def test_a_triangle_is_all_boundary_and_a_tetrahedron_has_none():
    assert boundary_edges(np.array([[4, 7, 5]])).tolist() == [[4, 7], [7, 5], [5, 4]]
    assert len(boundary_edges(_TETRAHEDRON)) == 0
    assert edges_of(_TETRAHEDRON).tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]


def test_a_tetrahedron_without_a_face_is_open_along_that_face():
    rim = boundary_edges(_TETRAHEDRON[:-1])
    assert sorted(map(tuple, rim.tolist())) == [(0, 2), (2, 3), (3, 0)]


def test_a_whole_grid_has_two_triangles_a_cell_and_two_rims():
    faces = grid_faces(np.ones((5, 8), dtype=bool))
    assert len(faces) == 2 * 4 * 8
    rim = boundary_edges(faces)
    assert len(rim) == 16
    assert set(rim.reshape(-1).tolist()) == {*range(8), *range(32, 40)}


def test_a_missing_point_takes_its_four_cells_with_it():
    present = np.ones((5, 8), dtype=bool)
    present[2, 7] = False
    faces = grid_faces(present)
    assert len(faces) == 2 * (4 * 8 - 4)
    assert 2 * 8 + 7 not in faces
    around = {(row, column) for row in (1, 2, 3) for column in (6, 7, 0)} - {(2, 7)}
    rim = {divmod(int(point), 8) for point in boundary_edges(faces).reshape(-1)}
    assert rim == around | {(row, column) for row in (0, 4) for column in range(8)}


def test_faces_of_a_tube_look_away_from_its_axis():
    tube = _cylinder(0.2)
    points, faces = tube.points().reshape(-1, 3), grid_faces(tube.present)
    a, b, c = points[faces].transpose(1, 0, 2)
    middle = (a + b + c) / 3.0 * [1.0, 0.0, 1.0]
    assert ((np.cross(b - a, c - a) * middle).sum(1) > 0.0).all()


@pytest.mark.parametrize("seed", range(5))
def test_every_edge_of_two_layers_is_run_both_ways(seed: int):
    present = np.random.default_rng(seed).random((9, 12)) > 0.2
    faces = grid_faces(present)
    edges = _directed(two_layers(faces, present.size))
    assert len(edges) > 100
    assert all(edges[b, a] == count for (a, b), count in edges.items())
    assert len(two_layers(faces, present.size)) == 2 * len(faces) + 2 * len(boundary_edges(faces))


def test_the_volume_between_two_layers_is_that_of_a_pipe():
    outer = _cylinder(0.2)
    both = np.concatenate([tube.points().reshape(-1, 3) for tube in (outer, _cylinder(0.19))])
    volume = _volume(both, two_layers(grid_faces(outer.present), len(both) // 2))
    assert volume == pytest.approx(np.pi * (0.2**2 - 0.19**2), rel=1e-3)


@pytest.mark.parametrize("recess", [0.0, 0.06])
def test_a_floor_takes_the_cone_of_its_recess_from_the_volume(recess: float):
    tube = _cylinder(0.2)
    floor, faces = with_floor(tube.points(), recess=recess)
    points = np.concatenate([tube.points().reshape(-1, 3), floor, [[0.0, 0.5, 0.0]]])
    rim = boundary_edges(faces)
    lid = np.stack([rim[:, 1], rim[:, 0], np.full(len(rim), len(points) - 1)], 1)
    closed = np.concatenate([faces, lid])
    assert len(boundary_edges(closed)) == 0
    exact = np.pi * 0.2**2 * (1.0 - recess / 3.0)
    assert _volume(points, closed) == pytest.approx(exact, rel=2e-3)
    assert floor[-1].tolist() == pytest.approx([0.0, -0.5 + recess, 0.0])
