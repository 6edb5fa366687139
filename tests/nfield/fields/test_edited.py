import json

import pytest
import torch
from torch.nn.functional import normalize

from nfield.config_json import from_json, to_json
from nfield.encodings.rbf import BasesConfig
from nfield.errors import CheckpointError, OptionError
from nfield.fields import (
    BACKENDS,
    BuildContext,
    CpConfig,
    DenseConfig,
    HashConfig,
    MlpConfig,
    RbfConfig,
    VmConfig,
)
from nfield.fields.edited import EditedConfig, EditedField, Piece, Source, SourceConfig, within, without
from nfield.fields.placement import Placement, Region
from nfield.fields.recolor import Recolor
from nfield.types import Box

BOX = Box.cube(1.0)
SMALL = {
    "hash": HashConfig(levels=4, log2_table_size=10, base_resolution=4, finest_resolution=32),
    "dense": DenseConfig(resolution=12),
    "vm": VmConfig(resolution=16, density_components=8, appearance_components=12),
    "cp": CpConfig(resolution=16, density_components=24, appearance_components=32),
    "mlp": MlpConfig(octaves=4, depth=4, width=32, skip=2),
    "rbf": RbfConfig(
        grid=HashConfig(levels=4, log2_table_size=10, base_resolution=4, finest_resolution=32), bases=BasesConfig(200)
    ),
}
REGION = Region((-0.4, -0.7, -1.0), (0.5, 0.6, 0.3))
ELSEWHERE = Placement.about((0.1, 0.2, 0.0), axis=(0.0, 1.0, 2.0), angle=0.8, scale=1.4, shift=(0.5, -0.3, 0.2))


def source_config(backend: str) -> SourceConfig:
    corner = (-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)
    return SourceConfig(backend, to_json(SMALL[backend]), *corner, *corner, cascades=1, resolution=8)


def source(backend: str, generator: torch.Generator) -> Source:
    """A field with numbers as after some training; its grid is full but for a corner."""
    made = Source(source_config(backend), generator)
    if not made.field.initialised:
        made.field.initialise(source("hash", generator).field, generator=generator)
    with torch.no_grad():
        for parameter in made.field.parameters():
            parameter.add_(0.5 * torch.randn(parameter.shape, generator=generator))
    made.get_buffer("words").fill_(-1)
    made.get_buffer("words")[0, 0, 0, 0] = 0
    return made


def asked(generator: torch.Generator, count: int = 2000) -> tuple[torch.Tensor, torch.Tensor]:
    points = 4.0 * torch.rand(count, 3, generator=generator) - 2.0
    return points, normalize(torch.randn(count, 3, generator=generator), dim=-1)


@pytest.fixture(params=SMALL)
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_backend_is_a_source():
    assert set(SMALL) == set(BACKENDS)


def test_all_of_a_source_is_the_source_where_its_grid_is_full(backend: str, generator: torch.Generator):
    inner = source(backend, generator)
    points, dirs = asked(generator)
    out, expected = EditedField((inner,), (Piece(0),))(points, dirs), inner.field(points, dirs)
    there = inner.occupied(points) & (expected.presence > 0.0)
    assert torch.equal(out.presence > 0.0, there)
    assert torch.allclose(out.log_density[there], expected.log_density[there], atol=1e-4)
    assert torch.allclose(out.color[there], expected.color[there], atol=1e-5)


def test_the_quick_way_is_the_plain_one(backend: str, generator: torch.Generator):
    sources = source(backend, generator), source("dense", generator)
    taken = within(Piece(0), REGION)
    moved = Piece(0, ELSEWHERE, taken.inside, (), (Recolor(REGION, hue=1.0),))
    field = EditedField(sources, (without(Piece(0), REGION), moved, Piece(1, Placement(scale=0.7))))
    points, dirs = asked(generator)
    quick, plain = field.fused(points, dirs), field.compose(points, dirs)
    there = quick.presence > 0.0
    assert 0.1 < float(there.float().mean()) < 0.8
    assert torch.equal(quick.presence, plain.presence)
    assert torch.allclose(quick.log_density[there], plain.log_density[there], atol=1e-4)
    assert torch.allclose(quick.color[there], plain.color[there], atol=1e-4)
    with torch.no_grad():
        log_density, presence = field.density_and_presence(points)
    assert torch.allclose(log_density[there], plain.log_density[there], atol=1e-4)
    assert torch.equal(presence, plain.presence)


def test_gradients_of_both_ways_are_the_same(generator: torch.Generator):
    field = EditedField((source("hash", generator),), (Piece(0, ELSEWHERE, (), (), (Recolor(saturation=0.5),)),))
    points, dirs = asked(generator, 300)
    grads = []
    for ask in (field.fused, field.compose):
        own = points.clone().requires_grad_()
        out = ask(own, dirs)
        total = (out.presence * (out.log_density + out.color.sum(-1))).sum()
        parameters = [parameter for parameter in field.parameters() if parameter.requires_grad]
        grads.append(torch.autograd.grad(total, [own, *parameters]))
    for quick, plain in zip(*grads, strict=True):
        assert torch.allclose(quick, plain, atol=1e-3 * float(plain.abs().max()) + 1e-6)


def test_what_is_placed_elsewhere_is_there_what_it_was(backend: str, generator: torch.Generator):
    inner = source(backend, generator)
    points, dirs = asked(generator)
    points = 0.45 * points
    expected = EditedField((inner,), (Piece(0),))(points, dirs)
    turned = normalize(ELSEWHERE.of(dirs) - ELSEWHERE.of(torch.zeros(1, 3)), dim=-1)
    out = EditedField((inner,), (Piece(0, ELSEWHERE),))(ELSEWHERE.of(points), turned)
    clear = (points.abs().amax(-1) < 0.98) & (points.amin(-1) > -0.4)  # away from faces of the grid
    assert torch.equal(out.presence[clear], expected.presence[clear])
    thinner, clear = torch.tensor(1.4).log(), clear & (expected.presence > 0.0)
    assert clear.sum() > 100
    assert torch.allclose(out.log_density[clear], expected.log_density[clear] - thinner, atol=1e-2)
    assert torch.allclose(out.color[clear], expected.color[clear], atol=1e-3)


def test_two_halves_are_the_whole(generator: torch.Generator):
    inner = source("hash", generator)
    points, dirs = asked(generator)
    whole = EditedField((inner,), (Piece(0),))(points, dirs)
    halves = EditedField((inner,), (within(Piece(0), REGION), without(Piece(0), REGION)))(points, dirs)
    assert torch.allclose(halves.log_density, whole.log_density, atol=1e-4)
    assert torch.allclose(halves.color, whole.color, atol=1e-5)


def test_densities_add_up_and_colours_are_their_mean(generator: torch.Generator):
    sources = source("hash", generator), source("dense", generator)
    points, dirs = asked(generator)
    one, other = (EditedField(sources, (Piece(index),))(points, dirs) for index in (0, 1))
    both = EditedField(sources, (Piece(0), Piece(1)))(points, dirs)
    weights = [out.presence * out.log_density.exp() for out in (one, other)]
    total = weights[0] + weights[1]
    there = total > 0.0
    assert torch.allclose(both.log_density[there].exp(), total[there], rtol=1e-3)
    mean = (weights[0][:, None] * one.color + weights[1][:, None] * other.color) / total[:, None]
    assert torch.allclose(both.color[there], mean[there], atol=1e-4)


def test_options_come_back_from_json():
    piece = Piece(0, ELSEWHERE, (REGION.seen_from(ELSEWHERE),), (REGION,), (Recolor(REGION, only=(0.5, 0.5, 0.0)),))
    config = EditedConfig((source_config("hash"), source_config("dense")), (piece, Piece(1)))
    again = from_json(EditedConfig, json.loads(json.dumps(to_json(config))), where="test")
    assert again == config
    built = again.build(BuildContext(BOX))
    assert {name for name, _ in built.named_children()} == {"sources"}


def test_options_that_fit_nothing_are_refused():
    with pytest.raises(OptionError, match="pieces"):
        EditedConfig((source_config("hash"),), (Piece(1),))
    values = to_json(EditedConfig((source_config("hash"),), (Piece(0),)))
    values["sources"][0]["backend"] = "none"
    with pytest.raises(CheckpointError, match="backend is 'none'"):
        from_json(EditedConfig, values, where="test")
