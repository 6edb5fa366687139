"""A field with all that rendering views of it takes."""

from dataclasses import dataclass

import torch

from nfield.cameras import Cameras
from nfield.devices import device_of, on_device
from nfield.fields.base import Field
from nfield.rendering.image import CHUNK, Image, ShouldStop, never, render_rays
from nfield.rendering.renderer import Renderer
from nfield.types import Box

_DEVICE_CHUNKS = 8
"""A GPU that gets as few rays at once as a CPU mostly waits."""


@dataclass(frozen=True)
class SceneRenderer:
    """Shows one field from any camera.

    Attributes:
        field: What is looked at.
        renderer: Renders it.
        box: World box beyond which nothing is rendered, metres.
        near: Distance before which nothing is rendered, metres.
        background: sRGB colour behind everything.
    """

    field: Field
    renderer: Renderer
    box: Box
    near: float
    background: tuple[float, float, float]

    def image(self, cameras: Cameras, index: int) -> Image:
        """One camera's view."""
        image = self.image_unless(never, cameras, index)
        assert image is not None
        return image

    def image_unless(
        self, should_stop: ShouldStop, cameras: Cameras, index: int, *, chunk: int = CHUNK
    ) -> Image | None:
        """One camera's view, or None where `should_stop` said so between two chunks of `chunk` rays (more on a GPU)."""
        device = device_of(self.field)
        camera = on_device(cameras[index : index + 1], device)
        chunk = chunk if device.type == "cpu" else _DEVICE_CHUNKS * chunk
        rays, behind = camera.image_rays(0, box=self.box, near=self.near), torch.tensor(self.background, device=device)
        return render_rays(
            self.renderer,
            self.field,
            rays,
            cameras.size_of(index),
            background=behind,
            should_stop=should_stop,
            chunk=chunk,
        )
