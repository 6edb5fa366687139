"""The backends' reference sizes against PVD's parameter counts, and options that make no field."""

from collections.abc import Callable

import pytest
import torch

from nfield.errors import OptionError
from nfield.fields import BuildContext, CpConfig, DenseConfig, Field, FieldConfig, HashConfig, MlpConfig, VmConfig
from nfield.types import Box


def built(config: FieldConfig) -> Field:
    return config.build(BuildContext(Box.cube(1.0), torch.Generator().manual_seed(0)))


def parameters(field: torch.nn.Module) -> int:
    return sum(p.numel() for p in field.parameters())


@pytest.mark.parametrize(
    ("config", "count"),
    [(MlpConfig.reference(), 443_548), (VmConfig.reference(), 17_346_032), (DenseConfig.reference(), 58_720_256)],
)
def test_reference_presets_have_the_published_number_of_parameters(config: FieldConfig, count: int):
    assert parameters(built(config)) == count


def test_parts_of_the_reference_network_have_their_published_sizes():
    field = built(MlpConfig.reference())
    sizes = {name: parameters(part) for name, part in field.decoders().items()}
    assert sizes == {"density": 2_816, "color": 6_272}
    assert parameters(field) - sum(sizes.values()) == 434_460


def test_networks_of_default_backends_have_equal_shapes():
    shapes = {
        name: {role: [p.shape for p in part.parameters()] for role, part in built(config).decoders().items()}
        for name, config in (
            *(("hash", HashConfig()), ("mlp", MlpConfig())),
            *(("vm", VmConfig(resolution=8)), ("cp", CpConfig(resolution=8))),
        )
    }
    assert shapes["hash"] == shapes["mlp"]
    assert shapes["vm"] == shapes["cp"] == {"color": shapes["hash"]["color"]}


def test_density_alone_is_the_first_entry_of_the_whole_feature():
    for config in (VmConfig(resolution=8), CpConfig(resolution=8), DenseConfig(resolution=8)):
        field, points = built(config), torch.rand(100, 3, generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0
        few, whole = field.encode_for_density(points), field.encode(points)
        assert few.feature.shape == (100, 1)
        assert torch.equal(few.feature[:, 0], whole.feature[:, 0])
        assert torch.equal(few.presence, whole.presence)


def test_empty_factors_are_as_dense_as_the_options_say():
    field = built(VmConfig(resolution=8, empty=-4.0))
    with torch.no_grad():
        for parameter in field.sparse():
            parameter.zero_()
    assert torch.allclose(field.log_density(field.encode(torch.zeros(3, 3))), torch.full((3,), -4.0))


def test_a_skip_beyond_the_last_layer_is_refused():
    with pytest.raises(OptionError, match="skip: is 5, expected less than depth, 5"):
        MlpConfig(depth=5, skip=5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VmConfig(resolution=1), "resolution: is 1, expected at least 2"),
        (lambda: VmConfig(density_components=0), "density_components: is 0, expected at least 1"),
        (lambda: DenseConfig(resolution=-3), "resolution: is -3, expected at least 2"),
        (lambda: MlpConfig(width=0), "width: is 0, expected at least 1"),
        (lambda: MlpConfig(octaves=-1), "octaves: is -1, expected at least 0"),
    ],
)
def test_options_that_make_no_field_are_refused(make: Callable[[], FieldConfig], message: str):
    with pytest.raises(OptionError, match=message):
        make()
