"""Cloth hangs outside the hull of every slice, and falls from wide places."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from avatars.body import BodyModel
from avatars.people.figure import with_mesh
from avatars.people.tailor.drape import ARM, LEG, TRUNK, Drape, Fall, Limb, drape
from avatars.people.tailor.regions import arm_share, places

RING = 40


@pytest.fixture
def cones(model: BodyModel) -> BodyModel:
    """A body that is an elliptic tube with a waist: half widths 0.2 and 0.1 metres, 0.15 and 0.075 at y = 0."""
    heights = np.linspace(0.5, -0.5, 81)
    angle = 2 * np.pi * np.arange(RING) / RING
    width = 0.2 - 0.05 * np.exp(-((heights / 0.1) ** 2))
    x, z = width[:, None] * np.sin(angle), 0.5 * width[:, None] * np.cos(angle)
    points = np.stack([x, np.broadcast_to(heights[:, None], x.shape), z], -1).reshape(-1, 3)
    grid = np.arange(len(points)).reshape(len(heights), RING)
    right = np.roll(grid, -1, axis=1)
    faces = np.concatenate(
        [
            np.stack([grid[:-1], grid[1:], right[:-1]], -1).reshape(-1, 3),
            np.stack([right[:-1], grid[1:], right[1:]], -1).reshape(-1, 3),
        ]
    )
    count = len(points)
    return with_mesh(
        model,
        template=torch.from_numpy(points).float(),
        weights=torch.ones(count, 24) / 24,
        shape_dirs=torch.zeros(count, 3, 10),
        pose_dirs=torch.zeros(207, count, 3),
        faces=faces,
    )


def tube(cones: BodyModel, fall: Fall) -> Drape:
    return drape(cones, TRUNK, np.ones(len(cones.template), dtype=bool), fall)


def width_at(cloth: Drape, height: float) -> float:
    return float(cloth.radius(np.array([height]), np.array([np.pi / 2]))[0])


def test_cloth_lies_at_its_ease_outside_an_elliptic_body(cones: BodyModel):
    cloth = tube(cones, Fall(0.02, 1.0, 0.4, -0.4))
    assert width_at(cloth, 0.3) == pytest.approx(0.22, abs=0.005)
    assert float(cloth.radius(np.array([0.3]), np.array([0.0]))[0]) == pytest.approx(0.12, abs=0.005)


def test_cloth_that_does_not_tighten_hangs_straight_over_a_waist(cones: BodyModel):
    cloth = tube(cones, Fall(0.01, 0.0, 0.4, -0.4))
    assert width_at(cloth, 0.0) == pytest.approx(0.21, abs=0.005)


def test_cloth_that_tightens_follows_a_waist(cones: BodyModel):
    cloth = tube(cones, Fall(0.01, 2.0, 0.4, -0.4))
    assert width_at(cloth, 0.0) == pytest.approx(0.16, abs=0.004)


def test_cloth_that_flares_widens_by_its_flare(cones: BodyModel):
    cloth = tube(cones, Fall(0.01, -0.3, 0.0, -0.4))
    assert width_at(cloth, -0.35) - width_at(cloth, -0.15) == pytest.approx(0.06, abs=0.004)


def test_folds_grow_downwards_and_never_reach_into_the_body(cones: BodyModel):
    fall = Fall(0.01, 0.0, 0.3, -0.4, folds=0.04, count=9, seed=3)
    folded, plain = tube(cones, fall), tube(cones, replace(fall, folds=0.0))
    angle = np.linspace(-np.pi, np.pi, 200)
    low, high = (folded.radius(np.full(200, y), angle) - plain.radius(np.full(200, y), angle) for y in (-0.38, 0.25))
    assert low.min() > -1e-9
    assert np.ptp(low) > 0.02
    assert np.ptp(high) < 0.003


def test_folds_are_those_of_their_seed(cones: BodyModel):
    first, again, other = (tube(cones, Fall(0.01, 0.0, 0.3, -0.4, folds=0.04, seed=s)).radii for s in (1, 1, 2))
    assert (first == again).all()
    assert np.abs(first - other).max() > 0.005


def test_hung_points_keep_their_height_and_direction(cones: BodyModel):
    cloth = tube(cones, Fall(0.02, 0.0, 0.4, -0.4))
    points = np.random.default_rng(0).uniform([-0.1, -0.3, -0.05], [0.1, 0.3, 0.05], (50, 3))
    hung = cloth.hang(points)
    assert np.allclose(hung[:, 1], points[:, 1])
    assert np.allclose(cloth.angle(hung), cloth.angle(points), atol=1e-6)
    assert np.allclose(cloth.hang(hung), hung, atol=1e-6)


@pytest.mark.parametrize("limb", [TRUNK, LEG, ARM])
def test_local_coordinates_come_back_to_the_side_they_came_from(limb: Limb):
    points = np.random.default_rng(1).normal(size=(30, 3)) + np.array([0.01, 0.0, 0.0])
    points = points[np.abs(points[:, 0]) > 0.01]
    assert np.allclose(limb.back(limb.local(points), points), points)


def test_a_wide_leg_stays_on_its_side():
    points = np.array([[0.02, -1.0, 0.0], [-0.02, -1.0, 0.0]])
    wide = LEG.local(points) - np.array([0.0, 0.1, 0.0])
    back = LEG.back(wide, points)
    assert 0 < back[0, 0] < 0.01
    assert -0.01 < back[1, 0] < 0


@pytest.mark.parametrize("limb", [LEG, ARM])
def test_both_sides_of_the_body_are_one_limb(limb: Limb):
    points = np.random.default_rng(2).normal(size=(30, 3))
    assert np.allclose(limb.local(points), limb.local(points * [-1.0, 1.0, 1.0]))


def test_cloth_around_the_real_trunk_is_outside_of_it(model: BodyModel):
    members = arm_share(model) < 0.3
    cloth = drape(model, TRUNK, members, Fall(0.01, 0.3, 0.15, -0.25))
    points = places(model)[members]
    points = points[(points[:, 1] < 0.14) & (points[:, 1] > -0.24)]
    axis = np.stack([0.0 * points[:, 0], points[:, 1], 0.0 * points[:, 0]], 1)
    reach = np.linalg.norm((cloth.hang(points) - axis)[:, [0, 2]], axis=1)
    own = np.linalg.norm((points - axis)[:, [0, 2]], axis=1)
    assert (reach - own).min() > 0.0


def test_levels_without_a_slice_take_the_nearest_one(cones: BodyModel):
    cloth = tube(cones, Fall(0.01, 0.0, 0.4, -0.9))
    assert np.isfinite(cloth.radii).all()
    assert width_at(cloth, -0.8) == pytest.approx(width_at(cloth, -0.45), abs=0.005)
