"""Even steps between near and far."""

import torch

from nfield.fields.base import Field
from nfield.rendering.samplers.base import Sampler, cull_hidden, jitter
from nfield.types import Rays, Samples


class UniformSampler(Sampler):
    """A fixed number of even steps on every ray that meets the box.

    Args:
        count: Steps on a ray.
        cull: Transmittance under which samples are dropped; 0 keeps all.
    """

    def __init__(self, count: int, *, cull: float = 0.0) -> None:
        super().__init__()
        self.count, self.cull = count, cull

    def sample(self, field: Field, rays: Rays, *, generator: torch.Generator | None = None) -> Samples:
        """`count` intervals a ray; with a generator the walls between them are shifted together."""
        length = (rays.far - rays.near) / self.count
        shift = jitter(rays, generator) - 0.5
        walls = torch.arange(self.count + 1, device=length.device, dtype=length.dtype) + shift[:, None]
        walls = rays.near[:, None] + walls.clamp(0.0, self.count) * length[:, None]
        hits = (length > 0.0)[:, None].expand(-1, self.count)
        samples = Samples(walls[:, :-1][hits], walls[:, 1:][hits], hits.nonzero()[:, 0], len(rays))
        return cull_hidden(field, rays, samples, threshold=self.cull)
