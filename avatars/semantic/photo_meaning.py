"""What the crops of the photo mean."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.portrait import PersonPhoto
from avatars.posed.avatar import PosedAvatar
from avatars.semantic.crops import Crop
from avatars.semantic.encoder import SemanticEncoder
from avatars.semantic.sampling import FULL
from avatars.semantic.standing import VIEW_SIZE, part_mask

BACKGROUNDS = ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.75, 0.55, 0.35), (0.3, 0.5, 0.7), (0.4, 0.6, 0.4))
"""sRGB: few, so that the photo's crops are encoded once over each."""
FEWEST = 500
"""Pixels of a part, of 512 by 512, without which a picture does not show it."""


class PhotoMeaning:
    """The meaning of the photo's crops, each encoded when it is first asked for.

    Args:
        person: The photo.
        posed: The avatar as the photo shows it.
        parts: Of each of its triangles, an index of `avatars.semantic.sampling.PARTS`.
        encoder: Frozen.
        size: Edge of a crop, pixels: as sharp as those that are compared with it.
    """

    def __init__(
        self,
        person: PersonPhoto,
        posed: PosedAvatar,
        parts: Int[Tensor, "t"],
        encoder: SemanticEncoder,
        size: int,
    ) -> None:
        self._person, self._posed, self._parts, self._encoder, self._size = person, posed, parts, encoder, size
        self._crops: dict[str, Crop | None] = {}
        self._known: dict[tuple[str, int], Float[Tensor, "e"]] = {}

    def shows(self, part: str) -> bool:
        """Whether the photo shows enough of a part."""
        return self._crop(part) is not None

    @torch.no_grad()
    def of(self, part: str, background: int) -> Float[Tensor, "e"]:
        """Unit vector of a part, over one of the backgrounds; of the whole person where the part is not shown."""
        key = (part if self.shows(part) else FULL, background)
        if key not in self._known:
            crop = self._crop(key[0])
            assert crop is not None
            picture = crop.of(self._over(background), self._size)
            self._known[key] = self._encoder.images(picture.permute(2, 0, 1)[None])[0]
        return self._known[key]

    def _crop(self, part: str) -> Crop | None:
        if part not in self._crops:
            posed, camera = self._posed, self._person.portrait.camera
            mask = part_mask(posed.vertices, posed.faces, self._parts, part, camera)
            enough = part == FULL or int(mask.sum()) >= FEWEST * mask.numel() / VIEW_SIZE**2
            self._crops[part] = Crop.around(mask, part) if enough else None
        return self._crops[part]

    def _over(self, background: int) -> Float[Tensor, "h w 3"]:
        color, alpha = self._person.photo.to(torch.float32) / 255.0, self._person.alpha[..., None]
        return color * alpha + torch.tensor(BACKGROUNDS[background]) * (1.0 - alpha)
