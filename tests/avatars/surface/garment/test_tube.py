import numpy as np
import pytest

from avatars.surface.garment.shell import boundary_edges, edges_of, grid_faces, two_layers, with_floor
from avatars.surface.garment.tube import (
    Tube,
    body_sections,
    convex_radii,
    even_azimuths,
    row_heights,
    surface_samples,
)

_AZIMUTHS = even_azimuths(64)


def _cone(present: np.ndarray | None = None):
    heights = row_heights(1.0, np.zeros(64), 20)
    radii = 0.2 + 0.1 * (1.0 - heights)
    there = np.ones(radii.shape, dtype=bool) if present is None else present
    return Tube((0.1, -0.2), _AZIMUTHS, heights, radii, there)


def _volume(points: np.ndarray, faces: np.ndarray):
    a, b, c = points[faces].transpose(1, 0, 2)
    return float((a * np.cross(b, c)).sum() / 6.0)


def test_points_lie_at_their_distance_from_the_axis():
    tube = _cone()
    distance = np.hypot(tube.points()[..., 0] - 0.1, tube.points()[..., 2] + 0.2)
    assert np.allclose(distance, tube.radii)
    step = tube.points() + 0.01 * tube.outward()
    assert np.allclose(np.hypot(step[..., 0] - 0.1, step[..., 2] + 0.2), tube.radii + 0.01)


def test_azimuth_zero_is_forward_and_a_quarter_turn_is_left():
    outward = _cone().outward()[0]
    assert np.allclose(outward[np.argmin(np.abs(_AZIMUTHS))], [0.0, 0.0, 1.0])
    assert np.allclose(outward[np.argmin(np.abs(_AZIMUTHS - np.pi / 2))], [1.0, 0.0, 0.0], atol=1e-9)


def test_sections_of_a_sampled_cylinder_are_its_radius():
    turn, height = np.meshgrid(np.linspace(0.0, 2.0 * np.pi, 400), np.linspace(0.0, 1.0, 200))
    points = np.stack([0.3 * np.sin(turn), height, 0.3 * np.cos(turn)], -1).reshape(-1, 3)
    sections = body_sections(points, (0.0, 0.0), _AZIMUTHS, bottom=0.05, top=0.95)
    assert np.allclose(sections.radii, 0.3, atol=1e-6)
    assert np.allclose(sections.at(np.full((3, 64), 0.5)), 0.3, atol=1e-6)


def test_convex_hull_of_two_legs_spans_the_gap_between_them():
    legs = np.array(
        [(side * 0.1 + 0.05 * np.cos(t), 0.05 * np.sin(t)) for side in (-1, 1) for t in np.arange(0, 6.28, 0.02)]
    )
    radii = np.zeros(64)
    turn = np.round((np.arctan2(legs[:, 0], legs[:, 1]) + np.pi) / (2 * np.pi) * 64).astype(int) % 64
    np.maximum.at(radii, turn, np.hypot(*legs.T))
    hull = convex_radii(radii, _AZIMUTHS)
    forward, left = np.argmin(np.abs(_AZIMUTHS)), np.argmin(np.abs(_AZIMUTHS - np.pi / 2))
    assert hull[forward] == pytest.approx(0.05, abs=0.006)
    assert hull[left] == pytest.approx(0.15, abs=0.002)
    assert (hull >= radii).all()


def test_section_beside_the_axis_stays_as_it_is():
    radii = np.zeros(64)
    radii[10:14] = 0.2
    assert (convex_radii(radii, _AZIMUTHS) >= radii).all()
    assert (convex_radii(np.zeros(64), _AZIMUTHS) == 0.0).all()


def test_samples_lie_on_their_triangle_no_farther_apart_than_asked():
    corners = np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0], [0.0, 0.1, 0.0]])
    points = surface_samples(corners, np.array([[0, 1, 2]]), spacing=0.01)
    assert (points[:, :2].sum(1) <= 0.1 + 1e-12).all()
    assert (points >= -1e-12).all()
    gaps = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.eye(len(points))
    assert gaps.min(1).max() < 0.01


def test_tube_with_a_floor_is_open_at_the_top_only_and_points_outwards():
    tube = _cone()
    floor, faces = with_floor(tube.points(), recess=0.0)
    points = np.concatenate([tube.points().reshape(-1, 3), floor])
    rim = boundary_edges(faces)
    assert set(rim.reshape(-1).tolist()) == set(range(64))
    lid = np.concatenate([faces, [[0, k, k + 1] for k in range(1, 63)]])
    exact = np.pi / 3.0 * (0.2**2 + 0.2 * 0.3 + 0.3**2)
    assert _volume(points, lid) == pytest.approx(exact, rel=0.01)


def test_two_layers_close_around_every_opening():
    present = np.ones((20, 64), dtype=bool)
    present[:, 28:37] = False
    present[5:8, 3:9] = False
    tube = _cone(present)
    outer = tube.points().reshape(-1, 3)
    faces = two_layers(grid_faces(present), len(outer))
    assert len(boundary_edges(faces)) == 0
    inner = (tube.points() - 0.01 * tube.outward()).reshape(-1, 3)
    assert _volume(np.concatenate([outer, inner]), faces) > 0.0


def test_each_edge_is_listed_once():
    edges = edges_of(np.array([[0, 1, 2], [2, 1, 3]]))
    assert sorted(map(tuple, edges.tolist())) == [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]


def test_grid_without_points_has_no_faces():
    assert len(grid_faces(np.zeros((4, 5), dtype=bool))) == 0
    assert boundary_edges(grid_faces(np.zeros((4, 5), dtype=bool))).size == 0
