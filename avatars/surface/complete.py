"""Who paints the back: from what the photo shows of a surface to colours everywhere on it.

`Completion` is the protocol. Its implementations: `avatars.surface.texture_rules.TextureRules`, in texture space;
`avatars.surface.learned.completion.NetworkCompletion`, a network after these, which is the product's; and
`avatars.surface.vertex_rules.VertexRules`, on vertices, which they replaced and are measured against.
"""

from typing import Protocol, runtime_checkable

from avatars.surface.appearance import Appearance
from avatars.surface.paint import PhotographedSurface


@runtime_checkable
class Completion(Protocol):
    """A way to colour what the photo does not show; its options are its attributes."""

    def complete(self, shown: PhotographedSurface) -> Appearance:
        """Colours everywhere on a surface, and where they are the photo's own.

        Args:
            shown: The surface and the photo.
        """
        ...
