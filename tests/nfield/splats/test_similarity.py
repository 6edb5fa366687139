"""Structural dissimilarity: the metric's number, the window's law, and slopes."""

import pytest
import torch

from nfield.metrics import ssim
from nfield.splats.similarity import Structure, blurred


def test_it_is_the_metric_where_windows_lie_in_the_image(generator: torch.Generator):
    first, noise = torch.rand(3, 30, 34, generator=generator), 0.2 * torch.randn(3, 30, 34, generator=generator)
    # A frame as wide as a window in which both are black: windows at the border then see the same in both.
    frame = torch.nn.functional.pad(torch.ones(1, 10, 14), (10, 10, 10, 10))
    first, second = first * frame, (first + noise).clamp(0.0, 1.0) * frame
    inner = 1.0 - ssim(second.permute(1, 2, 0), first.permute(1, 2, 0))
    found = float(Structure.of(first).dissimilarity(second))
    assert found * 30 * 34 == pytest.approx(inner * 20 * 24, rel=1e-3)


def test_equal_images_do_not_differ_and_inverted_ones_do(generator: torch.Generator):
    image = torch.rand(3, 20, 20, generator=generator)
    assert float(Structure.of(image).dissimilarity(image)) == pytest.approx(0.0, abs=1e-4)
    assert float(Structure.of(image).dissimilarity(1.0 - image)) > 1.0


def test_a_window_keeps_what_is_the_same_everywhere():
    inside = blurred(torch.full((2, 24, 22), 0.7))[:, 5:-5, 5:-5]
    torch.testing.assert_close(inside, torch.full_like(inside, 0.7))


def test_a_window_is_a_convolution_with_a_gaussian(generator: torch.Generator):
    image = torch.rand(1, 15, 17, generator=generator)
    offsets = torch.arange(-5.0, 6.0)
    window = torch.exp(-0.5 * (offsets[:, None].square() + offsets.square()) / 1.5**2)
    expected = torch.nn.functional.conv2d(image[None], (window / window.sum())[None, None], padding=5)[0]
    torch.testing.assert_close(blurred(image), expected)


def test_slopes_are_those_of_the_number(generator: torch.Generator):
    reference = torch.rand(1, 6, 7, generator=generator, dtype=torch.float64)
    image = torch.rand(1, 6, 7, generator=generator, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(Structure.of(reference).dissimilarity, (image,))
