"""The shipped image-text model of people: small, trained on made-up people only (assets/semantic/README.md)."""

from dataclasses import dataclass

import assets
from avatars.semantic.encoder import SemanticEncoder
from avatars.semantic.open_clip_encoder import OpenClipSource

NAME = "people"
"""What the command calls it."""


@dataclass(frozen=True)
class PeopleSource:
    """The shipped model, an `EncoderSource`; it has no options."""

    def load(self) -> SemanticEncoder:
        """See `EncoderSource.load`."""
        architecture, weights = (str(assets.path(f"semantic/people.{end}")) for end in ("json", "safetensors"))
        return OpenClipSource(architecture, weights).load()
