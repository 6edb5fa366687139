"""Noise is smooth, bounded, repeatable, and that of a plain loop."""

import math

import numpy as np

from avatars.people.noise import noise, noise_vectors, smoothstep

CELLS = 32


def plain_noise(point: np.ndarray, scale: float, seed: int) -> float:
    """Value noise by its definition: eased trilinear interpolation of a repeating random lattice."""
    lattice = np.random.default_rng(seed).uniform(-1.0, 1.0, (CELLS,) * 3)
    total = 0.0
    where = point / scale
    cell = [math.floor(c) for c in where]
    ease = [(3 - 2 * t) * t * t for t in (c - f for c, f in zip(where, cell, strict=True))]
    for corner in np.ndindex(2, 2, 2):
        weight = math.prod(e if k else 1 - e for k, e in zip(corner, ease, strict=True))
        total += weight * lattice[tuple((f + k) % CELLS for k, f in zip(corner, cell, strict=True))]
    return total


def test_noise_is_that_of_its_definition():
    points = np.random.default_rng(0).normal(size=(40, 3))
    expected = [plain_noise(point, 0.07, seed=4) for point in points]
    assert np.allclose(noise(points, 0.07, seed=4), expected, atol=1e-4)


def test_octaves_add_finer_noise_of_half_the_strength():
    points = np.random.default_rng(1).normal(size=(30, 3))
    finer = [plain_noise(2.0 * point + 7.3 * 0.1, 0.1, seed=6) for point in points]
    coarse = [plain_noise(point, 0.1, seed=5) for point in points]
    assert np.allclose(noise(points, 0.1, seed=5, octaves=2), np.array(coarse) + 0.5 * np.array(finer), atol=1e-4)


def test_noise_stays_within_one():
    points = np.random.default_rng(2).normal(size=(5000, 3))
    assert np.abs(noise(points, 0.05, seed=1)).max() <= 1.0


def test_noise_has_no_jumps_where_the_lattice_repeats():
    line = np.linspace(-0.001, 0.001, 400)[:, None] * [1.0, 0.3, 0.2] + [0.1 * CELLS, 0.0, 0.0]
    assert np.abs(np.diff(noise(line, 0.1, seed=3))).max() < 1e-3


def test_noise_may_be_stretched_along_an_axis():
    points = np.random.default_rng(3).normal(size=(20, 3))
    stretched = noise(points * [1.0, 4.0, 1.0], (0.1, 0.4, 0.1), seed=2)
    assert np.allclose(stretched, noise(points, 0.1, seed=2), atol=1e-4)


def test_noise_vectors_are_independent_noises():
    points = np.random.default_rng(4).normal(size=(3000, 3))
    vectors = noise_vectors(points, 0.1, seed=9)
    assert np.allclose(vectors[:, 1], noise(points, 0.1, seed=109), atol=1e-6)
    assert np.abs(np.corrcoef(vectors.T) - np.eye(3)).max() < 0.1


def test_noise_of_no_points_is_empty():
    assert noise(np.zeros((0, 3)), 0.1, seed=1).shape == (0,)
    assert noise_vectors(np.zeros((0, 3)), 0.1, seed=1).shape == (0, 3)


def test_smoothstep_rises_from_low_to_high_and_falls_where_they_are_exchanged():
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    assert np.allclose(smoothstep(0.0, 1.0, x), [0, 0, 0.5, 1, 1])
    assert np.allclose(smoothstep(1.0, 0.0, x), [1, 1, 0.5, 0, 0])
