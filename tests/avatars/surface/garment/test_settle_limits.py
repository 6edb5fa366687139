"""Cloth that skinning carried far away: it comes out of cylinders, and its edges obey their limits."""

from dataclasses import replace

import numpy as np
import pytest

from avatars.surface.garment.settle import Cloth, Obstacle, SettleConfig, settle
from avatars.surface.garment.shell import edges_of, grid_faces
from avatars.surface.garment.tube import Tube, even_azimuths, row_heights

_CLEARANCE = 0.006
_NOBODY = Obstacle(np.array([[0.0, 0.0, -90.0]]), np.array([[0.0, 0.0, 1.0]]))


def _leg(radius: float, x: float = 0.0) -> Obstacle:
    """An upright cylinder longer than the cloth, its points 5 mm apart."""
    turn, height = np.meshgrid(even_azimuths(round(2.0 * np.pi * radius / 0.005)), np.arange(-0.6, 0.6, 0.005))
    normals = np.stack([np.sin(turn), np.zeros_like(turn), np.cos(turn)], -1)
    points = radius * normals + np.stack([np.full_like(turn, x), height, np.zeros_like(turn)], -1)
    return Obstacle(points.reshape(-1, 3), normals.reshape(-1, 3))


def _skirt(radius: float) -> tuple[Tube, Cloth]:
    """A tube of 24 rows and 40 columns, 1.2 metres around at 0.2, without fastened points."""
    heights = row_heights(0.2, np.full(40, -0.3), 24)
    present = np.ones(heights.shape, dtype=bool)
    tube = Tube((0.0, 0.0), even_azimuths(40), heights, np.full(heights.shape, radius), present)
    return tube, _cloth(tube.points().reshape(-1, 3), edges_of(grid_faces(present)))


def _cloth(rest: np.ndarray, edges: np.ndarray) -> Cloth:
    return Cloth.of(rest, edges, clearance=np.full(len(rest), _CLEARANCE), fastened=np.zeros(len(rest), dtype=bool))


def _stretch(places: np.ndarray, cloth: Cloth) -> np.ndarray:
    """Length of the edges as a multiple of that at rest."""
    first, second = cloth.edges.T
    return np.linalg.norm(places[first] - places[second], axis=1) / cloth.lengths


def _depth(places: np.ndarray, radius: float, x: float = 0.0) -> float:
    """How deep the deepest point is in a cylinder."""
    return float((radius - np.hypot(places[:, 0] - x, places[:, 2])).max())


@pytest.mark.parametrize("aside", [0.13, 0.18, 0.22])
def test_a_skirt_gives_way_to_a_leg_that_comes_through_its_side(aside: float):
    """The leg stands where the skirt's side is, up to more than half outside of it."""
    tube, cloth = _skirt(0.2)
    rest, outward = tube.points().reshape(-1, 3), tube.outward().reshape(-1, 3)
    assert _depth(rest, 0.09, aside) > 0.015
    placed = settle(rest, outward, cloth=cloth, obstacle=_leg(0.09, aside))
    assert _depth(placed, 0.09, aside) < 0.0
    assert _stretch(placed, cloth).max() < 1.1 * SettleConfig().most
    far = rest[:, 0] < -0.15
    assert np.linalg.norm(placed - rest, axis=1)[far].max() < 0.05


def test_what_gives_way_does_so_outwards_even_where_the_nearest_surface_is_inside():
    """Most of the leg lies outside of the skirt: back to the inside would be the shorter way."""
    tube, cloth = _skirt(0.2)
    rest, outward = tube.points().reshape(-1, 3), tube.outward().reshape(-1, 3)
    placed = settle(rest, outward, cloth=cloth, obstacle=_leg(0.09, 0.23))
    caught = np.hypot(rest[:, 0] - 0.23, rest[:, 2]) < 0.07
    assert caught.sum() > 20
    assert (((placed - rest) * outward).sum(1)[caught] > 0.05).all()
    assert np.abs(placed[:, 1] - rest[:, 1]).max() < 0.03


def test_without_a_way_out_points_go_where_the_nearest_surface_leads():
    """Outward directions of zero: cloth just under the surface comes out by the nearest normal."""
    tube, cloth = _skirt(0.19)
    rest = tube.points().reshape(-1, 3)
    placed = settle(rest, np.zeros_like(rest), cloth=cloth, obstacle=_leg(0.2))
    assert np.hypot(placed[:, 0], placed[:, 2]).min() > 0.2
    assert np.abs(placed[:, 1] - rest[:, 1]).max() < 1e-9


def test_every_point_keeps_its_clearance():
    tube, cloth = _skirt(0.17)
    rest, outward = tube.points().reshape(-1, 3), tube.outward().reshape(-1, 3)
    clearance = np.where(rest[:, 1] < 0.0, 0.03, 0.0)
    placed = settle(rest, outward, cloth=replace(cloth, clearance=clearance), obstacle=_leg(0.2))
    height = np.hypot(placed[:, 0], placed[:, 2]) - 0.2
    assert (height > clearance - 1e-3).all()
    assert height[rest[:, 1] > 0.1].max() < 0.012


@pytest.mark.parametrize("factor", [3.0, 8.0, 20.0])
def test_however_far_it_was_carried_no_edge_stays_beyond_its_limit(factor: float):
    """A skirt torn apart in height, with nothing in its way."""
    tube, cloth = _skirt(0.2)
    torn = tube.points().reshape(-1, 3) * [1.0, factor, 1.0]
    config = SettleConfig(rounds=900)
    placed = settle(torn, np.zeros_like(torn), cloth=cloth, obstacle=_NOBODY, config=config)
    assert _stretch(torn, cloth).max() > 0.9 * factor
    assert (((_stretch(placed, cloth) - config.most) * cloth.lengths) < 2e-4).all()
    assert np.allclose(placed.mean(0), torn.mean(0), atol=1e-9)


def test_cloth_that_is_too_tight_goes_into_the_body_rather_than_stretch_without_end():
    """A tube of 6 cm in radius around a leg of 20: twice its length at rest is as far as an edge goes."""
    tube, cloth = _skirt(0.06)
    rest, outward = tube.points().reshape(-1, 3), tube.outward().reshape(-1, 3)
    config = SettleConfig(rounds=1000)
    placed = settle(rest, outward, cloth=cloth, obstacle=_leg(0.2), config=config)
    assert (((_stretch(placed, cloth) - config.most) * cloth.lengths) < 2e-4).all()
    np.testing.assert_allclose(np.hypot(placed[:, 0], placed[:, 2]), 0.12, rtol=0.01)


def test_edges_within_their_stretch_do_not_pull():
    tube, cloth = _skirt(0.2)
    wide = tube.points().reshape(-1, 3) * [1.2, 1.2, 1.2]
    placed = settle(wide, np.zeros_like(wide), cloth=cloth, obstacle=_NOBODY)
    assert np.array_equal(placed, wide)


def test_a_point_carried_far_away_comes_back_to_its_neighbours():
    tube, cloth = _skirt(0.2)
    rest = tube.points().reshape(-1, 3)
    flung = rest.copy()
    flung[500] += [1.5, 0.7, -0.4]
    placed = settle(flung, np.zeros_like(rest), cloth=cloth, obstacle=_NOBODY)
    assert np.linalg.norm(flung[500] - rest[500]) > 1.5
    assert _stretch(placed, cloth).max() < 1.1 * SettleConfig().most
    assert np.linalg.norm(placed[500] - rest[500]) < 0.3


def test_cloth_that_hangs_on_fastened_points_is_pulled_up_to_them():
    tube, cloth = _skirt(0.2)
    rest = tube.points().reshape(-1, 3)
    fastened = rest[:, 1] > 0.19
    dropped = np.where(fastened[:, None], rest, rest - [0.0, 0.5, 0.0])
    config = SettleConfig(rounds=900)
    placed = settle(
        dropped, np.zeros_like(rest), cloth=replace(cloth, fastened=fastened), obstacle=_NOBODY, config=config
    )
    assert np.array_equal(placed[fastened], dropped[fastened])
    assert (((_stretch(placed, cloth) - config.most) * cloth.lengths) < 2e-4).all()
    assert placed[:, 1].min() > dropped[:, 1].min() + 0.1


def test_between_two_legs_the_cloth_stays_outside_of_both():
    tube, cloth = _skirt(0.15)
    rest, outward = tube.points().reshape(-1, 3), tube.outward().reshape(-1, 3)
    one, other = _leg(0.08, 0.11), _leg(0.08, -0.11)
    both = Obstacle(np.concatenate([one.points, other.points]), np.concatenate([one.normals, other.normals]))
    placed = settle(rest, outward, cloth=cloth, obstacle=both)
    assert max(_depth(placed, 0.08, 0.11), _depth(placed, 0.08, -0.11)) < 0.0
    image = placed.reshape(24, 40, 3)[:, (-np.arange(40)) % 40] * [-1.0, 1.0, 1.0]
    assert np.abs(image - placed.reshape(24, 40, 3)).max() < 0.02  # Diagonals run one way.
