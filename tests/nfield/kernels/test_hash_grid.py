"""The hash grid: layout against numbers worked out by hand, values against a loop, gradients, and each build."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch.library import opcheck

from nfield.kernels import hash_grid
from nfield.kernels.hash_grid import GridLayout, hash_encode, hash_encode_reference, vertex_index

SMALL = GridLayout(levels=4, log2_table_size=9, base_resolution=4, per_level_scale=2.0)
PLANE = replace(SMALL, dims=2)
SIZES = (0, 1, 127, 128, 129, 1000)


def relative(value: torch.Tensor, reference: torch.Tensor) -> float:
    if reference.numel() == 0:
        return 0.0
    return float((value - reference).abs().max() / reference.abs().max().clamp_min(1e-30))


def random_table(layout: GridLayout, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(layout.size, 2, generator=generator) * 2.0 - 1.0


def test_layout_of_doubling_levels_is_what_the_rules_give_by_hand():
    # scale = 4 * 2^l - 1 = 3, 7, 15, 31; resolution = ceil + 1 = 4, 8, 16, 32; 4^3 = 64, 8^3 = 512, then 2^9 at most.
    assert SMALL.scale.tolist() == [3.0, 7.0, 15.0, 31.0]
    assert SMALL.resolution.tolist() == [4, 8, 16, 32]
    assert SMALL.entries.tolist() == [64, 512, 512, 512]
    assert SMALL.hashed.tolist() == [0, 0, 1, 1]
    assert SMALL.offset.tolist() == [0, 64, 576, 1088, 1600]
    assert SMALL.size == 1600
    assert SMALL.width == 8


def test_layout_of_the_plane_is_what_the_rules_give_by_hand():
    # 4^2 = 16, 8^2 = 64, 16^2 = 256, and 32^2 = 1024, of which 2^9 are kept.
    assert PLANE.entries.tolist() == [16, 64, 256, 512]
    assert PLANE.hashed.tolist() == [0, 0, 0, 1]
    assert vertex_index(torch.tensor([[3, 2], [4, 4]]), 4, 16).tolist() == [11, 20 - 16]
    assert vertex_index(torch.tensor([[5, 17]]), 32, 512).tolist() == [(5 ^ (17 * 2654435761 % 2**32)) % 512]


def test_layout_with_odd_resolutions_rounds_entries_up_to_eight():
    # scale = 3 * 1.5^l - 1 = 2, 3.5, 5.75; resolution = 3, 5, 7; cubes 27, 125, 343 -> 32, 128, 344.
    layout = GridLayout(levels=3, log2_table_size=14, base_resolution=3, per_level_scale=1.5)
    assert layout.scale.tolist() == pytest.approx([2.0, 3.5, 5.75], rel=1e-6)
    assert layout.resolution.tolist() == [3, 5, 7]
    assert layout.entries.tolist() == [32, 128, 344]
    assert layout.hashed.tolist() == [0, 0, 0]
    assert layout.offset.tolist() == [0, 32, 160, 504]


def test_layout_of_instant_ngp_has_its_well_known_size():
    # 16, 23, 31, 43, 59, 81, 112, 154, ... : five levels fit into 2^19 (16^3, 23^3 -> 12168, ...), eleven are hashed.
    layout = GridLayout(levels=16, log2_table_size=19, base_resolution=16, per_level_scale=1.3819129)
    dense = [16**3, 23**3 + 1, 31**3 + 1, 43**3 + 5, 59**3 + 5]
    assert layout.entries.tolist() == [*dense, *[2**19] * 11]
    assert layout.size == 6_098_120


def test_dense_index_runs_along_x_first():
    vertices = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [3, 2, 1], [7, 7, 7]])
    assert vertex_index(vertices, 8, 512).tolist() == [0, 1, 8, 64, 3 + 16 + 64, 511]


def test_hashed_index_equals_the_formula_in_integers():
    vertices = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (5, 17, 99), (2047, 2047, 2047)]
    expected = [(x ^ (y * 2654435761 % 2**32) ^ (z * 805459861 % 2**32)) % 2**17 for x, y, z in vertices]
    assert vertex_index(torch.tensor(vertices), 2048, 2**17).tolist() == expected
    assert expected[2] == 2654435761 % 131072 == 96689
    assert expected[3] == 805459861 % 131072 == 22421


def test_corner_beyond_the_last_vertex_stays_in_its_level():
    # x = 1: coordinate 3.5, cell 3, upper corner 4 in a level of 4 vertices: 4 (1 + 4 + 16) = 84 -> 84 mod 64 = 20.
    assert vertex_index(torch.tensor([[4, 4, 4]]), 4, 64).item() == 20


def encode_by_loop(point: list[float], table: torch.Tensor, layout: GridLayout) -> list[float]:
    out = []
    for level in range(layout.levels):
        scale, size = float(layout.scale[level]), int(layout.resolution[level])
        entries, offset = int(layout.entries[level]), int(layout.offset[level])
        place = [v * scale + 0.5 for v in point]
        total = [0.0, 0.0]
        for corner in itertools.product((0, 1), repeat=len(point)):
            weight, vertex = 1.0, []
            for p, d in zip(place, corner, strict=True):
                fraction = p - math.floor(p)
                weight *= fraction if d else 1.0 - fraction
                vertex.append(math.floor(p) + d)
            if size ** len(point) <= entries:
                index = sum(v * size**axis for axis, v in enumerate(vertex)) % entries
            else:
                index = 0
                for v, prime in zip(vertex, (1, 2654435761, 805459861), strict=False):
                    index ^= v * prime % 2**32
                index %= entries
            for f in (0, 1):
                total[f] += weight * float(table[offset + index, f])
        out += total
    return out


@pytest.mark.parametrize("layout", [SMALL, PLANE])
def test_features_equal_multilinear_interpolation_by_a_loop(layout: GridLayout, generator: torch.Generator):
    table = random_table(layout, generator).double()
    inside, corner = torch.rand(20, layout.dims, generator=generator).double(), torch.ones(1, layout.dims).double()
    points = torch.cat([inside, 0.0 * corner, corner])
    expected = torch.tensor([encode_by_loop(p.tolist(), table, layout) for p in points], dtype=torch.float64)
    assert torch.allclose(hash_encode_reference(points, table, layout), expected, atol=1e-12)


def test_twin_gradients_are_the_differences(generator: torch.Generator):
    layout = GridLayout(levels=2, log2_table_size=5, base_resolution=2, per_level_scale=2.0)
    points = (torch.rand(5, 3, generator=generator).double() * 0.9 + 0.05).requires_grad_()
    table = random_table(layout, generator).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, t: hash_encode_reference(x, t, layout), (points, table))


@pytest.mark.parametrize("layout", [SMALL, PLANE])
@pytest.mark.parametrize("count", SIZES)
def test_native_values_and_gradients_equal_the_twin(
    build: str, count: int, layout: GridLayout, generator: torch.Generator
):
    unit, table = torch.rand(count, layout.dims, generator=generator), random_table(layout, generator)
    weight = torch.randn(count, layout.width, generator=generator)
    results = []
    for dtype, encode in (
        (torch.float32, hash_encode),
        (torch.float64, lambda x, t, layout: hash_encode_reference(x, t, layout, rounding=torch.float32)),
    ):
        x, t = (v.clone().to(dtype).requires_grad_() for v in (unit, table))
        features = encode(x, t, layout)
        (features * weight).sum().backward()
        results.append((features.detach(), t.grad, x.grad))
    assert results[0][0].dtype == torch.float32
    for value, reference in zip(*results, strict=True):
        assert value.shape == reference.shape
        assert relative(value, reference) <= 1e-5


def test_finest_levels_agree_at_full_size(build: str, generator: torch.Generator):
    layout = GridLayout.up_to(2048, log2_table_size=14)
    unit, table = torch.rand(300, 3, generator=generator), random_table(layout, generator)
    unit[0], unit[1] = 0.0, 1.0
    reference = hash_encode_reference(unit.double(), table.double(), layout, rounding=torch.float32)
    assert relative(hash_encode(unit, table, layout), reference) <= 1e-5


def test_points_outside_are_clamped_and_get_no_gradient(build: str, generator: torch.Generator):
    table = random_table(SMALL, generator)
    outside = torch.tensor([[-3.0, 0.5, 1.5], [2.0, 2.0, 2.0]], requires_grad=True)
    features = hash_encode(outside, table, SMALL)
    features.sum().backward()
    assert torch.equal(features, hash_encode(outside.detach().clamp(0.0, 1.0), table, SMALL))
    assert outside.grad is not None
    assert torch.equal(outside.grad != 0.0, torch.tensor([[False, True, False], [False, False, False]]))


def test_points_that_are_no_numbers_do_not_crash(build: str, generator: torch.Generator):
    points = torch.tensor([[math.nan, 0.5, 0.5], [math.inf, -math.inf, 0.1], [0.3, 0.3, 0.3]])
    features = hash_encode(points, random_table(SMALL, generator), SMALL)
    assert torch.isfinite(features[2]).all()


def test_table_gradient_does_not_depend_on_threads(build: str, generator: torch.Generator):
    table = random_table(SMALL, generator).requires_grad_()
    unit = torch.rand(2000, 3, generator=generator)
    gradients, threads = [], torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            gradients += torch.autograd.grad(hash_encode(unit, table, SMALL).square().sum(), table)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*gradients)


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # opcheck looks at it itself
def test_op_is_registered_as_torch_wants_it(native: None, generator: torch.Generator):
    unit = torch.rand(7, 3, generator=generator, requires_grad=True)
    table = random_table(SMALL, generator).requires_grad_()
    opcheck(hash_grid._native_encode, (unit, table, SMALL.arrays()))
    grad = torch.randn(7, SMALL.width, generator=generator)
    opcheck(hash_grid._native_backward, (unit.detach(), table.detach(), grad, SMALL.arrays(), True))
