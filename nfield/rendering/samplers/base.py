"""The interface of samplers, and the culling of hidden samples that they share."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from nfield.fields.base import Field
from nfield.kernels.composite import visible
from nfield.types import Rays, Samples


class Sampler(nn.Module, ABC):
    """Places samples on rays."""

    @abstractmethod
    def sample(self, field: Field, rays: Rays, *, generator: torch.Generator | None = None) -> Samples:
        """Packed samples; with a generator their places are jittered, without one they are fixed."""

    def update(self, field: Field, step: int, *, generator: torch.Generator) -> None:
        """Learns where the field is empty; called before each training step."""


def jitter(rays: Rays, generator: torch.Generator | None) -> Tensor:
    """Shift of each ray's samples in steps: random with a generator, else half a step."""
    if generator is None:
        return torch.full_like(rays.near, 0.5)
    return torch.rand(len(rays), generator=generator, device=generator.device).to(rays.near)


@torch.no_grad()
def cull_hidden(field: Field, rays: Rays, samples: Samples, *, threshold: float) -> Samples:
    """Without the samples that so much matter lies before that less than `threshold` of their light arrives."""
    if threshold <= 0.0 or len(samples) == 0:
        return samples
    log_density, presence = field.matter(samples.points(rays))
    keep = visible(log_density, presence, samples.t0, samples.t1, samples.offsets(), threshold=threshold)
    return Samples(samples.t0[keep], samples.t1[keep], samples.ray[keep], samples.n_rays)
