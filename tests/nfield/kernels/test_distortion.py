"""Distortion of weights: the double sum of the paper, closed forms, and each build against the twin."""

import pytest
import torch
from torch.library import opcheck

from nfield.kernels import distortion as module
from nfield.kernels.distortion import distortion, distortion_reference

Problem = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def problem(counts: list[int], generator: torch.Generator) -> Problem:
    """Weights, walls and offsets of rays with so many samples."""
    walls = [torch.rand(count + 1, generator=generator).sort().values for count in counts]
    s0, s1 = (torch.cat([torch.zeros(0), *(wall[part] for wall in walls)]) for part in (slice(-1), slice(1, None)))
    return torch.rand(len(s0), generator=generator), s0, s1, torch.tensor([0, *counts]).cumsum(0)


def by_pairs(weights: torch.Tensor, s0: torch.Tensor, s1: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """Equation 15 as it stands, ray by ray and pair by pair."""
    rays = []
    for first, last in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        w, middle = weights[first:last], 0.5 * (s0 + s1)[first:last]
        pairs = (w[:, None] * w * (middle[:, None] - middle).abs()).sum()
        rays.append(pairs + (w.square() * (s1 - s0)[first:last]).sum() / 3.0)
    return torch.stack(rays) if rays else weights.new_zeros(0)


@pytest.mark.parametrize("counts", [[], [0], [1], [0, 5, 0, 127, 1, 60, 0]], ids=len)
def test_values_and_gradients_are_those_of_all_pairs(build: str, counts: list[int], generator: torch.Generator):
    weights, s0, s1, offsets = problem(counts, generator)
    slopes = torch.randn(len(counts), generator=generator).double()
    answers = []
    for function, dtype in (
        (distortion, torch.float32),
        (distortion_reference, torch.float64),
        (by_pairs, torch.float64),
    ):
        leaf = weights.to(dtype, copy=True).requires_grad_()
        loss = function(leaf, s0.to(dtype), s1.to(dtype), offsets)
        grad = torch.autograd.grad((loss * slopes.to(dtype)).sum(), leaf)[0] if loss.requires_grad else leaf
        answers.append((loss.detach(), grad.detach()))
    for found in answers[:2]:
        for value, exact in zip(found, answers[2], strict=True):
            torch.testing.assert_close(value.double(), exact, atol=1e-5, rtol=1e-4)


def test_two_thin_sheets_cost_their_distance(build: str):
    place = torch.tensor([0.2, 0.9])
    loss = distortion(torch.tensor([0.25, 0.5]), place, place, torch.tensor([0, 2]))
    assert loss.item() == pytest.approx(2.0 * 0.25 * 0.5 * 0.7)


def test_one_interval_costs_a_third_of_its_length(build: str):
    loss = distortion(torch.tensor([0.6]), torch.tensor([1.0]), torch.tensor([1.5]), torch.tensor([0, 1]))
    assert loss.item() == pytest.approx(0.36 * 0.5 / 3.0)


def test_splitting_an_interval_of_constant_weight_changes_nothing(build: str):
    whole = distortion(torch.tensor([1.0]), torch.tensor([0.0]), torch.tensor([2.0]), torch.tensor([0, 1]))
    walls = torch.linspace(0.0, 2.0, 9)
    parts = distortion(torch.full((8,), 0.125), walls[:-1], walls[1:], torch.tensor([0, 8]))
    torch.testing.assert_close(parts, whole)


def test_twin_gradients_are_the_differences(generator: torch.Generator):
    weights, s0, s1, offsets = problem([3, 0, 5], generator)
    arguments = (s0.double(), s1.double(), offsets)
    assert torch.autograd.gradcheck(lambda w: distortion_reference(w, *arguments), weights.double().requires_grad_())


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # opcheck looks at it itself
def test_op_is_registered_as_torch_wants_it(native: None, generator: torch.Generator):
    weights, *others = problem([3, 0, 5], generator)
    opcheck(module._native_distortion, (weights.requires_grad_(), *others))
