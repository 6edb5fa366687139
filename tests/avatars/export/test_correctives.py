import torch

from avatars.body.skinning import posed_from_rest, rotations_from_axis_angle, transform
from avatars.export.correctives import CorrectiveConfig, correctives, residuals
from avatars.export.rig import SkinWeights


def test_few_shapes_span_what_few_shapes_made(generator: torch.Generator):
    made = 0.02 * torch.randn(3, 50, 3, generator=generator)
    weights = torch.randn(40, 3, generator=generator)
    wanted = torch.einsum("tk,kvc->tvc", weights, made)
    found = correctives(wanted, CorrectiveConfig(least=0.0))
    assert len(found.shapes) == 3
    assert float(found.weights.abs().max()) <= 1.0 + 1e-5
    torch.testing.assert_close(torch.einsum("tk,kvc->tvc", found.weights, found.shapes), wanted, atol=1e-5, rtol=0.0)


def test_no_vertex_is_farther_off_than_the_tolerance(generator: torch.Generator):
    scales = 0.03 * 0.6 ** torch.arange(20)
    wanted = torch.einsum(
        "tk,kvc->tvc", torch.randn(60, 20, generator=generator), scales[:, None, None] * torch.randn(20, 30, 3)
    )
    for tolerance in (0.02, 0.002):
        found = correctives(wanted, CorrectiveConfig(tolerance=tolerance, least=0.0))
        off = torch.einsum("tk,kvc->tvc", found.weights, found.shapes) - wanted
        assert float(off.norm(dim=-1).max()) < tolerance
        fewer = correctives(wanted, CorrectiveConfig(tolerance=tolerance, least=0.0, most=len(found.shapes) - 1))
        worse = torch.einsum("tk,kvc->tvc", fewer.weights, fewer.shapes) - wanted
        assert float(worse.norm(dim=-1).max()) >= tolerance


def test_weights_of_further_frames_are_those_that_made_them(generator: torch.Generator):
    made = 0.02 * torch.randn(2, 50, 3, generator=generator)
    wanted = torch.einsum("tk,kvc->tvc", torch.randn(30, 2, generator=generator), made)
    found = correctives(wanted[::3], CorrectiveConfig(least=0.0))
    again = torch.einsum("tk,kvc->tvc", found.weights_of(wanted), found.shapes)
    torch.testing.assert_close(again, wanted, atol=1e-5, rtol=0.0)


def test_what_stands_still_needs_no_shapes():
    found = correctives(torch.zeros(7, 5, 3), CorrectiveConfig())
    assert found.shapes.shape == (0, 5, 3)
    assert found.weights_of(torch.zeros(9, 5, 3)).shape == (9, 0)


def test_small_displacements_are_left_out():
    wanted = torch.zeros(4, 2, 3)
    wanted[:, 0, 0], wanted[:, 1, 0] = torch.tensor([0.0, 0.01, 0.02, 0.03]), torch.tensor([0.0, 1e-5, 2e-5, 3e-5])
    found = correctives(wanted, CorrectiveConfig(least=1e-4))
    assert found.shapes[:, 0].any()
    assert not found.shapes[:, 1].any()


def test_the_skeleton_carries_a_corrected_vertex_to_its_place(generator: torch.Generator):
    joints = torch.rand(4, 3, generator=generator)
    turns = rotations_from_axis_angle(torch.randn(4, 3, generator=generator))
    maps = posed_from_rest(turns, joints + torch.rand(4, 3, generator=generator), joints)
    weights = torch.rand(30, 4, generator=generator)
    # Opposite turns could cancel each other, which no vertex of a body meets: the first joint leads.
    weights[:, 0] += 2.0
    skinned = SkinWeights.strongest(weights / weights.sum(1, keepdim=True)).blended(maps)
    rest, goal = torch.rand(30, 3, generator=generator), torch.rand(30, 3, generator=generator)
    (lack,) = residuals(rest, [skinned], [goal])
    torch.testing.assert_close(transform(skinned, rest + lack), goal, atol=1e-4, rtol=0.0)


def test_wide_clothes_get_as_many_shapes_as_there_is_room_for(generator: torch.Generator):
    wanted = 0.05 * torch.randn(20, 40, 3, generator=generator)
    found = correctives(wanted, CorrectiveConfig(least=0.0, room=200))
    assert len(found.shapes) == 5
    assert float(found.off(wanted, found.weights).max()) > CorrectiveConfig().tolerance
    assert not correctives(wanted, CorrectiveConfig(least=0.0, room=39)).shapes.numel()


def test_shapes_of_which_nothing_is_left_are_left_out():
    wanted = torch.zeros(6, 3, 3)
    wanted[:, 0, 0] = torch.tensor([0.0, 0.01, 0.02, 0.03, 0.02, 0.01])
    wanted[:, 1, 1] = torch.tensor([0.0, 2e-4, 0.0, -2e-4, 0.0, 2e-4])
    config = CorrectiveConfig(tolerance=1e-5, least=3e-4)
    found = correctives(wanted, config)
    assert len(found.shapes) == 1
    doubled = type(found)(torch.cat([found.shapes, found.shapes, torch.zeros(1, 3, 3)]), torch.zeros(6, 3))
    weights = doubled.weights_of(wanted)
    torch.testing.assert_close(
        torch.einsum("tk,kvc->tvc", weights, doubled.shapes)[:, 0], wanted[:, 0], atol=1e-5, rtol=0.0
    )
