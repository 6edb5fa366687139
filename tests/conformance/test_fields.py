"""What every radiance field must do; a backend joins by being registered.

A backend whose default options are large may name small ones in SMALL, which only makes the suite faster.
"""

import json
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from nfield.config_json import from_json, to_json
from nfield.encodings.rbf import BasesConfig
from nfield.fields import BACKENDS, BuildContext, Field, FieldConfig, HashConfig, Warp, Warped, WarpedField
from nfield.types import Box, FieldOutput

SMALL = {
    "hash": {"levels": 4, "log2_table_size": 10, "base_resolution": 4, "finest_resolution": 32},
    "vm": {"resolution": 16, "density_components": 8, "appearance_components": 12, "empty": 0.0},
    "cp": {"resolution": 16, "density_components": 24, "appearance_components": 32, "empty": 0.0},
    "dense": {"resolution": 12},
    "mlp": {"octaves": 4, "depth": 4, "width": 32, "skip": 2},
}
TINY = {
    "hash": {"levels": 2, "log2_table_size": 6, "base_resolution": 2, "finest_resolution": 4, "hidden": 8},
    "vm": {"resolution": 4, "density_components": 2, "appearance_components": 3, "hidden": 8},
    "cp": {"resolution": 4, "density_components": 3, "appearance_components": 4, "hidden": 8},
    "dense": {"resolution": 3},
    "mlp": {"octaves": 2, "depth": 3, "width": 8, "skip": 1, "encoded": 6, "hidden": 8},
}
RATES = {"dense": 1e-1}  # what is looked up are the answers themselves, which have further to go than weights
_BASES = {"features": 16, "neighbours": 5, "normalize": False, "alpha": 0.3, "initial": 0.1}
SMALL["rbf"] = {"grid": HashConfig(**SMALL["hash"]), "bases": BasesConfig(200, **_BASES)}
TINY["rbf"] = {"grid": HashConfig(**TINY["hash"]), "bases": BasesConfig(20, **_BASES)}
BOX = Box(torch.tensor([-1.0, -2.0, 0.5]), torch.tensor([1.0, 1.0, 2.5]))
COUNTS = (0, 1, 1000)


@pytest.fixture(params=BACKENDS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def config_of(name: str, options: dict[str, dict]) -> FieldConfig:
    return replace(BACKENDS[name](), **options.get(name, {}))


def context(generator: torch.Generator) -> BuildContext:
    """With a probe, so that backends which place their parts by one have them in place."""
    probe = config_of("hash", SMALL).build(BuildContext(BOX, generator))
    return BuildContext(BOX, generator, stirred(probe, generator))


@pytest.fixture
def field(name: str, generator: torch.Generator) -> Field:
    """A small field with parameters as after some training, so that nothing is nearly zero."""
    return stirred(config_of(name, SMALL).build(context(generator)), generator)


def stirred(field: Field, generator: torch.Generator) -> Field:
    with torch.no_grad():
        for parameter in field.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return field


def places(count: int, generator: torch.Generator, margin: float = 0.0) -> tuple[Tensor, Tensor]:
    """Points in the box grown by a margin (a share of its size), and unit directions."""
    unit = torch.rand(count, 3, generator=generator) * (1.0 + 2.0 * margin) - margin
    return BOX.world_from_unit(unit), normalize(torch.randn(count, 3, generator=generator), dim=-1)


def summed(out: FieldOutput, generator: torch.Generator) -> Tensor:
    """A sum of the answers with random weights."""
    weight = torch.randn(*out.color.shape, generator=generator), torch.randn(out.log_density.shape, generator=generator)
    return (out.color * weight[0]).sum() + (out.log_density * weight[1]).sum()


@pytest.mark.parametrize("count", COUNTS)
def test_answers_have_their_shapes_and_ranges(field: Field, count: int, generator: torch.Generator):
    points, dirs = places(count, generator, margin=0.2)
    out, latent = field(points, dirs), field.encode(points)
    assert out.log_density.shape == out.presence.shape == (count,)
    assert out.color.shape == (count, 3)
    assert latent.feature.shape == (count, field.feature_dim)
    low, high = field.log_density_range
    assert ((out.log_density >= low) & (out.log_density <= high)).all()
    assert ((out.color >= 0.0) & (out.color <= 1.0)).all()
    assert ((out.presence >= 0.0) & (out.presence <= 1.0)).all()


@pytest.mark.parametrize("count", COUNTS)
def test_fused_answer_equals_the_composition(field: Field, count: int, generator: torch.Generator):
    points, dirs = places(count, generator)
    points.requires_grad_()
    leaves, results = [points, *field.parameters()], []
    for answer in (field, field.compose):
        out = answer(points, dirs)
        loss = summed(out, torch.Generator().manual_seed(1))
        grads = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
        results.append([out.log_density.detach(), out.color.detach(), out.presence.detach(), *grads])
    for value, expected in zip(*results, strict=True):
        scale = expected.abs().max().clamp_min(1e-3) if expected.numel() else 1.0
        assert ((value - expected).abs() <= 1e-4 * scale).all()


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("gradient", [False, True])
def test_density_is_presence_times_exponential(field: Field, count: int, gradient: bool, generator: torch.Generator):
    points, dirs = places(count, generator, margin=0.3)
    with torch.set_grad_enabled(gradient):
        out, density = field(points, dirs), field.density(points)
    assert torch.allclose(density, out.presence * out.log_density.exp(), rtol=1e-4)


def test_field_is_empty_outside_its_box(field: Field, generator: torch.Generator):
    points, dirs = places(500, generator, margin=1.0)
    outside = ((points < BOX.low) | (points > BOX.high)).any(-1)
    assert not field(points, dirs).presence[outside].any()
    assert not field.density(points)[outside].any()
    assert field(points, dirs).presence[~outside].all()


def test_every_parameter_gets_a_gradient(field: Field, generator: torch.Generator):
    out = field(*places(1000, generator))
    grads = torch.autograd.grad(summed(out, generator), list(field.parameters()))
    assert all(g.any() and g.isfinite().all() for g in grads)


def test_param_groups_hold_every_parameter_once(field: Field):
    grouped = [id(p) for group in field.param_groups().values() for p in group]
    assert sorted(grouped) == sorted(id(p) for p in field.parameters())


def test_every_group_of_parameters_has_a_learning_rate(field: Field, name: str):
    assert field.param_groups().keys() <= config_of(name, SMALL).learning().rates.keys()


def test_options_for_budgets_and_persons_are_options_of_the_backend(name: str):
    chosen = [BACKENDS[name].for_budget(minutes) for minutes in (0.1, 5.0, 60.0)] + [BACKENDS[name].for_person()]
    assert all(type(config) is BACKENDS[name] for config in chosen)


def test_only_fields_that_wait_for_places_say_so(name: str, generator: torch.Generator):
    config = config_of(name, SMALL)
    assert config.initialises == (not config.build(BuildContext(BOX, generator)).initialised)


def test_answers_do_not_depend_on_neighbours(field: Field, generator: torch.Generator):
    points, dirs = places(300, generator)
    whole, order = field(points, dirs), torch.randperm(300, generator=generator)
    shuffled = field(points[order], dirs[order])
    parts = [field(points[part], dirs[part]) for part in (slice(0, 1), slice(1, 130), slice(130, 300))]
    for name in ("log_density", "color", "presence"):
        assert torch.allclose(getattr(shuffled, name), getattr(whole, name)[order], atol=1e-5)
        assert torch.allclose(torch.cat([getattr(p, name) for p in parts]), getattr(whole, name), atol=1e-5)


def test_gradients_of_the_composition_are_the_differences(name: str, generator: torch.Generator):
    field = stirred(config_of(name, TINY).build(context(generator)), generator).double()
    points, dirs = (v.double() for v in places(4, generator, margin=-0.1))
    leaves = {key: p.detach().clone().requires_grad_() for key, p in field.named_parameters()}

    def answer(points: Tensor, *values: Tensor) -> tuple[Tensor, Tensor]:
        class Composition(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.field = field

            def forward(self, *arguments: Tensor) -> FieldOutput:
                return self.field.compose(*arguments)

        state = {f"field.{key}": value for key, value in zip(leaves, values, strict=True)}
        out = torch.func.functional_call(Composition(), state, (points, dirs))
        return out.log_density, out.color

    assert torch.autograd.gradcheck(answer, (points.requires_grad_(), *leaves.values()), fast_mode=True)


def test_config_survives_json(name: str):
    for config in (BACKENDS[name](), config_of(name, SMALL)):
        assert from_json(type(config), json.loads(json.dumps(to_json(config))), where="test") == config


def test_same_seed_makes_the_same_field(name: str):
    fields = [config_of(name, SMALL).build(context(torch.Generator().manual_seed(5))) for _ in range(2)]
    states = [field.state_dict() for field in fields]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_saved_state_gives_the_same_answers(field: Field, name: str, generator: torch.Generator):
    copy = config_of(name, SMALL).build(BuildContext(Box.cube(9.0)))
    copy.load_state_dict(field.state_dict())
    points, dirs = places(50, generator, margin=0.1)
    first, second = field(points, dirs), copy(points, dirs)
    assert torch.equal(first.log_density, second.log_density)
    assert torch.equal(first.color, second.color)
    assert torch.equal(first.presence, second.presence)


def test_field_learns_a_blob_in_a_hundred_steps(name: str, generator: torch.Generator):
    field = config_of(name, SMALL).build(context(generator))
    optimiser = torch.optim.Adam(field.parameters(), lr=RATES.get(name, 1e-2))
    middle, losses = 0.5 * (BOX.low + BOX.high), []
    for _ in range(100):
        points, dirs = places(1024, generator)
        near = (points - middle).norm(dim=-1) < 0.7
        out = field(points, dirs)
        opacity = 1.0 - torch.exp(-0.2 * out.log_density.exp())
        color = torch.where(near[:, None], torch.tensor([0.9, 0.2, 0.1]), torch.tensor([0.1, 0.3, 0.8]))
        loss = (opacity - near.float()).square().mean() + (out.color - color).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) / 5 < 0.15 * losses[0]


class Identity(Warp):
    def to_canonical(self, points: Tensor) -> Warped:
        return Warped(points, torch.ones_like(points[:, 0]))


class Rigid(Warp):
    """A learned shift after a fixed turn about z by a right angle; half present where x is negative."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = torch.nn.Parameter(torch.tensor([0.1, -0.2, 0.3]))

    def to_canonical(self, points: Tensor) -> Warped:
        x, y, z = points.unbind(-1)
        return Warped(torch.stack([-y, x, z], -1) + self.shift, torch.where(x < 0.0, 0.5, 1.0))


def test_identity_warp_changes_nothing(field: Field, generator: torch.Generator):
    warped = WarpedField(field, Identity())
    points, dirs = places(200, generator, margin=0.2)
    for answer, expected in (
        (warped(points, dirs), field(points, dirs)),
        (warped.compose(points, dirs), field(points, dirs)),
    ):
        assert torch.allclose(answer.log_density, expected.log_density, atol=1e-5)
        assert torch.allclose(answer.color, expected.color, atol=1e-5)
        assert torch.equal(answer.presence, expected.presence)
    assert torch.equal(warped.density(points), field.density(points))
    assert warped.param_groups().keys() == field.param_groups().keys()


def test_rigid_warp_moves_matter_and_multiplies_presence(field: Field, generator: torch.Generator):
    warped = WarpedField(field, Rigid())
    points, dirs = places(200, generator, margin=0.2)
    moved = points[:, [1, 0, 2]] * torch.tensor([-1.0, 1.0, 1.0]) + torch.tensor([0.1, -0.2, 0.3])
    present = torch.where(points[:, 0] < 0.0, 0.5, 1.0)
    out, expected = warped(points, dirs), field(moved, dirs)
    assert torch.allclose(out.log_density, expected.log_density, atol=1e-4)
    assert torch.allclose(out.color, expected.color, atol=1e-4)
    assert torch.equal(out.presence, expected.presence * present)
    with torch.no_grad():
        assert torch.allclose(warped.density(points), present * field.density(moved), rtol=1e-3)


def test_warp_learns_through_the_field(field: Field, generator: torch.Generator):
    warped = WarpedField(field, Rigid())
    out = warped(*places(200, generator))
    (grad,) = torch.autograd.grad(summed(out, generator), warped.param_groups()["warp"])
    assert grad.all()
