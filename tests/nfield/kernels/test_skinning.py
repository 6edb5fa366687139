"""Inverse skinning: closed forms, and the native op against its twin in double precision."""

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from nfield.kernels.nearest import NearestCenters, nearest_reference
from nfield.kernels.skinning import (
    SkinnedVertices,
    SkinningRule,
    Unskinned,
    inverse_skinning,
    inverse_skinning_reference,
)

RULE = SkinningRule(spread=0.05, apart=0.4, reach=0.3, inner=0.05, outer=0.2, spacing=0.02, core=(0.01, 0.06))


def crumpled(generator: torch.Generator, count: int = 300) -> SkinnedVertices:
    """Vertices of a ball, each with a map and a normal of its own, some of them without an inside."""
    rest = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)
    linear = torch.eye(3) + 0.2 * torch.randn(count, 3, 3, generator=generator)
    shift = 0.1 * torch.randn(count, 3, 1, generator=generator)
    posed = rest + 0.03 * torch.randn(count, 3, generator=generator)
    normals = torch.nn.functional.normalize(posed + 0.3 * torch.randn(count, 3, generator=generator), dim=-1)
    sided = (torch.rand(count, generator=generator) < 0.8).float()
    lift = 0.1 * torch.rand(count, generator=generator)
    return SkinnedVertices(posed, rest, torch.cat([linear, shift], -1), normals, sided, lift)


def without(vertices: SkinnedVertices, *names: str) -> SkinnedVertices:
    return dataclasses.replace(vertices, **dict.fromkeys(names))


def in_double(vertices: SkinnedVertices) -> SkinnedVertices:
    values = {name: None if t is None else t.double() for name, t in vars(vertices).items()}
    return SkinnedVertices(**values)


def around(generator: torch.Generator, count: int = 2000) -> Tensor:
    """Points inside, on, beside and far from the ball."""
    direction = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)
    return direction * (0.6 + torch.rand(count, 1, generator=generator))


def on_twin(points: Tensor, vertices: SkinnedVertices, rule: SkinningRule, count: int) -> Unskinned:
    """By every distance, in double precision."""
    wide = in_double(vertices)
    near = nearest_reference(points.double(), wide.posed, count, within=rule.reach)
    return inverse_skinning_reference(points.double(), *near, wide, rule)


@pytest.mark.parametrize("count", [1, 4, 8])
@pytest.mark.parametrize("missing", [(), ("sided",), ("lift",), ("normals", "sided", "lift")])
@pytest.mark.parametrize("core", [RULE.core, None])
@pytest.mark.usefixtures("build")
def test_every_native_build_equals_the_twin(
    count: int, missing: tuple[str, ...], core: tuple[float, float] | None, generator: torch.Generator
):
    vertices, points = without(crumpled(generator), *missing), around(generator)
    rule = dataclasses.replace(RULE, core=core)
    near = NearestCenters(vertices.posed).query(points, count, within=rule.reach)
    found, expected = inverse_skinning(points, *near, vertices, rule), on_twin(points, vertices, rule, count)
    torch.testing.assert_close(found.points.double(), expected.points, atol=2e-5, rtol=0)
    torch.testing.assert_close(found.presence.double(), expected.presence, atol=2e-4, rtol=0)
    torch.testing.assert_close(found.core.double(), expected.core, atol=5e-4, rtol=0)
    assert 0.2 < float((expected.presence > 0).double().mean()) < 1.0
    assert bool(expected.core.any()) == (core is not None and "normals" not in missing)


@pytest.mark.usefixtures("build")
def test_points_by_one_vertex_follow_its_map(generator: torch.Generator):
    angle = 0.7
    turn = torch.tensor([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1.0]])
    place = torch.tensor([[0.3, 0.2, 0.1]])
    back = torch.cat([turn, torch.tensor([[0.1], [0.2], [0.3]])], -1)[None]
    vertices = SkinnedVertices(place, place @ turn.T + back[:, :, 3], back)
    points = place + 0.02 * torch.randn(50, 3, generator=generator)
    near = NearestCenters(place).query(points, 1)
    found = inverse_skinning(points, *near, vertices, RULE)
    torch.testing.assert_close(found.points, points @ turn.T + back[0, :, 3], atol=1e-6, rtol=0)


@pytest.mark.usefixtures("build")
def test_points_out_of_reach_stay_and_are_absent(generator: torch.Generator):
    points = 5.0 + around(generator, 40)
    vertices = crumpled(generator)
    near = NearestCenters(vertices.posed).query(points, 4, within=RULE.reach)
    found = inverse_skinning(points, *near, vertices, RULE)
    assert torch.equal(found.points, points)
    assert not found.presence.any()
    assert not found.core.any()


@pytest.mark.usefixtures("native")
def test_vertices_of_another_limb_do_not_pull():
    """Two vertices that touch in the pose and lie apart at rest: a point follows the nearer one alone."""
    posed = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.01, 0.0]])
    rest = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    back = torch.cat([torch.eye(3).expand(2, 3, 3), (rest - posed)[:, :, None]], -1).contiguous()
    points = torch.tensor([[0.0, 0.004, 0.0], [0.0, 0.006, 0.0]])
    near = NearestCenters(posed).query(points, 2)
    found = inverse_skinning(points, *near, SkinnedVertices(posed, rest, back), RULE)
    expected = torch.tensor([[0.0, 0.004, 0.0], [1.0, -0.004, 0.0]])
    torch.testing.assert_close(found.points, expected, atol=1e-6, rtol=0)


@pytest.mark.usefixtures("build")
def test_one_crumpled_vertex_makes_no_matter_far_above_it():
    """Three vertices that look up and one that looks sideways: above all of them is air, below them is not."""
    posed = torch.tensor([[0.0, 0.0, 0.0], [0.01, 0.0, 0.0], [0.0, 0.01, 0.0], [0.01, 0.01, 0.0]])
    up, aside = [0.0, 0.0, 1.0], [0.6, 0.0, -0.8]
    back = torch.cat([torch.eye(3), torch.zeros(3, 1)], -1).expand(4, 3, 4).contiguous()
    vertices = SkinnedVertices(posed, posed, back, torch.tensor([up, up, up, aside]))
    points = torch.tensor([[0.0, 0.0, 0.22], [0.005, 0.005, 0.25], [0.0, 0.0, 0.04], [0.0, 0.0, -0.1]])
    near = NearestCenters(posed).query(points, 4, within=RULE.reach)
    found = inverse_skinning(points, *near, vertices, RULE)
    assert found.presence.tolist() == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.usefixtures("build")
def test_behind_a_sheet_without_an_inside_is_air():
    """Deep below a patch that looks up: matter, unless the patch has no inside."""
    posed = torch.tensor([[0.0, 0.0, 0.0], [0.01, 0.0, 0.0], [0.0, 0.01, 0.0], [0.01, 0.01, 0.0]])
    normals = torch.tensor([0.0, 0.0, 1.0]).expand(4, 3).contiguous()
    back = torch.cat([torch.eye(3), torch.zeros(3, 1)], -1).expand(4, 3, 4).contiguous()
    points = torch.tensor([[0.0, 0.0, -0.02], [0.0, 0.0, -0.05], [0.0, 0.0, -0.25]])
    near = NearestCenters(posed).query(points, 4, within=RULE.reach)
    present = [
        inverse_skinning(points, *near, SkinnedVertices(posed, posed, back, normals, sided), RULE).presence.tolist()
        for sided in (torch.ones(4), torch.zeros(4))
    ]
    assert present == [[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]


@pytest.mark.usefixtures("native")
def test_no_points_give_no_points(generator: torch.Generator):
    vertices = crumpled(generator)
    near = NearestCenters(vertices.posed).query(torch.zeros(0, 3), 4)
    found = inverse_skinning(torch.zeros(0, 3), *near, vertices, RULE)
    assert found.points.shape == (0, 3)
    assert found.presence.shape == found.core.shape == (0,)
