"""Memory for gradients: always zero, used again once it is given back, and nothing piles up."""

import torch

from nfield.kernels.trilinear import trilinear
from nfield.kernels.zeroed import give_back, zeroed_like
from nfield.training.optim import Adam, OptimConfig


def test_given_back_memory_is_used_again():
    first = zeroed_like(torch.ones(13, 7))
    place = first.data_ptr()
    give_back(first)
    second = zeroed_like(torch.ones(7, 13))
    assert second.data_ptr() == place
    assert second.shape == (7, 13)
    assert not second.any()


def test_two_tensors_in_use_never_share_memory():
    first, second = zeroed_like(torch.ones(11, 5)), zeroed_like(torch.ones(11, 5))
    first += 1.0
    assert not second.any()


def test_memory_that_nobody_asked_for_is_let_go():
    stranger = torch.zeros(17, 31)
    give_back(stranger)
    assert zeroed_like(stranger).data_ptr() != stranger.data_ptr()


def test_training_steps_use_one_gradient_and_find_it_clear(native: None, generator: torch.Generator):
    grid = torch.nn.Parameter(torch.zeros(6, 6, 6, 19))
    adam, places = Adam({"grid": [grid]}, OptimConfig(warmup=0)), set()
    for step in range(4):
        unit = torch.rand(3, 3, generator=generator)
        trilinear(unit, grid).sum().backward()
        assert grid.grad is not None
        assert torch.isclose(grid.grad.sum(), torch.tensor(3.0 * 19.0))
        places.add(grid.grad.data_ptr())
        adam.step(step, 0.0)
    assert len(places) == 1
