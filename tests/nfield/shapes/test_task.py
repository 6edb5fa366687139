"""Fields of distances: sizes, which points a step takes, what is learned, where kernels lie."""

import itertools
from dataclasses import replace

import pytest
import torch

from nfield.encodings.rbf import AdaptiveBases, BasesConfig
from nfield.fields.distance import DISTANCES, HashDistanceConfig, RbfDistanceConfig
from nfield.fields.signal import Signal
from nfield.kernels.nearest import nearest_reference
from nfield.kernels.rbf import rbf_values_reference
from nfield.shapes.initialisation import initialise_on_surface
from nfield.shapes.samples import Mixture
from nfield.shapes.task import DistanceTask, Sampling, distance_optim, distances, relative_error
from nfield.training.loop import TrainConfig, train
from nfield.training.task import Moment, Task
from tests.nfield.shapes.solids import ball_mesh, spread
from tests.nfield.shapes.test_signed_distance import known

SMALL = Sampling(batch=1024, pool=4096, passes=2)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def placed(count: int = 300) -> Signal:
    bases = BasesConfig(count, features=16, neighbours=8, kernel="tent", frequencies=(1.0, 8.0))
    signal = RbfDistanceConfig(bases, levels=4, log2_table_size=10, finest_resolution=64).build(generator())
    initialise_on_surface(signal, known(ball_mesh()).mesh, how="kmeans", generator=generator())
    return signal


@pytest.mark.parametrize(("size", "numbers"), [(13, 260_289), (14, 497_617), (15, 950_417), (16, 1_802_385)])
def test_the_hash_grid_has_the_papers_size(size: int, numbers: int):
    assert HashDistanceConfig(log2_table_size=size, finest_resolution=2048).build().counts() == (numbers, numbers)


@pytest.mark.parametrize("size", [13, 15])
def test_the_hybrid_is_as_large_as_the_hash_grid_with_its_frozen_numbers(size: int):
    reference = HashDistanceConfig(log2_table_size=size).build().counts()[1]
    trained, total = RbfDistanceConfig(log2_table_size=size).sized().build().counts()
    assert reference - 20 < total <= reference
    assert trained < total


def test_kernels_lie_on_the_surface_and_are_evenly_spread():
    bases = placed().bases
    assert bases is not None
    centers = bases.centers - 1.0
    assert centers.norm(dim=-1) == pytest.approx(torch.full((300,), 0.99), abs=0.01)
    octant = torch.stack([centers[:, axis] > 0 for axis in range(3)], -1).long() @ torch.tensor([1, 2, 4])
    assert torch.bincount(octant, minlength=8).min() > 300 / 8 * 0.7


@pytest.mark.parametrize("normalize", [True, False])
def test_kernels_out_of_reach_change_nothing(normalize: bool):
    config = BasesConfig(40, features=16, neighbours=8, kernel="tent", normalize=normalize)
    bases = AdaptiveBases(config, torch.tensor([2.0, 2.0, 2.0]))
    points = spread(800) + 1.0
    bases.initialise(points[:40], points, torch.ones(800), narrowest=1e-3)
    nearby = bases.nearby(spread(500, seed=1) * 0.5 + 0.5)
    places = spread(500, seed=1) + 1.0
    order, _ = nearest_reference(places, bases.centers, 8)
    exact = rbf_values_reference(places, bases.centers, bases.shapes, order, kernel=bases.kernel, normalize=normalize)
    found, expected = torch.zeros(500, 40), torch.zeros(500, 40)
    found.scatter_add_(1, nearby.neighbours.long(), nearby.phi)
    expected.scatter_add_(1, order.long(), exact)
    assert (expected.sum(-1) == 0.0).any()
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0.0)


def test_every_point_of_a_pool_is_taken_once_a_pass_and_pools_change():
    signal = HashDistanceConfig(levels=2, log2_table_size=8, finest_resolution=16).build(generator())
    task = DistanceTask(signal, known(ball_mesh(subdivisions=1)), SMALL, seed=3)
    assert isinstance(task, Task)
    rows = [task._order(turn) for turn in range(3)]
    assert all(torch.equal(order.sort().values, torch.arange(4096)) for order in rows)
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(rows, 2))
    first, second = task._pool_of(0), task._pool_of(1)
    assert not torch.equal(first.points.unit, second.points.unit)
    assert torch.equal(task._pool_of(0).points.unit, first.points.unit)


def test_a_step_depends_on_nothing_but_seed_and_number():
    truth = known(ball_mesh(subdivisions=1))
    losses = []
    for before in (0, 9):  # 9 lies in the second pool
        signal = HashDistanceConfig(levels=2, log2_table_size=8, finest_resolution=16).build(generator())
        task = DistanceTask(signal, truth, SMALL, seed=3)
        for step in (before, 9):
            loss = task.losses(Moment(step, 0.0, 0.0), generator())["distance"].detach()
        losses.append(float(loss))
    assert losses[0] == losses[1]


def test_the_error_is_relative_but_bounded_near_the_surface():
    found = relative_error(torch.tensor([0.001, 0.11, -0.2]), torch.tensor([0.0, 0.1, 0.0]))
    assert found.tolist() == pytest.approx([0.1, 0.01 / 0.11, 20.0])


@pytest.mark.parametrize("name", DISTANCES)
def test_a_ball_is_learned_inside_outside_and_on_the_surface(name: str):
    torch.manual_seed(0)
    truth = known(ball_mesh(subdivisions=3))
    small = {"levels": 4, "log2_table_size": 12, "finest_resolution": 24, "hidden": 32}
    signal = replace(DISTANCES[name](), **small).sized().build(generator())
    initialise_on_surface(signal, truth.mesh, how="kmeans", generator=generator())
    task = DistanceTask(signal, truth, Sampling(batch=2048, pool=16_384, mixture=Mixture()), seed=0)
    optim = replace(distance_optim(), rates=dict.fromkeys(distance_optim().rates, 1e-2))
    train(task, TrainConfig(None, 150, optim, 0))
    assert task.held_out_error() < 0.8  # 1 is that of a field that is 0
    points = spread(2000)
    exact = points.norm(dim=-1) - 0.99
    clear = exact.abs() > 0.05
    assert ((distances(signal, points) < 0.0) == (exact < 0.0))[clear].float().mean() > 0.98


def test_no_points_and_points_beyond_the_cube_have_distances():
    signal = HashDistanceConfig(levels=2, log2_table_size=8, finest_resolution=16).build(generator())
    assert distances(signal, torch.zeros(0, 3)).shape == (0,)
    far, wall = distances(signal, torch.tensor([[9.0, 0.0, 0.0], [1.0, 0.0, 0.0]]))
    assert float(far) == float(wall)
