"""Sparse Adam: torch's own Adam where every entry has a gradient, stillness where there is none, each build."""

import pytest
import torch

from nfield.kernels.sparse_adam import sparse_adam_, sparse_adam_reference

OPTIONS = {"rate": 1e-2, "betas": (0.9, 0.99), "epsilon": 1e-15}


def state(count: int, generator: torch.Generator) -> list[torch.Tensor]:
    parameter, grad, first = (torch.randn(count, generator=generator) for _ in range(3))
    return [parameter, grad, first * 0.1, torch.rand(count, generator=generator) * 0.1]


def test_dense_gradients_give_torchs_adam(build: str, generator: torch.Generator):
    start = torch.randn(1003, generator=generator)
    expected = torch.nn.Parameter(start.clone())
    optimiser = torch.optim.Adam([expected], lr=1e-2, betas=(0.9, 0.99), eps=1e-15)
    parameter, first, second = start.clone(), torch.zeros(1003), torch.zeros(1003)
    for step in range(1, 6):
        grad = torch.randn(1003, generator=generator)
        expected.grad = grad.clone()
        optimiser.step()
        sparse_adam_(parameter, grad, first, second, **OPTIONS, step=step)
    assert torch.allclose(parameter, expected.detach(), atol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 1000])
def test_native_equals_the_twin_in_double_precision(build: str, count: int, generator: torch.Generator):
    values = state(count, generator)
    values[1][torch.rand(count, generator=generator) < 0.5] = 0.0
    doubles = [v.double() for v in values]
    sparse_adam_(*values, **OPTIONS, step=3)
    sparse_adam_reference(*doubles, **OPTIONS, step=3)
    for value, reference in zip(values, doubles, strict=True):
        assert torch.allclose(value.double(), reference, rtol=1e-5, atol=1e-7)


def test_entries_without_gradient_keep_value_and_moments(build: str, generator: torch.Generator):
    values = state(200, generator)
    untouched = torch.rand(200, generator=generator) < 0.7
    values[1][untouched] = 0.0
    before = [v.clone() for v in values]
    sparse_adam_(*values, **OPTIONS, step=9)
    for value, old in zip(values, before, strict=True):
        assert torch.equal(value[untouched], old[untouched])
    assert (values[0] != before[0])[~untouched].all()


def test_views_that_are_not_contiguous_are_updated_in_place(build: str, generator: torch.Generator):
    whole = torch.randn(20, 2, generator=generator)
    grad, first, second = torch.ones(20), torch.zeros(20), torch.zeros(20)
    before = whole.clone()
    sparse_adam_(whole[:, 0], grad, first, second, **OPTIONS, step=1)
    assert torch.allclose(whole[:, 0], before[:, 0] - 1e-2, atol=1e-6)
    assert torch.equal(whole[:, 1], before[:, 1])
