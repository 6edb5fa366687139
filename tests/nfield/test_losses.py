import math

import pytest
import torch

from nfield.losses import binary_cross_entropy, huber, squared_error


def test_losses_are_not_reduced():
    for loss in (squared_error, huber, binary_cross_entropy):
        assert loss(torch.full((4, 3), 0.5), torch.full((4, 3), 0.25)).shape == (4, 3)
        assert loss(torch.zeros(0, 3), torch.zeros(0, 3)).shape == (0, 3)


def test_squared_error_is_the_square():
    assert squared_error(torch.tensor([3.0]), torch.tensor([1.0])).item() == 4.0


@pytest.mark.parametrize("delta", [0.05, 0.1, 1.0])
def test_huber_is_quadratic_within_delta_and_linear_beyond(delta: float):
    errors = [-2.0, -delta, -0.01, 0.0, 0.03, 1.5]
    expected = [e * e / 2 if abs(e) <= delta else delta * (abs(e) - delta / 2) for e in errors]
    result = huber(torch.tensor(errors) + 0.5, torch.full((6,), 0.5), delta=delta)
    torch.testing.assert_close(result, torch.tensor(expected), atol=1e-6, rtol=1e-5)


def test_huber_gradient_is_the_clipped_error():
    error = torch.tensor([-2.0, -0.05, 0.0, 0.07, 3.0], requires_grad=True)
    huber(error, torch.zeros(5), delta=0.1).sum().backward()
    torch.testing.assert_close(error.grad, error.detach().clamp(-0.1, 0.1))


def test_cross_entropy_is_its_closed_form():
    result = binary_cross_entropy(torch.tensor([0.5, 0.9, 0.2]), torch.tensor([1.0, 0.0, 0.3]))
    expected = [math.log(2), -math.log(0.1), -0.3 * math.log(0.2) - 0.7 * math.log(0.8)]
    torch.testing.assert_close(result, torch.tensor(expected), atol=2e-4, rtol=0)


def test_cross_entropy_of_a_wrong_silhouette_is_finite_and_has_a_gradient():
    opacity = torch.tensor([0.0, 1.0], requires_grad=True)
    loss = binary_cross_entropy(opacity, torch.tensor([1.0, 0.0]))
    loss.sum().backward()
    assert opacity.grad is not None
    assert torch.isfinite(loss).all()
    assert opacity.grad[0] < -1e4
    assert opacity.grad[1] > 1e4


def test_cross_entropy_passes_gradcheck(generator: torch.Generator):
    opacity = torch.rand(6, generator=generator, dtype=torch.float64).mul(0.8).add(0.1).requires_grad_()
    mask = torch.rand(6, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda o: binary_cross_entropy(o, mask), (opacity,))
