"""The interface of samplers, and the culling of hidden samples that they share."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Int
from torch import Tensor, nn

from nfield.devices import uniform
from nfield.fields.base import Field
from nfield.kernels.composite import visible
from nfield.kernels.points import sample_points
from nfield.types import Rays, Samples


class Sampler(nn.Module, ABC):
    """Places samples on rays."""

    @abstractmethod
    def sample(self, field: Field, rays: Rays, *, generator: torch.Generator | None = None) -> Samples:
        """Packed samples; with a generator their places are jittered, without one they are fixed."""

    def update(self, field: Field, step: int, *, generator: torch.Generator) -> None:
        """Learns where the field is empty; called before each training step."""

    def rebuild(self, field: Field, *, generator: torch.Generator) -> None:
        """Learns where the field is empty from nothing."""


def jitter(rays: Rays, generator: torch.Generator | None) -> Tensor:
    """Shift of each ray's samples in steps: random with a generator, else half a step."""
    if generator is None:
        return torch.full_like(rays.near, 0.5)
    return uniform(len(rays), generator=generator, device=rays.near.device).to(rays.near)


@torch.no_grad()
def cull_hidden(field: Field, rays: Rays, samples: Samples, *, threshold: float, stride: int = 1) -> Samples:
    """Without the samples that so much density lies before that less than `threshold` of their light arrives.

    Args:
        field: What is sampled.
        rays: The rays.
        samples: Candidates.
        threshold: Least transmittance; 0 keeps all.
        stride: Only every n-th candidate is looked at and the others are taken for empty: this keeps a few
            more samples than needed and never drops a visible one.
    """
    if threshold <= 0.0 or len(samples) == 0:
        return samples
    offsets = samples.offsets()
    looked = _every(offsets, stride)
    few = Samples(samples.t0[looked], samples.t1[looked], samples.ray[looked], samples.n_rays)
    log_density, presence = field.density_and_presence(sample_points(rays, few)[0])
    if stride > 1:
        log_density = torch.full_like(samples.t0, -torch.inf).index_copy(0, looked, log_density)
        presence = torch.zeros_like(samples.t0).index_copy(0, looked, presence)
    keep = visible(log_density, presence, samples.t0, samples.t1, offsets, threshold=threshold)
    kept = keep.nonzero()[:, 0]  # found once: each search waits for a GPU
    return Samples(samples.t0[kept], samples.t1[kept], samples.ray[kept], samples.n_rays)


def _every(offsets: Int[Tensor, "r1"], stride: int) -> Int[Tensor, "m"]:
    """Of each ray's samples every `stride`-th, beginning with number `stride - 1`."""
    counts = offsets.diff() // stride
    before = counts.cumsum(0) - counts
    first = offsets[:-1] + stride - 1 - stride * before
    return torch.arange(int(counts.sum()), device=offsets.device) * stride + torch.repeat_interleave(first, counts)
