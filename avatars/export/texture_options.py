"""What all formats ask that hold a texture, or colours that were taken from one."""

from dataclasses import dataclass, replace

import torch

from avatars.export.textured_mesh import TextureConfig
from nfield.errors import OptionError

MAKING = "making the mesh and its texture"
"""What is told before it takes its time."""


@dataclass(frozen=True)
class TextureOptions:
    """Options of a texture."""

    texture: int = 2048
    """Width of the texture, pixels."""
    seed: int = 0
    """Of where the field is looked at to find its empty parts."""

    @property
    def config(self) -> TextureConfig:
        """How the mesh is made.

        Raises:
            OptionError: The texture is too small or too large to be used.
        """
        if not 64 <= self.texture <= 8192:
            raise OptionError(f"--texture: is {self.texture}, expected 64 to 8192 pixels")
        return replace(TextureConfig(), size=self.texture)

    @property
    def generator(self) -> torch.Generator:
        """A new one, which the seed sets."""
        return torch.Generator().manual_seed(self.seed)
