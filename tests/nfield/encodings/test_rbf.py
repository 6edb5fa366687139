"""Adaptive bases as an encoding: against the formula, before and after placing, and their index."""

from dataclasses import replace

import torch

from nfield.encodings.initial_centers import ellipses
from nfield.encodings.rbf import AdaptiveBases, BasesConfig
from nfield.kernels.nearest import nearest_reference

CONFIG = BasesConfig(30, features=16, neighbours=3, frequencies=(0.5, 8.0), initial=1.0)
EXTENT = torch.tensor([4.0, 2.0])


def placed(config: BasesConfig, generator: torch.Generator) -> AdaptiveBases:
    bases = AdaptiveBases(config, EXTENT, generator=generator)
    points = torch.rand(500, 2, generator=generator) * EXTENT
    bases.initialise(points[: config.count], points, torch.rand(500, generator=generator), narrowest=0.01)
    return bases


def test_features_are_those_of_the_formula(generator: torch.Generator):
    bases, unit = placed(CONFIG, generator), torch.rand(50, 2, generator=generator)
    points = unit * EXTENT
    near, _ = nearest_reference(points, bases.centers, 3)
    matrices = bases.kernel.matrix(bases.shapes, 2)
    for point, numbers, found in zip(points, near, bases(unit), strict=True):
        d = [point - bases.centers[i] for i in numbers]
        phi = torch.stack([1.0 / (1.0 + v @ matrices[i] @ v) for v, i in zip(d, numbers, strict=True)])
        phi = phi / phi.sum()
        sines = torch.sin(phi[:, None] * bases.get_buffer("frequencies"))
        expected = sum(s * bases.features[i] for s, i in zip(sines, numbers, strict=True))
        assert torch.allclose(found, expected, atol=1e-5)


def test_features_are_zero_until_the_kernels_have_places(generator: torch.Generator):
    bases = AdaptiveBases(CONFIG, EXTENT, generator=generator)
    assert not bases(torch.rand(7, 2, generator=generator)).any()


def test_prepared_points_give_the_same_features(generator: torch.Generator):
    bases, unit = placed(CONFIG, generator), torch.rand(200, 2, generator=generator)
    kept = bases.nearby(unit, keep=True)
    assert torch.equal(bases.mix(kept), bases(unit))
    rows = torch.randperm(200, generator=generator)[:20]
    assert torch.equal(bases.mix(kept[rows]), bases(unit)[rows])


def test_the_index_follows_the_centers(generator: torch.Generator):
    bases, unit = placed(CONFIG, generator), torch.rand(20, 2, generator=generator)
    before, state = bases(unit), {name: value.clone() for name, value in bases.state_dict().items()}
    bases.initialise(torch.rand(30, 2) * EXTENT, torch.rand(90, 2) * EXTENT, torch.ones(90), narrowest=0.01)
    assert not torch.allclose(bases(unit), before)
    bases.load_state_dict(state)
    assert torch.equal(bases(unit), before)
    assert bases.double()(unit.double()).dtype == torch.float64


def test_fewer_kernels_than_neighbours_are_all_taken(generator: torch.Generator):
    bases = placed(BasesConfig(2, features=16, neighbours=4), generator)
    assert bases.nearby(torch.rand(5, 2)).neighbours.shape == (5, 2)


def test_isotropic_kernels_are_round_and_as_wide_in_the_mean(generator: torch.Generator):
    points = torch.randn(4000, 2, generator=generator) * torch.tensor([0.2, 0.05]) + EXTENT / 2
    config = replace(CONFIG, count=1, neighbours=1, isotropic=True)
    bases = AdaptiveBases(config, EXTENT, generator=generator)
    bases.initialise((EXTENT / 2)[None], points, torch.ones(4000), narrowest=0.01)
    half, _ = ellipses(bases.shapes, bases.kernel, 2)
    expected = ((0.2**2 + 0.05**2) / 2 / config.alpha) ** 0.5
    assert torch.allclose(half.float(), torch.full((1, 2), expected), rtol=0.05)
