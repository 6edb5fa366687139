import numpy as np
import pytest
import torch

from avatars.surface.garment.settle import Cloth, Obstacle, SettleConfig, settle
from avatars.surface.garment.shell import edges_of


def _ball(radius: float):
    index = np.arange(4000) + 0.5
    polar, turn = np.arccos(1.0 - 2.0 * index / 4000), np.pi * (1.0 + 5.0**0.5) * index
    normals = np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], 1)
    return Obstacle(radius * normals, normals)


def _sheet(count: int = 21, size: float = 0.4, height: float = 0.0):
    x, y = np.meshgrid(np.linspace(-size / 2, size / 2, count), np.linspace(-size / 2, size / 2, count))
    points = np.stack([x, y, np.full_like(x, height)], -1).reshape(-1, 3)
    index = np.arange(count * count).reshape(count, count)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])
    return points, edges_of(faces)


def _cloth(points: np.ndarray, edges: np.ndarray, fastened: np.ndarray | None = None):
    held = np.zeros(len(points), dtype=bool) if fastened is None else fastened
    return Cloth.of(points, edges, clearance=np.full(len(points), 0.005), fastened=held)


_UP = np.array([[0.0, 0.0, 1.0]])


def test_cloth_in_a_ball_comes_to_lie_on_it():
    points, edges = _sheet(height=0.02)
    placed = settle(points, np.repeat(_UP, len(points), 0), cloth=_cloth(points, edges), obstacle=_ball(0.1))
    distance = np.linalg.norm(placed, axis=1)
    assert distance.min() > 0.1
    under = np.linalg.norm(points, axis=1) < 0.1
    assert (placed[under, 2] > 0.0).all()


def test_cloth_clear_of_the_body_stays_where_it_is():
    points, edges = _sheet(height=0.2)
    placed = settle(points, np.repeat(_UP, len(points), 0), cloth=_cloth(points, edges), obstacle=_ball(0.1))
    assert np.array_equal(placed, points)


def test_stretched_cloth_pulls_itself_together():
    points, edges = _sheet(height=0.3)
    wide = points * [1.0, 3.0, 1.0]
    placed = settle(wide, np.zeros_like(wide), cloth=_cloth(points, edges), obstacle=_ball(0.05))
    length = np.linalg.norm(placed[edges[:, 0]] - placed[edges[:, 1]], axis=1)
    before = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    assert (length / before).max() < 1.25 * SettleConfig().most
    assert np.allclose(placed.mean(0), wide.mean(0), atol=1e-9)


def test_fastened_points_stay_even_in_the_body():
    points, edges = _sheet(height=0.02)
    fastened = points[:, 1] > 0.0
    cloth = _cloth(points, edges, fastened)
    placed = settle(points, np.repeat(_UP, len(points), 0), cloth=cloth, obstacle=_ball(0.1))
    assert np.array_equal(placed[fastened], points[fastened])
    assert not np.array_equal(placed[~fastened], points[~fastened])


def test_settling_moves_with_the_world(generator: torch.Generator):
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))[0].numpy()
    points, edges = _sheet(height=0.03)
    ball, up = _ball(0.1), np.repeat(_UP, len(points), 0)
    moved = Obstacle(ball.points @ turn.T, ball.normals @ turn.T)
    once = settle(points, up, cloth=_cloth(points, edges), obstacle=ball)
    again = settle(points @ turn.T, up @ turn.T, cloth=_cloth(points, edges), obstacle=moved)
    assert again == pytest.approx(once @ turn.T, abs=1e-6)
