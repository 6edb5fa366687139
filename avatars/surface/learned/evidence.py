"""What the network is told of a person: colours that the photo shows, those that the rules made, and what is where."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.surface.learned.sheets import splat

CHANNELS = 11
"""Of each sheet: `Evidence.on_sheets`."""

RULES, PHOTO, SEEN, SHARE = slice(0, 3), slice(3, 6), slice(6, 7), slice(10, 11)
"""Which of them are what."""


@dataclass(frozen=True)
class Evidence:
    """Texels of a person.

    Attributes:
        place: See `avatars.surface.learned.sheets.Stature.places`.
        normal: Unit normals at rest.
        rules: What the rules painted, sRGB in [0, 1].
        photo: sRGB of the photo.
        confidence: In the photo, in [0, 1].
        kind: Whether each belongs to the face, to the scalp, and to what hangs loose; 0 or 1.
    """

    place: Float[Tensor, "n 3"]
    normal: Float[Tensor, "n 3"]
    rules: Float[Tensor, "n 3"]
    photo: Float[Tensor, "n 3"]
    confidence: Float[Tensor, "n"]
    kind: Float[Tensor, "n 3"]

    def on_sheets(self) -> Float[Tensor, "6 k e e"]:
        """On each sheet: the rules' colours, the photo's times confidence, confidence, kinds, and how much there is."""
        values = torch.cat([self.rules, self.photo * self.confidence[:, None], self.confidence[:, None], self.kind], -1)
        means, share = splat(self.place, self.normal, values, torch.ones_like(self.confidence))
        return torch.cat([means, share[:, None]], 1)
