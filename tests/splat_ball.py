"""A ball of splats whose looks are known."""

import torch

from nfield.kernels.gaussians import Splats
from nfield.kernels.harmonics import constant_harmonic

RED = (0.9, 0.1, 0.2)
CENTER, RADIUS = (1.0, 2.0, 3.0), 0.5


def red_ball(generator: torch.Generator, *, count: int = 3000, scale: float = 1.0) -> Splats:
    """Flat red splats on a sphere.

    Args:
        generator: Draws their places and turns.
        count: How many.
        scale: Factor on all lengths, the distance of the middle from the origin included.
    """
    normals = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)
    harmonics = torch.zeros(count, 4, 3)
    harmonics[:, 0] = (torch.tensor(RED) - 0.5) / constant_harmonic()
    quaternions = torch.randn(count, 4, generator=generator)
    scales = torch.full((count, 3), 0.03 * scale).log() - torch.tensor([0.0, 0.0, 0.5])
    means = scale * (RADIUS * normals + torch.tensor(CENTER))
    return Splats(means, quaternions, scales, torch.full((count,), 3.0), harmonics)
