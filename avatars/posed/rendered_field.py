"""A field together with what renders it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.devices import device_of, on_device
from nfield.fields.base import Field
from nfield.rendering.renderer import Renderer
from nfield.types import Rays, RenderOutput


@dataclass(frozen=True)
class RenderedField:
    """A field and its renderer, both on one device.

    Attributes:
        field: The field in its own world.
        renderer: With a sampler of that world.
    """

    field: Field
    renderer: Renderer

    @property
    def device(self) -> torch.device:
        """Where both lie."""
        return device_of(self.renderer)

    def seen(
        self,
        rays: Rays,
        *,
        background: Float[Tensor, "r 3"] | Float[Tensor, "3"],
        generator: torch.Generator | None = None,
    ) -> RenderOutput:
        """What rays see; they may lie elsewhere, and the answer comes to where they are. Differentiable.

        Args:
            rays: Any.
            background: Colour behind everything, beside the rays.
            generator: Jitters the samples, where it is given.
        """
        there, behind = on_device((rays, background), self.device)
        return on_device(self.renderer(self.field, there, background=behind, generator=generator), rays.origins.device)
