"""A field together with what renders it."""

from dataclasses import dataclass

from nfield.fields.base import Field
from nfield.rendering.renderer import Renderer


@dataclass(frozen=True)
class RenderedField:
    """A field and its renderer.

    Attributes:
        field: The field in its own world.
        renderer: With a sampler of that world.
    """

    field: Field
    renderer: Renderer
