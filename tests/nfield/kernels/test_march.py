"""Marching: the native op against its twin, and both against lookups at the middle of each sample."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from nfield.cameras import intersect_box
from nfield.kernels.march import (
    StepRule,
    cascade_boxes,
    cell_index,
    march,
    march_reference,
    pack_bits,
    unpack_bits,
)
from nfield.kernels.points import sample_points
from nfield.types import Box, Rays, Samples

INNER = Box(torch.tensor([-1.0, -0.5, -0.8]), torch.tensor([1.0, 1.5, 1.2]))
RULES = {"even": StepRule(0.03), "cone": StepRule(0.02, 1 / 32, 0.2), "cone without end": StepRule(0.02, 1 / 64)}


def rays_at_the_box(count: int, cascades: int, generator: torch.Generator) -> Rays:
    """Rays from all around; some start inside, some miss the outermost cascade's box, some run along an axis."""
    origins = (torch.rand(count, 3, generator=generator) - 0.5) * 6.0 * 2.0 ** (cascades - 1)
    target = torch.rand(count, 3, generator=generator) * 3.0 - 1.5
    dirs = normalize(target - origins, dim=-1)
    dirs[: count // 10] = torch.eye(3)[torch.arange(count // 10) % 3]
    boxes = cascade_boxes(INNER, cascades)
    near, far = intersect_box(origins, dirs, Box(boxes[-1, :3], boxes[-1, 3:]))
    return Rays(origins, dirs, near, far)


def grid(cascades: int, resolution: int, share: float, generator: torch.Generator) -> torch.Tensor:
    """Random cells, with one half of the grid all empty so that whole blocks are skipped."""
    cells = torch.rand(cascades, *[resolution] * 3, generator=generator) < share
    cells[:, : resolution // 2] = False
    return cells


def lattice_steps(samples: Samples, rays: Rays, rule: StepRule, jitter: torch.Tensor) -> set[tuple[int, int]]:
    """Samples as pairs of ray and number of the step, which rounding does not touch."""
    step = rule.index(samples.t0) - (rule.index(rays.near) + jitter)[samples.ray]
    assert (step - step.round()).abs().max() < 1e-2
    return set(zip(samples.ray.tolist(), step.round().int().tolist(), strict=True))


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize(("cascades", "resolution"), [(1, 16), (3, 16), (2, 8), (3, 12)])
def test_native_samples_are_the_twins(
    build: str, rule: StepRule, cascades: int, resolution: int, generator: torch.Generator
):
    rays = rays_at_the_box(600, cascades, generator)
    words = pack_bits(grid(cascades, resolution, 0.1, generator))
    jitter = torch.rand(600, generator=generator)
    native = lattice_steps(march(rays, words, INNER, rule, jitter), rays, rule, jitter)
    twin = lattice_steps(march_reference(rays, words, INNER, rule, jitter), rays, rule, jitter)
    assert len(twin) > 300
    # A midpoint within rounding of a cell's wall may fall on either side.
    assert len(native ^ twin) <= 1e-3 * len(twin)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_samples_are_sorted_inside_near_and_far_and_in_occupied_cells(
    build: str, rule: StepRule, generator: torch.Generator
):
    rays, cells = rays_at_the_box(200, 2, generator), grid(2, 16, 0.3, generator)
    samples = march(rays, pack_bits(cells), INNER, rule, torch.rand(200, generator=generator))
    assert (samples.ray.diff() >= 0).all()
    same_ray = samples.ray.diff() == 0
    assert (samples.t0.diff()[same_ray] > 0).all()
    assert (samples.t0[1:] >= samples.t1[:-1] - 1e-5)[same_ray].all()
    assert (samples.t0 >= rays.near[samples.ray] - 1e-5).all()
    assert (samples.t1 <= rays.far[samples.ray]).all()
    whole = samples.t1 < rays.far[samples.ray]  # the last step of a ray may be cut
    cascade, cell = cell_index(sample_points(rays, samples)[0][whole], INNER, 2, 16)
    assert cells.flatten(1)[cascade, cell].float().mean() > 0.999


def test_full_grid_gives_every_step(build: str):
    rays = Rays(
        torch.tensor([[-3.0, 0.5, 0.2]]), torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([2.0]), torch.tensor([4.0])
    )
    words = pack_bits(torch.ones(1, 8, 8, 8, dtype=torch.bool))
    samples = march(rays, words, INNER, StepRule(0.25), torch.tensor([0.5]))
    assert torch.allclose(samples.t0, 2.125 + 0.25 * torch.arange(8))
    assert torch.allclose(samples.t1, torch.cat([samples.t0[1:], torch.tensor([4.0])]))
    assert samples.ray.tolist() == [0] * 8


def test_empty_grid_gives_none(build: str, generator: torch.Generator):
    rays = rays_at_the_box(50, 2, generator)
    samples = march(rays, torch.zeros(2, 4, 4, 4, dtype=torch.int64), INNER, StepRule(0.02), torch.zeros(50))
    assert len(samples) == 0
    assert samples.n_rays == 50
    assert samples.offsets().tolist() == [0] * 51


def test_rays_that_miss_and_no_rays_give_no_samples(build: str):
    words = pack_bits(torch.ones(1, 8, 8, 8, dtype=torch.bool))
    missing = Rays(torch.zeros(2, 3), torch.eye(3)[:2], torch.tensor([3.0, 1.0]), torch.tensor([2.0, 1.0]))
    assert len(march(missing, words, INNER, StepRule(0.1), torch.zeros(2))) == 0
    none = Rays(torch.zeros(0, 3), torch.zeros(0, 3), torch.zeros(0), torch.zeros(0))
    for samples in (
        march(none, words, INNER, StepRule(0.1), torch.zeros(0)),
        march_reference(none, words, INNER, StepRule(0.1), torch.zeros(0)),
    ):
        assert len(samples) == samples.n_rays == 0


def test_one_cell_is_sampled_where_it_lies(build: str):
    cells = torch.zeros(1, 8, 8, 8, dtype=torch.bool)
    cells[0, 5, 2, 6] = True  # x 6, y 2, z 5 of cells of 0.25 m: x in [0.5, 0.75], y in [0, 0.25], z in [0.45, 0.7]
    rays = Rays(
        torch.tensor([[-2.0, 0.1, 0.6]]), torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([0.0]), torch.tensor([9.0])
    )
    samples = march(rays, pack_bits(cells), INNER, StepRule(0.01), torch.zeros(1))
    assert float(samples.t0.min()) == pytest.approx(2.5, abs=0.006)
    assert float(samples.t1.max()) == pytest.approx(2.75, abs=0.006)
    assert len(samples) == pytest.approx(25, abs=1)


def test_packing_puts_each_cell_at_its_bit():
    cells = torch.zeros(2, 8, 8, 8, dtype=torch.bool)
    cells[1, 6, 5, 3] = True  # block (z 1, y 1, x 0), in it x 3, y 1, z 2
    words = pack_bits(cells)
    assert words.shape == (2, 2, 2, 2)
    assert words[1, 1, 1, 0].item() == 1 << (3 + 4 * 1 + 16 * 2)
    assert words.count_nonzero() == 1


def test_last_bit_is_the_sign_and_survives_packing(generator: torch.Generator):
    cells = torch.rand(3, 12, 12, 12, generator=generator) < 0.5
    cells[0, 3, 3, 3] = True
    assert pack_bits(cells)[0, 0, 0, 0] < 0
    assert torch.equal(unpack_bits(pack_bits(cells)), cells)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_distance_and_index_are_inverse(rule: StepRule):
    index = torch.linspace(0.0, 400.0, 101, dtype=torch.float64)
    assert torch.allclose(rule.index(rule.distance(index)), index, atol=1e-6)


def test_steps_grow_with_the_distance_between_shortest_and_longest():
    rule = RULES["cone"]
    walls = rule.distance(torch.arange(600, dtype=torch.float64))
    steps, middle = walls.diff(), 0.5 * (walls[1:] + walls[:-1])
    expected = (middle / 32).clamp(0.02, 0.2)
    assert torch.allclose(steps, expected, rtol=0.02)
    assert float(steps[-1]) == pytest.approx(0.2)


def test_cascades_double_about_the_middle():
    boxes = cascade_boxes(INNER, 3)
    assert torch.allclose(boxes[0], torch.cat([INNER.low, INNER.high]))
    assert torch.allclose(boxes[2], torch.tensor([-4.0, -3.5, -3.8, 4.0, 4.5, 4.2]))


def test_points_lie_in_the_finest_cascade_that_holds_them():
    points = torch.tensor([[0.0, 0.5, 0.2], [0.99, 0.5, 0.2], [1.01, 0.5, 0.2], [2.01, 0.5, 0.2], [0.0, 0.5, -math.pi]])
    cascade, _ = cell_index(points, INNER, 3, 8)
    assert cascade.tolist() == [0, 0, 1, 2, 2]


@pytest.mark.parametrize("resolution", [4, 8, 12, 16])
def test_empty_blocks_of_a_coarse_cascade_do_not_hide_a_finer_one(
    build: str, resolution: int, generator: torch.Generator
):
    rays, jitter = rays_at_the_box(300, 2, generator), torch.zeros(300)
    cells = torch.zeros(2, *[resolution] * 3, dtype=torch.bool)
    cells[0] = True
    native = lattice_steps(march(rays, pack_bits(cells), INNER, StepRule(0.05), jitter), rays, StepRule(0.05), jitter)
    twin = lattice_steps(
        march_reference(rays, pack_bits(cells), INNER, StepRule(0.05), jitter), rays, StepRule(0.05), jitter
    )
    assert len(twin) > 1000
    assert len(native ^ twin) <= 1e-3 * len(twin)
