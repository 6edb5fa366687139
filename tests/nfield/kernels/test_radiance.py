"""The fused field: every build against the twin in double precision, values and all gradients."""

import math

import pytest
import torch
from torch.library import opcheck
from torch.nn.functional import normalize

from nfield.kernels import native_core, radiance
from nfield.kernels.hash_grid import GridLayout
from nfield.kernels.radiance import RadianceWeights, radiance_reference

RANGE = (-1.5, 1.5)
TOLERANCE = 1e-5


def problem(
    count: int, hidden: int, levels: int, generator: torch.Generator
) -> tuple[GridLayout, torch.Tensor, list[torch.Tensor]]:
    """Layout, directions, and what has a gradient: points, table and the five matrices."""
    layout = GridLayout.up_to(64, levels=levels, log2_table_size=8, base_resolution=4)
    shapes = [(hidden, layout.width), (16, hidden), (hidden, 32), (hidden, hidden), (3, hidden)]
    weights = [torch.randn(shape, generator=generator) / shape[1] ** 0.5 for shape in shapes]
    dirs = normalize(torch.randn(count, 3, generator=generator), dim=-1)
    table = torch.rand(layout.size, 2, generator=generator) * 4.0 - 2.0
    return layout, dirs, [torch.rand(count, 3, generator=generator), table, *weights]


def run(dtype: torch.dtype, layout: GridLayout, dirs: torch.Tensor, leaves: list[torch.Tensor]) -> list[torch.Tensor]:
    """Colour, log-density, and the gradients of a fixed sum of both: to directions, then to the leaves."""
    inputs = [leaf.clone().to(dtype).requires_grad_() for leaf in (dirs, *leaves)]
    arguments = (inputs[1], inputs[0], inputs[2], RadianceWeights(*inputs[3:]), layout)
    if dtype == torch.float64:
        color, log_density = radiance_reference(*arguments, log_range=RANGE, rounding=torch.float32)
    else:
        color, log_density = radiance.radiance(*arguments, log_range=RANGE)
    generator = torch.Generator().manual_seed(7)
    loss = (color * torch.randn(color.shape, generator=generator)).sum()
    loss = loss + (log_density * torch.randn(log_density.shape, generator=generator)).sum()
    return [color.detach(), log_density.detach(), *torch.autograd.grad(loss, inputs)]


def without_edges(layout: GridLayout, dirs: torch.Tensor, leaves: list[torch.Tensor]) -> torch.Tensor:
    """Points that lie on no kink of ReLU or clamp, where single precision may take the other side."""
    unit, table, *matrices = [leaf.double() for leaf in leaves]
    weights = RadianceWeights(*matrices)
    encoded = radiance.hash_encode_reference(unit, table, layout, rounding=torch.float32)
    hidden = encoded @ weights.density1.T
    feature = hidden.relu() @ weights.density2.T
    first = torch.cat([feature, radiance.spherical_harmonics(dirs.double())], -1) @ weights.color1.T
    second = first.relu() @ weights.color2.T
    clip = torch.stack([feature[:, 0] - RANGE[0], feature[:, 0] - RANGE[1]], -1)
    return torch.cat([hidden, first, second, clip], -1).abs().amin(-1) > 1e-5


@pytest.mark.parametrize("count", [0, 1, 127, 128, 129, 1000])
def test_values_and_gradients_equal_the_twin_at_every_count(build: str, count: int, generator: torch.Generator):
    check(*problem(count, 64, 16, generator))


@pytest.mark.parametrize(("hidden", "levels"), [(32, 16), (64, 12), (32, 12), (64, 1)])
def test_values_and_gradients_equal_the_twin_at_every_width(
    build: str, hidden: int, levels: int, generator: torch.Generator
):
    check(*problem(300, hidden, levels, generator))


def check(layout: GridLayout, dirs: torch.Tensor, leaves: list[torch.Tensor]) -> None:
    keep = without_edges(layout, dirs, leaves)
    dirs, leaves = dirs[keep], [leaves[0][keep], *leaves[1:]]
    weights = RadianceWeights(*leaves[2:])
    assert radiance.runs_fused(leaves[0], dirs, leaves[1], weights, layout)
    names = ("color", "log_density", "dirs", "points", "table", *RadianceWeights._fields)
    native, twin = run(torch.float32, layout, dirs, leaves), run(torch.float64, layout, dirs, leaves)
    for name, value, reference in zip(names, native, twin, strict=True):
        assert value.shape == reference.shape, name
        if reference.numel():
            assert float((value - reference).abs().max()) <= TOLERANCE * max(1e-3, float(reference.abs().max())), name


@pytest.mark.parametrize("count", [0, 1, 129, 400])
def test_addition_to_the_appearance_equals_the_twin(build: str, count: int, generator: torch.Generator):
    layout, dirs, leaves = problem(count, 64, 8, generator)
    added = torch.randn(count, 15, generator=generator)
    slopes = torch.randn(count, 3, generator=generator)
    answers = []
    for kernel, dtype in ((radiance.radiance, torch.float32), (radiance_reference, torch.float64)):
        inputs = [leaf.to(dtype, copy=True).requires_grad_() for leaf in (added, *leaves)]
        rounding = {"rounding": torch.float32} if dtype == torch.float64 else {}
        color, log_density = kernel(
            inputs[1], dirs.to(dtype), inputs[2], RadianceWeights(*inputs[3:]), layout,
            log_range=RANGE, added=inputs[0], **rounding,
        )  # fmt: skip
        grads = torch.autograd.grad((color * slopes).sum() + log_density.sum(), inputs)
        answers.append([color.detach(), log_density.detach(), *grads])
    for value, exact in zip(*answers, strict=True):
        # Compared as a whole: a sum on a bend of ReLU may fall to its other side.
        assert float((value - exact).norm()) <= 1e-4 * max(float(exact.norm()), 1e-6)


def test_density_alone_equals_the_whole_answer(build: str, generator: torch.Generator):
    layout, dirs, (unit, table, *matrices) = problem(129, 64, 12, generator)
    weights = RadianceWeights(*matrices)
    _, expected = radiance.radiance(unit, dirs, table, weights, layout, log_range=RANGE)
    assert torch.equal(radiance.log_density(unit, table, weights, layout, log_range=RANGE), expected)


def test_log_density_is_clipped_and_then_has_no_gradient(build: str, generator: torch.Generator):
    layout, dirs, (unit, table, *matrices) = problem(200, 32, 4, generator)
    table = table.requires_grad_()
    weights = RadianceWeights(matrices[0], matrices[1] * 100.0, *matrices[2:])
    _, log_density = radiance.radiance(unit, dirs, table, weights, layout, log_range=(-1e-3, 1e-3))
    clipped = log_density.abs() == torch.tensor(1e-3)
    assert clipped.float().mean() > 0.9
    (grad,) = torch.autograd.grad(log_density[clipped].sum(), table)
    assert not grad.any()


def test_points_outside_and_no_numbers_do_not_crash(build: str, generator: torch.Generator):
    layout, dirs, (unit, table, *matrices) = problem(4, 64, 16, generator)
    unit[0], unit[1, 0], unit[2] = 7.0, math.nan, -math.inf
    color, log_density = radiance.radiance(unit, dirs, table, RadianceWeights(*matrices), layout, log_range=RANGE)
    assert color.shape == (4, 3)
    assert torch.isfinite(color[3]).all()
    assert torch.isfinite(log_density[3])


def test_gradients_without_a_gradient_of_color_are_zero_for_the_color_network(build: str, generator: torch.Generator):
    layout, dirs, (unit, table, *matrices) = problem(50, 64, 16, generator)
    matrices = [m.requires_grad_() for m in matrices]
    _, log_density = radiance.radiance(unit, dirs, table, RadianceWeights(*matrices), layout, log_range=RANGE)
    grads = torch.autograd.grad(log_density.sum(), matrices)
    assert grads[0].any()
    assert not any(g.any() for g in grads[2:])


def test_other_widths_run_by_composition(generator: torch.Generator):
    layout, dirs, (unit, table, *matrices) = problem(20, 48, 4, generator)
    weights = RadianceWeights(*matrices)
    assert not radiance.runs_fused(unit, dirs, table, weights, layout)
    color, log_density = radiance.radiance(unit, dirs, table, weights, layout, log_range=RANGE)
    expected = radiance_reference(unit, dirs, table, weights, layout, log_range=RANGE)
    assert torch.allclose(color, expected[0], atol=1e-5)
    assert torch.allclose(log_density, expected[1], atol=1e-5)
    assert torch.equal(
        radiance.log_density(unit, table, weights, layout, log_range=RANGE),
        radiance.radiance(unit, dirs, table, weights, layout, log_range=RANGE)[1],
    )


def test_only_the_gradients_that_are_asked_for_are_computed(build: str, generator: torch.Generator):
    layout, dirs, (unit, table, *matrices) = problem(150, 64, 4, generator)
    dirs.requires_grad_()
    color, log_density = radiance.radiance(unit, dirs, table, RadianceWeights(*matrices), layout, log_range=RANGE)
    assert torch.autograd.grad(color.sum(), dirs, retain_graph=True)[0].any()
    assert not torch.autograd.grad(log_density.sum(), dirs)[0].any()


def test_twin_gradients_are_the_differences(generator: torch.Generator):
    layout = GridLayout(levels=2, log2_table_size=5, base_resolution=2, per_level_scale=2.0)
    shapes = [(4, 4), (16, 4), (4, 32), (4, 4), (3, 4)]
    leaves = [torch.rand(3, 3, generator=generator), torch.randn(layout.size, 2, generator=generator)]
    leaves += [torch.randn(shape, generator=generator) * 0.5 for shape in shapes]
    dirs = normalize(torch.randn(3, 3, generator=generator), dim=-1)
    inputs = [leaf.double().requires_grad_() for leaf in (dirs, *leaves)]

    def answer(
        dirs: torch.Tensor, unit: torch.Tensor, table: torch.Tensor, *matrices: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return radiance_reference(unit, dirs, table, RadianceWeights(*matrices), layout, log_range=(-10.0, 10.0))

    assert torch.autograd.gradcheck(answer, inputs)


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # opcheck looks at it itself
def test_op_is_registered_as_torch_wants_it(native: None, generator: torch.Generator):
    layout, dirs, leaves = problem(9, 32, 16, generator)
    unit, table, *matrices = [leaf.requires_grad_() for leaf in leaves]
    dirs.requires_grad_()
    added = torch.randn(9, 15, generator=generator).requires_grad_()
    opcheck(radiance._native_radiance, (unit, dirs, added, table, matrices, layout.arrays(), list(RANGE), True))
    plain = [leaf.detach() for leaf in leaves]
    inputs = (plain[0], dirs.detach(), added.detach(), plain[1], plain[2:], layout.arrays(), list(RANGE))
    saved = radiance._native_radiance(*inputs, True)[2]
    grads = torch.randn(9, 3, generator=generator), torch.randn(9, generator=generator)
    opcheck(radiance._native_backward, (*inputs, saved, *grads, True, True))


def test_native_core_refuses_widths_that_it_lacks(build: str, generator: torch.Generator):
    layout, dirs, (unit, table, *matrices) = problem(3, 48, 16, generator)
    out = torch.empty(3, 3), torch.empty(3), torch.empty(0, 32, 128)
    with pytest.raises(ValueError, match="hidden width 32 or 64"):
        native_core.require().radiance(
            unit, dirs, torch.empty(0, 15), table, *layout.arrays(), *matrices, *RANGE, *out, 1
        )
