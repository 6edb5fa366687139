import math

import torch

from nfield.encodings.frequency import Frequency


def test_octaves_follow_the_coordinates():
    encoding = Frequency(3)
    unit = torch.tensor([[0.5, 0.75, 1.0]])
    angles = [f * x for f in (1.0, 2.0, 4.0) for x in (0.0, 0.5, 1.0)]
    expected = [0.0, 0.5, 1.0, *map(math.sin, angles), *map(math.cos, angles)]
    assert encoding.out_dim == 21
    assert torch.allclose(encoding(unit), torch.tensor([expected]), atol=1e-6)


def test_no_octaves_leave_the_coordinates():
    assert Frequency(0)(torch.tensor([[0.0, 0.5, 1.0]])).tolist() == [[-1.0, 0.0, 1.0]]


def test_gradients_are_the_differences(generator: torch.Generator):
    unit = torch.rand(4, 3, generator=generator).double().requires_grad_()
    assert torch.autograd.gradcheck(Frequency(4).double(), (unit,))
