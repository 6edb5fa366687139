"""Spherical harmonics against their defining property and closed forms."""

import math

import numpy as np
import torch

from nfield.kernels.harmonics import HARMONICS, spherical_harmonics


def test_functions_are_orthonormal_on_the_sphere():
    # Gauss-Legendre in z and even steps in the angle integrate products of degree 6 exactly.
    nodes, weights = np.polynomial.legendre.leggauss(8)
    angles = 2.0 * np.pi * np.arange(16) / 16
    z = np.repeat(nodes, 16)
    radius, angle = np.sqrt(1.0 - z * z), np.tile(angles, 8)
    dirs = torch.from_numpy(np.stack([radius * np.cos(angle), radius * np.sin(angle), z], -1))
    area = torch.from_numpy(np.repeat(weights, 16) * 2.0 * np.pi / 16)
    values = spherical_harmonics(dirs)
    assert torch.allclose(values.T @ (area[:, None] * values), torch.eye(HARMONICS).double(), atol=1e-9)


def test_first_functions_have_the_signs_of_tiny_cuda_nn():
    x, y, z = 0.48, 0.6, 0.64
    k = math.sqrt(3.0 / (4.0 * math.pi))
    values = spherical_harmonics(torch.tensor([[x, y, z]], dtype=torch.float64))[0, :4]
    assert torch.allclose(values, torch.tensor([math.sqrt(0.25 / math.pi), -k * y, k * z, -k * x]).double())


def test_gradients_are_the_differences(generator: torch.Generator):
    dirs = torch.randn(4, 3, generator=generator, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(spherical_harmonics, (dirs,))
