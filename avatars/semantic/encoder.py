"""What tells how alike two pictures are in meaning: an image-text model behind a protocol."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class SemanticEncoder(Protocol):
    """A frozen model that gives pictures and texts places on one unit sphere."""

    def images(self, pictures: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b e"]:
        """Unit vectors of pictures, sRGB in [0, 1], of any square size; differentiable in the pictures."""
        ...

    def texts(self, texts: Sequence[str]) -> Float[Tensor, "b e"]:
        """Unit vectors of texts."""
        ...


@runtime_checkable
class EncoderSource(Protocol):
    """Where an encoder comes from, as options: frozen, and equal where it is the same one."""

    def load(self) -> SemanticEncoder:
        """The encoder.

        Raises:
            BackendUnavailable: A package is missing.
            OptionError: It has no such model.
            DataError: A file of weights cannot be used.
        """
        ...
