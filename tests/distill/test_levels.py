"""What is compared: the range of log-densities, the leak outside it, the norm."""

import math

import pytest
import torch

from distill.levels import ClipRange, aligned, distance


@pytest.mark.parametrize("length", [1e-3, 0.01, 0.5])
def test_range_has_the_opacities_of_a_step(length: float):
    clip = ClipRange.of_step(length)
    faint, solid = (1.0 - math.exp(-math.exp(z) * length) for z in (clip.low, clip.high))
    assert faint == pytest.approx(5e-4)
    assert solid == pytest.approx(0.975)


def test_range_moves_with_the_length_of_the_world():
    near, far = ClipRange.of_step(0.01), ClipRange.of_step(0.1)
    assert near.low - far.low == pytest.approx(math.log(10.0))
    assert near.high - far.high == pytest.approx(math.log(10.0))


def test_a_student_outside_the_range_still_has_a_slope():
    clip = ClipRange(-2.0, 7.0)
    raw = torch.tensor([-5.0, 0.5, 9.0], requires_grad=True)
    clipped = clip.of_student(raw)
    assert clipped.tolist() == pytest.approx([-2.03, 0.5, 7.02])
    (slope,) = torch.autograd.grad(clipped.sum(), raw)
    assert slope.tolist() == pytest.approx([0.01, 1.0, 0.01])
    assert clip.of_teacher(raw).tolist() == [-2.0, 0.5, 7.0]


def test_distance_is_the_root_of_the_weighted_mean_square(generator: torch.Generator):
    own, other, weight = (torch.rand(50, 3, generator=generator) for _ in range(3))
    weight = weight[:, 0]
    total = sum(
        float(w) * sum(float(a - b) ** 2 for a, b in zip(p, q, strict=True)) / 3.0
        for w, p, q in zip(weight, own, other, strict=True)
    )
    assert float(distance(own, other, weight)) == pytest.approx(math.sqrt(total / float(weight.sum())), rel=1e-5)
    assert float(distance(own, other)) == pytest.approx(float((own - other).square().mean().sqrt()), rel=1e-5)


def test_distance_has_a_gradient_where_both_agree_and_where_nothing_is_compared():
    same = torch.ones(4, requires_grad=True)
    (grad,) = torch.autograd.grad(distance(same, torch.ones(4)), same)
    assert grad.isfinite().all()
    assert float(distance(torch.zeros(0, 3), torch.zeros(0, 3))) == 0.0


def test_aligned_feature_carries_the_compared_log_density():
    feature = torch.tensor([[9.0, 1.0, 2.0]])
    assert aligned(feature, torch.tensor([7.0])).tolist() == [[7.0, 1.0, 2.0]]
