"""The warp that ends close outside a surface."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import named_pose
from avatars.posed.warp import InverseSkinning, SkinningConfig
from nfield.config_json import from_json, to_json
from nfield.fields import BuildContext, HashConfig, WarpedField
from nfield.kernels.skinning import fall_off
from nfield.types import Box
from tests.avatars.surface.shapes import sphere

_CLOSE = SkinningConfig.close()


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


@pytest.fixture(scope="module")
def ball():
    return _still(*sphere(0.3, rounds=5))


def _still(vertices: Tensor, faces: Tensor, config: SkinningConfig = _CLOSE) -> InverseSkinning:
    """The warp of a surface that does not move."""
    return InverseSkinning.of_surface(vertices, faces, torch.eye(3, 4).repeat(len(vertices), 1, 1), config)


def _directions(count: int, generator: torch.Generator) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)


def _sheet(height: float, *, upwards: bool, count: int = 31, half: float = 0.12) -> tuple[Tensor, Tensor]:
    """A square across the z axis whose outside looks up or down."""
    axis = torch.linspace(-half, half, count)
    place = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    number = torch.arange(count * count).reshape(count, count)
    a, b, c, d = number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]
    faces = torch.cat([torch.stack([a, b, c], -1).reshape(-1, 3), torch.stack([a, c, d], -1).reshape(-1, 3)])
    return torch.cat([place, torch.full((len(place), 1), height)], -1), faces if upwards else faces.flip(-1)


def _two_sheets(apart: float) -> tuple[Tensor, Tensor]:
    """What lies below z = 0 touches what lies above it: their outsides look at each other."""
    below, above = _sheet(0.0, upwards=True), _sheet(apart, upwards=False)
    return torch.cat([below[0], above[0]]), torch.cat([below[1], above[1] + len(below[0])])


def test_inside_is_present_down_to_the_depth(ball: InverseSkinning, generator: torch.Generator):
    depth = 0.025 * torch.rand(500, generator=generator)
    _, presence, _ = ball.to_canonical((0.3 - depth)[:, None] * _directions(500, generator))
    assert (presence == 1.0).all()
    _, deeper, _ = ball.to_canonical((0.3 - 0.035) * _directions(200, generator))
    assert (deeper == 0.0).all()


def test_outside_presence_falls_with_the_height(ball: InverseSkinning, generator: torch.Generator):
    height = 0.014 * torch.rand(500, generator=generator)
    _, presence, _ = ball.to_canonical((0.3 + height)[:, None] * _directions(500, generator))
    expected = fall_off(height, 0.004, 0.009)
    assert (presence - expected).abs().max() < 0.17  # Half a millimetre of five.
    assert (presence[height < 0.003] == 1.0).all()
    assert presence[height > 0.0075].max() < 0.35


def test_beyond_the_outer_margin_nothing_is_present(ball: InverseSkinning, generator: torch.Generator):
    for height in (0.016, 0.02, 0.05, 1.0):
        points = (0.3 + height) * _directions(200, generator)
        moved, presence, _ = ball.to_canonical(points)
        assert (presence == 0.0).all()
        assert torch.isfinite(moved).all()


def test_a_surface_that_does_not_move_moves_nothing(ball: InverseSkinning, generator: torch.Generator):
    points = (0.29 + 0.02 * torch.rand(300, 1, generator=generator)) * _directions(300, generator)
    moved, _, _ = ball.to_canonical(points)
    assert (moved - points).norm(dim=-1).max() < 1e-5


@pytest.mark.parametrize(("apart", "depth"), [(0.0, 0.0085), (0.002, 0.025), (0.008, 0.025)])
def test_between_two_sheets_that_touch_there_is_no_seam(apart: float, depth: float, generator: torch.Generator):
    """From deep in one to deep in the other, through the crack.

    Where the sheets lie in one place, each vertex of the one contradicts one of the other. Deeper than the surface
    reaches outwards nothing is then believed, as above a crumpled seam: no light gets there.
    """
    warp = _still(*_two_sheets(apart))
    points = 0.2 * torch.rand(600, 3, generator=generator) - 0.1
    points[:, 2] = torch.linspace(-depth, apart + depth, 600)
    _, presence, _ = warp.to_canonical(points)
    assert (presence == 1.0).all()


def test_between_limbs_that_touch_in_a_pose_only_there_is_no_seam_either(generator: torch.Generator):
    """The upper sheet comes from elsewhere: each point follows one sheet alone."""
    vertices, faces = _two_sheets(0.001)
    affine = torch.eye(3, 4).repeat(len(vertices), 1, 1)
    affine[len(vertices) // 2 :, 0, 3] = 1.0
    warp = InverseSkinning.of_surface(vertices, faces, affine, _CLOSE)
    points = 0.2 * torch.rand(600, 3, generator=generator) - 0.1
    points[:, 2] = torch.linspace(-0.025, 0.026, 600)
    moved, presence, _ = warp.to_canonical(points)
    assert (presence == 1.0).all()
    shift = (moved - points)[:, 0]
    torch.testing.assert_close(shift[points[:, 2] < -0.002], torch.zeros(int((points[:, 2] < -0.002).sum())))
    torch.testing.assert_close(shift[points[:, 2] > 0.003], -torch.ones(int((points[:, 2] > 0.003).sum())))
    assert ((shift.abs() < 1e-4) | ((shift + 1.0).abs() < 1e-4)).all()


def test_sheets_that_are_apart_leave_the_room_between_them_empty():
    warp = _still(*_two_sheets(0.06))
    points = torch.zeros(5, 3)
    points[:, 2] = torch.tensor([0.0, 0.02, 0.03, 0.04, 0.06])
    _, presence, _ = warp.to_canonical(points)
    assert presence.tolist() == [1.0, 0.0, 0.0, 0.0, 1.0]


def test_beside_a_border_the_surface_does_not_go_on():
    """In the plane of a sheet that ends at 0.12: there the height is 0 for ever, but the distance is not."""
    warp = _still(*_sheet(0.0, upwards=True))
    points = torch.zeros(4, 3)
    points[:, 0] = torch.tensor([0.0, 0.119, 0.145, 0.2])
    _, presence, _ = warp.to_canonical(points)
    assert presence.tolist() == [1.0, 1.0, 0.0, 0.0]


def test_vertices_of_no_triangle_do_not_count():
    vertices, faces = sphere(0.3, rounds=4)
    loose = torch.cat([vertices, torch.tensor([[0.0, 0.6, 0.0]])])
    affine = torch.eye(3, 4).repeat(len(loose), 1, 1)
    affine[-1, :, 3] = 5.0
    warp = InverseSkinning.of_surface(loose, faces, affine, _CLOSE)
    _, presence, _ = warp.to_canonical(torch.tensor([[0.0, 0.6, 0.0], [0.0, 0.299, 0.0]]))
    assert presence.tolist() == [0.0, 1.0]


def test_refinement_fills_the_middle_of_large_triangles():
    """A triangle of 24 cm: its middle is near no vertex of its own until it is divided."""
    vertices, faces = _sheet(0.0, upwards=True, count=2)
    middle = torch.tensor([[0.04, -0.04, 0.001]])
    for rounds, expected in ((0, 0.0), (5, 1.0)):
        config = SkinningConfig(spread=0.006, inner=0.005, outer=0.015, depth=0.03, refinement=rounds)
        assert _still(vertices, faces, config).to_canonical(middle).presence.tolist() == [expected]


def _posed(model: BodyModel, rotations: Tensor, config: SkinningConfig = _CLOSE):
    body = model.pose(BodyPose(rotations, torch.tensor([0.1, -0.3, 2.5]), torch.zeros(10)))
    return body, InverseSkinning.of_surface(body.vertices, model.faces, body.posed_from_rest, config)


@pytest.mark.parametrize("seed", range(3))
def test_the_surface_returns_to_rest_from_random_poses(model: BodyModel, seed: int):
    rotations = 0.4 * torch.randn(24, 3, generator=torch.Generator().manual_seed(seed))
    body, warp = _posed(model, rotations)
    used = model.faces.unique()
    moved, presence, _ = warp.to_canonical(body.vertices[used])
    assert (presence == 1.0).all()
    error = (moved - model.template[used]).norm(dim=-1)
    assert error.median() < 1e-3
    assert error.quantile(0.95) < 5e-3


def test_vertices_alone_return_exactly(model: BodyModel):
    config = SkinningConfig(neighbours=1, inner=0.005, outer=0.015, depth=0.03, refinement=1)
    body, warp = _posed(model, named_pose("sit"), config)
    moved, _, _ = warp.to_canonical(body.vertices)
    error = (moved - model.template).norm(dim=-1)
    assert error.quantile(0.999) < 1e-3  # A few vertices lie on top of others of another limb.


def test_middles_of_triangles_return_to_the_middles_of_their_edges_at_rest(
    model: BodyModel, generator: torch.Generator
):
    """Points on the surface between vertices, where the surface at rest is as flat."""
    body, warp = _posed(model, named_pose("walk"))
    chosen = model.faces[torch.randint(len(model.faces), (500,), generator=generator)]
    moved, presence, _ = warp.to_canonical(body.vertices[chosen].mean(1))
    assert (presence == 1.0).all()
    error = (moved - model.template[chosen].mean(1)).norm(dim=-1)
    assert error.median() < 1e-3
    assert error.quantile(0.95) < 6e-3


@pytest.mark.parametrize("angle", [2.0, math.pi])
def test_extreme_poses_stay_finite_and_keep_their_surface(model: BodyModel, angle: float, generator: torch.Generator):
    """Elbows and knees folded as far as they go, and farther."""
    rotations = torch.zeros(24, 3)
    rotations[[4, 5, 18, 19], 0] = angle
    rotations[[16, 17], 2] = angle
    body, warp = _posed(model, rotations)
    near = body.vertices + 0.02 * torch.randn(len(body.vertices), 3, generator=generator)
    moved, presence, _ = warp.to_canonical(torch.cat([body.vertices, near]))
    assert torch.isfinite(moved).all()
    assert ((presence >= 0.0) & (presence <= 1.0)).all()
    assert (presence[: len(body.vertices)] == 1.0).float().mean() > 0.999


def test_without_a_depth_a_surfaces_warp_is_that_of_its_vertices(model: BodyModel, generator: torch.Generator):
    """Distances then count from the vertices in both directions, as before there were normals."""
    body, warp = _posed(model, named_pose("walk"), SkinningConfig())
    former = InverseSkinning(body.vertices[model.faces.unique()], body.posed_from_rest[model.faces.unique()])
    points = body.vertices[::7] + 0.05 * torch.randn(len(body.vertices[::7]), 3, generator=generator)
    found, expected = warp.to_canonical(points), former.to_canonical(points)
    assert torch.equal(found.points, expected.points)
    assert torch.equal(found.presence, expected.presence)
    assert found.core is None
    assert expected.core is None
    distance = torch.cdist(points, body.vertices[model.faces.unique()]).amin(-1)
    torch.testing.assert_close(found.presence, fall_off(distance, 0.03, 0.065), atol=2e-3, rtol=0)


def test_older_options_mean_what_they_meant():
    old = {
        name: value for name, value in to_json(SkinningConfig()).items() if name not in ("depth", "core", "refinement")
    }
    assert from_json(SkinningConfig, old, where="test") == SkinningConfig()
    assert (SkinningConfig().depth, SkinningConfig().refinement) == (None, 0)
    assert from_json(SkinningConfig, to_json(_CLOSE), where="test") == _CLOSE


def test_the_reach_is_the_farthest_that_anything_is_present(ball: InverseSkinning, generator: torch.Generator):
    assert SkinningConfig().reach == SkinningConfig().outer
    assert _CLOSE.reach >= max(_CLOSE.outer, _CLOSE.depth or 0.0)
    points = (0.25 + 0.1 * torch.rand(3000, 1, generator=generator)) * _directions(3000, generator)
    _, presence, _ = ball.to_canonical(points)
    vertices, _ = sphere(0.3, rounds=6)
    nearest = torch.cdist(points[presence > 0.0], vertices).amin(-1)
    assert nearest.max() <= _CLOSE.reach + 5e-4


def test_no_points_give_no_points(ball: InverseSkinning):
    moved, presence, _ = ball.to_canonical(torch.zeros(0, 3))
    assert moved.shape == (0, 3)
    assert presence.shape == (0,)


def test_what_lies_below_the_surface_is_solid(ball: InverseSkinning, generator: torch.Generator):
    below = 0.0035 + 0.0085 * torch.rand(500, generator=generator)
    core = ball.to_canonical((0.3 - below)[:, None] * _directions(500, generator)).core
    assert core is not None
    assert (core > 0.999).all()
    above = ball.to_canonical(
        (0.3 + 0.006 * torch.rand(500, 1, generator=generator)) * _directions(500, generator)
    ).core
    assert above is not None
    assert (above == 0.0).all()


def test_free_cloth_is_solid_in_its_middle_and_nothing_is_beyond_its_border(generator: torch.Generator):
    below, above = _sheet(0.0, upwards=False), _sheet(0.01, upwards=True)
    vertices, faces = torch.cat([below[0], above[0]]), torch.cat([below[1], above[1] + len(below[0])])
    cloth = _still(vertices, faces)
    flat = 0.2 * torch.rand(300, 2, generator=generator) - 0.1
    core = cloth.to_canonical(torch.cat([flat, torch.full((300, 1), 0.005)], -1)).core
    assert core is not None
    assert (core > 0.999).all()
    beyond = torch.tensor([[0.12 + way, 0.0, 0.005] for way in (0.014, 0.02, 0.028)])
    outside = cloth.to_canonical(beyond).core
    assert outside is not None
    assert (outside == 0.0).all()


def test_an_empty_field_is_opaque_below_the_surface_and_nowhere_else(ball: InverseSkinning):
    box = Box(torch.full((3,), -0.5), torch.full((3,), 0.5))
    field = HashConfig(levels=2, log2_table_size=8).build(BuildContext(box, torch.Generator().manual_seed(0)))
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.zero_()
    shown = WarpedField(field, ball)
    points, dirs = torch.tensor([[0.0, 0.295, 0.0], [0.0, 0.303, 0.0]]), torch.tensor([[0.0, 1.0, 0.0]] * 2)
    with torch.no_grad():
        alone, _ = shown.density_and_presence(points)
        answers = (shown(points, dirs).log_density, shown.compose(points, dirs).log_density, alone)
        own = float(field(points, dirs).log_density[1])
    for density in answers:
        assert float(density[0]) > math.log(1000.0)
        assert float(density[1]) == pytest.approx(own, abs=1e-4)


def test_a_surface_with_little_room_above_it_has_no_furrows_between_vertices_far_apart():
    vertices, faces = _sheet(0.0, upwards=True, count=13)  # 20 mm apart
    still = torch.eye(3, 4).repeat(len(vertices), 1, 1)
    coarse = replace(_CLOSE, refinement=0)
    headroom = torch.full((len(vertices),), 0.003)
    warp = InverseSkinning.of_surface(vertices, faces, still, coarse, headroom=headroom)
    middles = torch.tensor([[0.01, 0.01, -0.001], [0.03, -0.01, -0.001], [0.01, 0.0, -0.001]])
    assert (warp.to_canonical(middles).presence > 0.5).all()
    assert (warp.to_canonical(middles + torch.tensor([0.0, 0.0, 0.005])).presence < 0.1).all()
