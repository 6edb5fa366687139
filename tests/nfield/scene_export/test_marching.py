"""Surfaces of functions that are known, over lattices of several blocks."""

import math

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor

from nfield.scene_export import marching
from nfield.scene_export.marching import Lattice, marched
from nfield.types import Box


def _sphere(points: Tensor) -> Tensor:
    return 20.0 * (0.7 - points.norm(dim=-1))


def _mesh(found: tuple[np.ndarray, np.ndarray]) -> trimesh.Trimesh:
    return trimesh.Trimesh(*found, process=False)


@pytest.mark.parametrize("block", [7, 16, 96])
def test_a_sphere_is_closed_whatever_the_blocks(block: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(marching, "_BLOCK", block)
    mesh = _mesh(marched(_sphere, Lattice.over(Box.cube(1.0), 40)))
    assert mesh.is_watertight
    assert mesh.euler_number == 2
    assert mesh.volume == pytest.approx(4.0 / 3.0 * math.pi * 0.7**3, rel=5e-3)
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 0.7, atol=2e-3)


def test_blocks_give_the_vertices_that_one_block_gives(monkeypatch: pytest.MonkeyPatch):
    lattice = Lattice.over(Box.cube(1.0, center=(0.2, 0.0, 0.1)), 30)
    whole, _ = marched(_sphere, lattice)
    monkeypatch.setattr(marching, "_BLOCK", 9)
    parts, _ = marched(_sphere, lattice)
    assert len(parts) == len(whole)
    np.testing.assert_allclose(parts[np.lexsort(parts.round(5).T)], whole[np.lexsort(whole.round(5).T)], atol=1e-6)


def test_a_surface_that_leaves_the_box_is_closed_there():
    mesh = _mesh(marched(_sphere, Lattice.over(Box.cube(0.5), 20)))
    assert mesh.is_watertight
    assert mesh.volume > 0.9


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_hard_values_and_values_of_zero_make_whole_meshes(sign: float):
    """Nodes whose value is 0 would be vertices of several edges at once."""
    planes = marched(lambda points: sign * (points[:, 0] * 10.0).round(), Lattice.over(Box.cube(1.0), 20))
    assert _mesh(planes).is_watertight
    hard = marched(lambda p: torch.where(p.norm(dim=-1) < 0.7, math.inf, -math.inf), Lattice.over(Box.cube(1.0), 30))
    assert _mesh(hard).is_watertight


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_what_is_all_inside_is_a_box_and_what_is_all_outside_is_nothing(value: float):
    _, faces = marched(lambda points: torch.full((len(points),), value), Lattice.over(Box.cube(1.0), 4))
    assert (len(faces) > 0) == (value > 0.0)


def test_a_lattice_has_its_box_and_a_cube_around():
    lattice = Lattice.over(Box(torch.tensor([0.0, 0.0, 0.0]), torch.tensor([2.0, 1.0, 0.5])), 8)
    assert lattice.cell == pytest.approx(0.25)
    assert lattice.cubes == (10, 6, 4)
    nodes = lattice.points((0, 0, 0), (11, 7, 5))
    torch.testing.assert_close(nodes[0], torch.tensor([-0.25, -0.25, -0.25]))
    torch.testing.assert_close(nodes[-1], torch.tensor([2.25, 1.25, 0.75]))
    torch.testing.assert_close(nodes[1], torch.tensor([-0.25, -0.25, 0.0]))
