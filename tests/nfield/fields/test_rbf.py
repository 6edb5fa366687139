"""The field rbf: its base until it is placed, density only where wanted, kernels where matter is, equal sizes."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from nfield.encodings.rbf import BasesConfig
from nfield.fields import BuildContext, DenseConfig, Field, HashConfig, RbfConfig, RbfField, VmConfig
from nfield.fields.dense import DenseField
from nfield.fields.hashgrid import HashField
from nfield.fields.salient_points import salient_points
from nfield.fields.unlit import UnlitField
from nfield.fields.vm import VmField
from nfield.types import Box, Latent, Level

BOX = Box(torch.tensor([-1.0, -1.0, -1.0]), torch.tensor([1.0, 2.0, 1.0]))
GRID = HashConfig(levels=4, log2_table_size=10, base_resolution=4, finest_resolution=32, hidden=32)
CONFIG = RbfConfig(
    GRID,
    BasesConfig(150, features=16, neighbours=5, normalize=False, alpha=0.3),
    vm=VmConfig(resolution=24, density_components=4, appearance_components=6, hidden=32),
    dense=DenseConfig(resolution=12),
)
BASES = {name: replace(CONFIG, base=name) for name in ("hash", "vm", "dense")}


class Ball(Field):
    """Matter within 0.5 of the origin, whose appearance changes only where x is positive."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_dim, self.levels, self.log_density_range = 3, frozenset(Level), (-20.0, 10.0)

    def encode(self, points: Tensor) -> Latent:
        density = torch.where(points.norm(dim=-1) < 0.5, 6.0, -20.0)
        wave = torch.where(points[:, 0] > 0.0, torch.sin(30.0 * points[:, 1]), 0.0)
        return Latent(torch.stack([density, wave, -wave], -1), torch.ones(len(points)))

    def density_head(self, feature: Tensor) -> Tensor:
        return feature[:, 0]

    def color_head(self, feature: Tensor, dirs: Tensor) -> Tensor:
        return dirs.abs()

    def param_groups(self) -> dict[str, list[torch.nn.Parameter]]:
        return {}


@pytest.fixture(params=BASES)
def config(request: pytest.FixtureRequest) -> RbfConfig:
    return BASES[request.param]


@pytest.fixture
def field(config: RbfConfig, generator: torch.Generator) -> RbfField:
    built = config.build(BuildContext(BOX, generator, Ball()))
    assert isinstance(built.base, {"hash": HashField, "vm": VmField, "dense": DenseField}[config.base])
    return built


def places(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    dirs = torch.randn(300, 3, generator=generator)
    return torch.rand(300, 3, generator=generator) - 0.5, torch.nn.functional.normalize(dirs, dim=-1)


def test_points_lie_where_matter_changes_its_looks(generator: torch.Generator):
    points, weights = salient_points(Ball(), BOX, 5000, least=10, generator=generator)
    chosen = points[weights > 0.0]
    assert len(chosen) > 500
    assert float(chosen.norm(dim=-1).max()) < 0.5
    assert float(chosen[:, 0].min()) > -0.01
    assert ((points >= BOX.low) & (points <= BOX.high)).all()


def test_kernels_lie_where_matter_changes_its_looks(field: RbfField):
    centers = field.bases.centers + BOX.low
    assert field.initialised
    assert float(centers.norm(dim=-1).max()) < 0.5
    assert float(centers[:, 0].min()) > -0.01


def test_an_empty_source_spreads_kernels_over_the_box(generator: torch.Generator):
    empty = HashConfig(levels=2, log2_table_size=6, base_resolution=2, finest_resolution=4).build(BuildContext(BOX))
    with torch.no_grad():
        empty.density_net.last.zero_()
    field = CONFIG.build(BuildContext(BOX, generator, empty))
    centers = field.bases.centers
    assert ((centers >= 0.0) & (centers <= BOX.size)).all()
    assert float(centers.std(0).min()) > 0.3


@pytest.mark.parametrize("density", [False, True])
def test_before_it_is_placed_it_is_its_base(config: RbfConfig, density: bool, generator: torch.Generator):
    field = replace(config, density=density).build(BuildContext(BOX, generator))
    points, dirs = places(generator)
    out, base = field(points, dirs), field.base(points, dirs)
    assert not field.initialised
    assert torch.equal(out.color, base.color)
    assert torch.equal(out.log_density, base.log_density)


def test_bases_change_colours_and_never_density(field: RbfField, generator: torch.Generator):
    with torch.no_grad():
        field.bases.features.add_(torch.randn(field.bases.features.shape, generator=generator))
        points, dirs = places(generator)
        out, base = field(points, dirs), field.base(points, dirs)
    assert torch.allclose(out.log_density, base.log_density, atol=1e-5)
    assert float((out.color - base.color).abs().max()) > 1e-3
    latent, plain = field.encode(points), field.base.encode(points)
    added = field.bases(BOX.unit_from_world(points)) @ field.mixing.T
    assert torch.allclose(latent.feature[:, 1:], plain.feature[:, 1:] + added, atol=1e-5)


def test_bases_that_may_change_the_density_do(config: RbfConfig, generator: torch.Generator):
    field = replace(config, density=True).build(BuildContext(BOX, generator, Ball()))
    points, dirs = places(generator)
    with torch.no_grad():
        field.bases.features.add_(torch.randn(field.bases.features.shape, generator=generator))
        plain, added = field.base.encode(points).feature, field.bases(BOX.unit_from_world(points)) @ field.mixing.T
        expected = (plain + added)[:, 0].clamp(*field.log_density_range)
        out, base, (alone, _) = field(points, dirs), field.base(points, dirs), field.density_and_presence(points)
    torch.testing.assert_close(out.log_density, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(alone, expected, atol=1e-5, rtol=1e-5)
    assert float((out.log_density - base.log_density).abs().max()) > 1e-3


def test_everything_that_is_trained_gets_a_gradient_and_a_rate(
    field: RbfField, config: RbfConfig, generator: torch.Generator
):
    with torch.no_grad():
        field.bases.features.add_(torch.randn(field.bases.features.shape, generator=generator))
    out = field(*places(generator))
    (out.color.sum() + out.log_density.sum()).backward()
    groups = field.param_groups()
    assert {id(p) for group in groups.values() for p in group} == {id(p) for p in field.parameters()}
    assert all(p.grad is not None and bool(p.grad.any()) for p in field.parameters())
    assert set(config.learning().rates) >= set(groups)


def test_a_dense_base_takes_another_fields_answers_over(generator: torch.Generator):
    field = BASES["dense"].build(BuildContext(BOX, generator, Ball()))

    def answer(points: Tensor, dirs: Tensor) -> tuple[Tensor, Tensor]:
        return torch.full((len(points),), 3.0), torch.full((len(points), 3), 0.25)

    assert field.imitate(answer, floor=0.0)
    out = field(*places(generator))
    torch.testing.assert_close(out.color, torch.full((300, 3), 0.25), atol=1e-3, rtol=0)


def test_placing_changes_almost_nothing_at_first(config: RbfConfig, generator: torch.Generator):
    # Features begin tiny, so a training does not notice the event.
    field = config.build(BuildContext(BOX, generator))
    field.bases.features.data.mul_(1e-2)
    points, dirs = places(generator)
    before = field(points, dirs).color.detach()
    field.initialise(Ball(), generator=generator)
    assert torch.allclose(field(points, dirs).color, before, atol=1e-4)


@pytest.mark.parametrize(
    "reference", [HashConfig(levels=12, finest_resolution=512), HashConfig(log2_table_size=18), GRID]
)
def test_it_is_as_large_as_the_hash_field(reference: HashConfig):
    config = RbfConfig.as_large_as(reference)
    numbers = [
        sum(value.numel() for name, value in built.state_dict().items() if name.split(".")[-1] not in _NOT_COUNTED)
        for built in (reference.build(BuildContext(BOX)), config.build(BuildContext(BOX)))
    ]
    assert 0 <= numbers[0] - numbers[1] < 25  # less than one kernel
    assert config.grid == replace(reference, levels=reference.levels - 1)


@pytest.mark.parametrize("minutes", [3.0, 6.0, 60.0])
def test_planes_and_grids_make_room_for_the_kernels(minutes: float):
    """A field of the same budget without kernels is the larger one, by less than twentieth."""
    config = RbfConfig.for_budget(minutes)
    kernels = config.bases.count * (config.bases.features + 9)
    for ours, whole in ((config.vm, VmConfig.for_budget(minutes)), (config.dense, DenseConfig())):
        mixing = (ours.build(BuildContext(BOX)).feature_dim - 1) * config.bases.features
        numbers = [sum(p.numel() for p in built.build(BuildContext(BOX)).parameters()) for built in (ours, whole)]
        assert 0 <= numbers[1] - numbers[0] - kernels - mixing < 0.05 * numbers[1]


_NOT_COUNTED = ("low", "high", "extent", "placed")


def test_an_unlit_field_is_placed_through_its_wrapper(generator: torch.Generator):
    inner = CONFIG.build(BuildContext(BOX, generator))
    field = UnlitField(inner)
    assert not field.initialised
    field.initialise(Ball(), generator=generator)
    assert field.initialised
    assert inner.initialised
