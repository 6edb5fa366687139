"""Sample, shade, composite: the three steps of volume rendering, each to be called apart."""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nfield.fields.base import Field
from nfield.kernels.composite import composite as composite_packed
from nfield.kernels.points import sample_points
from nfield.rendering.samplers.base import Sampler
from nfield.types import FieldOutput, Rays, RenderOutput, Samples


def composite(
    samples: Samples, shaded: FieldOutput, background: Float[Tensor, "r 3"] | Float[Tensor, "3"] | None = None
) -> RenderOutput:
    """Colours, opacities and depths of rays from their shaded samples; differentiable.

    Presence multiplies each sample's alpha, here and nowhere else for images (see `nfield.kernels.composite`).

    Args:
        samples: Packed intervals.
        shaded: The field's answer at each.
        background: Colour behind everything; without it colours stay premultiplied by opacity.
    """
    color, opacity, depth, weights = composite_packed(
        shaded.color, shaded.log_density, shaded.presence, samples.t0, samples.t1, samples.offsets()
    )
    if background is not None:
        color = color + (1.0 - opacity)[:, None] * background
    return RenderOutput(color, opacity, depth, weights)


class Renderer(nn.Module):
    """Renders any field with a sampler.

    Args:
        sampler: Places the samples.
    """

    def __init__(self, sampler: Sampler) -> None:
        super().__init__()
        self.sampler = sampler

    def sample(self, field: Field, rays: Rays, *, generator: torch.Generator | None = None) -> Samples:
        """Where along the rays the field is asked; jittered where a generator is given."""
        return self.sampler.sample(field, rays, generator=generator)

    def shade(self, field: Field, rays: Rays, samples: Samples) -> FieldOutput:
        """The field's answer at the samples; differentiable in the field's parameters."""
        return field(*sample_points(rays, samples))

    def forward(
        self,
        field: Field,
        rays: Rays,
        *,
        background: Float[Tensor, "r 3"] | Float[Tensor, "3"] | None = None,
        generator: torch.Generator | None = None,
    ) -> RenderOutput:
        """All three steps."""
        samples = self.sample(field, rays, generator=generator)
        return composite(samples, self.shade(field, rays, samples), background)

    if TYPE_CHECKING:

        def __call__(
            self,
            field: Field,
            rays: Rays,
            *,
            background: Float[Tensor, "r 3"] | Float[Tensor, "3"] | None = None,
            generator: torch.Generator | None = None,
        ) -> RenderOutput:
            """Typed for the checker."""
            ...
