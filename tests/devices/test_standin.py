"""The device that tests compute on in place of a GPU is as strict as one."""

from collections.abc import Callable

import pytest
import torch

Meet = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def test_its_values_and_gradients_are_real(device: torch.device):
    here = torch.arange(4.0).to(device).requires_grad_()
    (here.square() * torch.ones(4, device=device)).sum().backward()
    assert here.device == device
    assert here.grad is not None
    assert here.grad.device == device
    assert here.grad.cpu().tolist() == [0.0, 2.0, 4.0, 6.0]


@pytest.mark.parametrize(
    "meet",
    [
        lambda here, there: here + there,
        lambda here, there: torch.cat([here, there]),
        lambda here, there: there[here.long()],
        lambda here, there: here[there.long()],
        lambda here, there: torch.where(here > 1.0, here, there),
    ],
)
def test_it_mixes_with_no_tensor_of_the_cpu(meet: Meet, device: torch.device):
    with pytest.raises(RuntimeError, match="of the CPU meet"):
        meet(torch.ones(3, device=device), torch.ones(3))


def test_single_numbers_of_the_cpu_are_taken_as_a_gpu_takes_them(device: torch.device):
    assert (torch.ones(3, device=device) * torch.ones(())).cpu().tolist() == [1.0, 1.0, 1.0]


def test_numpy_has_to_be_asked_for_a_copy(device: torch.device):
    with pytest.raises((RuntimeError, TypeError)):
        torch.ones(3, device=device).numpy()
