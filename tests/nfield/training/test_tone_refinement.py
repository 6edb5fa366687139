"""Tones of photos: closed forms, premultiplied colours, and what is common to all photos."""

import pytest
import torch

from nfield.training.tone_refinement import ToneRefinement


def refinement(offsets: list[list[float]], slopes: list[list[float]]) -> ToneRefinement:
    """Of photos with these corrections, whose means are zero."""
    made = ToneRefinement(len(offsets))
    made.offsets.data, made.slopes.data = torch.tensor(offsets), torch.tensor(slopes)
    return made


def test_nothing_changes_at_first():
    color = torch.rand(6, 3)
    torch.testing.assert_close(ToneRefinement(2)(color, torch.ones(6), torch.tensor([0, 1] * 3)).detach(), color)


def test_an_offset_is_a_factor_of_its_channel():
    made = refinement([[0.2, 0.0, -0.1], [-0.2, 0.0, 0.1]], [[0.0] * 3] * 2)
    color = torch.tensor([[0.5, 0.4, 0.3]])
    seen = made(color, torch.ones(1), torch.tensor([0]))[0]
    assert seen.tolist() == pytest.approx([0.5 * 1.2214028, 0.4, 0.3 * 0.9048374], rel=1e-5)


def test_a_slope_is_a_power_of_its_channel():
    made = refinement([[0.0] * 3] * 2, [[0.0, 0.6931472, -0.6931472], [0.0, -0.6931472, 0.6931472]])
    color = torch.tensor([[0.5, 0.4, 0.36]])
    seen = made(color, torch.ones(1), torch.tensor([0]))[0]
    assert seen.tolist() == pytest.approx([0.5, 0.16, 0.6], rel=1e-5)


def test_colors_of_what_is_half_seen_change_like_those_of_what_is_seen():
    made = refinement([[0.1] * 3, [-0.1] * 3], [[0.3] * 3, [-0.3] * 3])
    color, camera = torch.rand(5, 3), torch.tensor([0, 1, 0, 1, 1])
    whole, half = (made(color * share, torch.full((5,), share), camera) for share in (1.0, 0.5))
    torch.testing.assert_close(half, 0.5 * whole)


def test_what_is_common_to_all_photos_is_left_to_the_field():
    made = refinement([[0.4, -0.3, 0.1]] * 3, [[0.2] * 3] * 3)
    color = torch.rand(3, 3)
    torch.testing.assert_close(made(color, torch.ones(3), torch.arange(3)).detach(), color)


def test_black_and_nothing_have_finite_gradients(generator: torch.Generator):
    made = refinement([[0.2] * 3, [-0.2] * 3], [[0.5] * 3, [-0.5] * 3])
    color = torch.zeros(2, 3, requires_grad=True)
    opacity = torch.tensor([0.0, 1.0], requires_grad=True)
    made(color, opacity, torch.tensor([0, 1])).sum().backward()
    for leaf in (color, opacity, made.offsets, made.slopes):
        assert leaf.grad is not None
        assert torch.isfinite(leaf.grad).all()
    assert not made(color, opacity, torch.tensor([0, 1])).detach().any()


def test_gradients_are_the_differences(generator: torch.Generator):
    made = refinement([[0.1, 0.2, 0.0], [-0.1, -0.2, 0.0]], [[0.2, 0.0, 0.1], [-0.2, 0.0, -0.1]]).double()
    color = 0.1 + 0.8 * torch.rand(4, 3, generator=generator).double()
    opacity = 0.5 + 0.5 * torch.rand(4, generator=generator).double()
    camera = torch.tensor([0, 1, 1, 0])

    def answer(offsets: torch.Tensor, slopes: torch.Tensor, color: torch.Tensor, opacity: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(made, {"offsets": offsets, "slopes": slopes}, (color, opacity, camera))

    leaves = (made.offsets.detach().clone(), made.slopes.detach().clone(), color, opacity)
    assert torch.autograd.gradcheck(answer, tuple(leaf.requires_grad_() for leaf in leaves))
